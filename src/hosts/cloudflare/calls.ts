import type { OpenTicket } from '../../auth/ports.ts'
import type { Authenticated, Bucket } from '../../gateway/ports.ts'
import type { PresenceStatus } from '../../protocol/model.ts'
import { toBroadcastText } from '../../rooms/broadcast-text.ts'
import type { Broadcastable, Envelope, Principal, Topic } from '../../rooms/ports.ts'

/** The form in which objects speak to each other, `test/workerd/calls.test.ts` has it word by word. */
const SPOKEN = 1
/** The forms that are taken. */
const TAKEN = [SPOKEN]

/**
 * Call is what goes from one object to another; its answer has the form of the same version. While a release spreads,
 * old and new objects talk: the one that brings a form takes it beside the last one, which it goes on speaking, and the
 * one after it speaks the new form, and takes both: `test/hosts/cloudflare-releases.test.ts` does so.
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
export type ListenerCall = Call<{ readonly gateway: string }>

/** RoomCalls is what a room object answers. A call rejects when the object is lost: done or not. */
export interface RoomCalls {
  /** Resolves with an Outcome as JSON. */
  dispatch(call: DispatchCall): Promise<string>
  /** The same over one call that lasts, for many: see `createLinks`. */
  link(): Promise<Pick<RoomCalls, 'dispatch'>>
  typing(call: TypingCall): Promise<void>
  reload(call: Call<object>): Promise<void>
  /** From now on this gateway hears the chat, until it detaches. */
  attach(call: ListenerCall): Promise<void>
  detach(call: ListenerCall): Promise<void>
  /** The gateways that hear the chat. */
  listeners(call: Call<object>): Promise<string[]>
}

/** GatewayCalls is what a gateway object answers, beside upgrade requests. */
export interface GatewayCalls {
  hear(call: HearCall): Promise<void>
  link(): Promise<Pick<GatewayCalls, 'hear'>>
  /** Of those users who have a connection. */
  statuses(call: Call<{ readonly userIds: readonly string[] }>): Promise<Record<string, PresenceStatus>>
  take(call: TakeCall): Promise<number>
  giveBack(call: TakeCall): Promise<void>
  openTicket(call: Call<{ readonly authenticated: Authenticated }>): Promise<OpenTicket>
  redeemTicket(call: Call<{ readonly ticket: string }>): Promise<Authenticated | undefined>
}

export function toCall<T extends object>(call: T): Call<T> {
  return { ...call, version: SPOKEN }
}

export function toDispatchCall(chatId: string, envelope: Envelope): DispatchCall {
  return toCall({ chatId, text: JSON.stringify(envelope) })
}

export function toHearCall(topic: Topic, item: Broadcastable): HearCall {
  return toCall({ topic, text: toBroadcastText(item) })
}

/** takeCall throws for a form that this code does not know: whoever called takes it as an object that is away. */
export function takeCall<T extends Call<object>>(call: T): T {
  if (TAKEN.includes(call.version)) return call
  throw new Error(`A call of version ${call.version}; this code knows ${TAKEN.join(' and ')}`)
}
