import type { AckOf, CommandOf, CommandType } from '../protocol/commands.ts'
import type { ErrorCode, Refusal } from '../protocol/errors.ts'
import type { ChatEvent } from '../protocol/events.ts'
import type { Participant, UserSummary } from '../protocol/model.ts'
import { may, type Permission, whoMay } from './permissions.ts'
import type { Known, Principal, RoomState, Turn } from './ports.ts'

/** Situation is everything that a decision may look at. */
export interface Situation {
  /** undefined while the chat does not exist. */
  readonly state: RoomState | undefined
  readonly principal: Principal
  readonly known: Known
  /** The time of the turn, ISO 8601. */
  readonly at: string
  /** An id for what the client did not name. */
  readonly freshId: () => string
}

/**
 * Decision is what one command comes to: changes with their answer, a watermark (which the turn merges with others
 * into one change), or a refusal.
 */
export type Decision<T extends CommandType = CommandType> =
  | {
      readonly kind: 'done'
      readonly events: readonly ChatEvent[]
      readonly mutes?: Turn['mutes']
      readonly seats?: Turn['seats']
      readonly ack: AckOf<T>
      /** The answer tells what was stored before, so it stands whatever has changed since. */
      readonly isReplay?: boolean
    }
  | {
      readonly kind: 'watermark'
      readonly userId: string
      readonly readSeq: number
      readonly deliveredSeq: number
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal }

export type Decide<T extends CommandType> = (situation: Situation, command: CommandOf<T>) => Decision<T>

/** A participant who may do what was asked, with the state it was looked up in. */
export interface Permitted {
  readonly state: RoomState
  readonly me: Participant
}

/**
 * senderOf is who speaks, as the chat knows them: a room learns of another name before anybody is told of it, while a
 * connection goes on under the one with which it began.
 */
export function senderOf({ state, principal }: Situation): UserSummary {
  const user = state?.participants.get(principal.user.id)?.user
  if (!user) return principal.user
  const { id, username, displayName, avatarUrl, type } = user
  return { id, username, displayName, avatarUrl, type }
}

export function refused(code: ErrorCode, message: string, field?: string): Decision<never> {
  return {
    kind: 'refused',
    refusal: { code, message, details: field === undefined ? [] : [{ field, message }] },
  }
}

/** What one may not see does not exist. */
export const NO_CHAT = refused('NOT_FOUND', 'No such chat among yours', 'chatId')

/** permitted finds the principal among the participants and asks the table; a refusal comes back as a decision. */
export function permitted(
  { state, principal }: Situation,
  permission: Permission,
): Permitted | Decision<never> {
  const me = state?.participants.get(principal.user.id)
  if (!state || !me || state.isDeleted) return NO_CHAT
  if (may(me.role, permission, state.chat.kind)) return { state, me }
  const who = whoMay(permission, state.chat.kind)
  return refused(
    'FORBIDDEN',
    who.length === 0
      ? `Not possible in a ${state.chat.kind} chat: ${permission}`
      : `Only ${who.join(' or ')} may do this: ${permission}`,
  )
}

export function isRefusal<T extends CommandType>(it: object | Decision<T>): it is Decision<T> {
  return 'kind' in it
}
