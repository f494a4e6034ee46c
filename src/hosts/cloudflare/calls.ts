import type { OpenTicket } from '../../auth/ports.ts'
import type { Authenticated, Bucket } from '../../gateway/ports.ts'
import type { PresenceStatus } from '../../protocol/model.ts'
import { toBroadcastText } from '../../rooms/broadcast-text.ts'
import type { Broadcastable, Envelope, Principal, Topic } from '../../rooms/ports.ts'

/** The form of what objects say to each other. While a new release spreads, both forms are on their way. */
const CALLS_VERSION = 1

/**
 * Call is what goes from one object to another. A release that changes the form takes the last one too, and goes on
 * saying it; the next release says the new one.
 */
export type Call<T> = T & { readonly version: number }

/** `text` is an Envelope as JSON: the platform takes an object apart and puts it together again at a higher price. */
export type DispatchCall = Call<{ readonly chatId: string; readonly text: string }>
export type TypingCall = Call<{
  readonly chatId: string
  readonly principal: Principal
  readonly isTyping: boolean
}>
/** `text` is that of a Broadcastable: it goes to many, and a text is cheaper to hand over than an object. */
export type HearCall = Call<{ readonly topic: Topic; readonly text: string }>
export type TakeCall = Call<{ readonly bucket: Bucket; readonly key: string }>

/** RoomCalls is what a room object answers. A call rejects when the object is lost: done or not. */
export interface RoomCalls {
  /** Resolves with an Outcome as JSON. */
  dispatch(call: DispatchCall): Promise<string>
  /** The same over one call that lasts, for many: see `createLinks`. */
  link(): Promise<Pick<RoomCalls, 'dispatch'>>
  typing(call: TypingCall): Promise<void>
  reload(): Promise<void>
  /** From now on this gateway hears the chat, until it detaches. */
  attach(gateway: string): Promise<void>
  detach(gateway: string): Promise<void>
  /** The gateways that hear the chat. */
  listeners(): Promise<string[]>
}

/** GatewayCalls is what a gateway object answers, beside upgrade requests. */
export interface GatewayCalls {
  hear(call: HearCall): Promise<void>
  link(): Promise<Pick<GatewayCalls, 'hear'>>
  /** Of those users who have a connection. */
  statuses(userIds: readonly string[]): Promise<Record<string, PresenceStatus>>
  take(call: TakeCall): Promise<number>
  giveBack(call: TakeCall): Promise<void>
  openTicket(authenticated: Authenticated): Promise<OpenTicket>
  redeemTicket(ticket: string): Promise<Authenticated | undefined>
}

export function toCall<T extends object>(call: T): Call<T> {
  return { ...call, version: CALLS_VERSION }
}

export function toDispatchCall(chatId: string, envelope: Envelope): DispatchCall {
  return toCall({ chatId, text: JSON.stringify(envelope) })
}

export function toHearCall(topic: Topic, item: Broadcastable): HearCall {
  return toCall({ topic, text: toBroadcastText(item) })
}

/** checkCall throws for a form that this code does not know: whoever called takes it as an object that is away. */
export function checkCall({ version }: Call<object>): void {
  if (version !== CALLS_VERSION && version !== CALLS_VERSION - 1) {
    throw new Error(`A call of version ${version}; this code knows ${CALLS_VERSION - 1} and ${CALLS_VERSION}`)
  }
}
