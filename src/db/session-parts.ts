import type { ChatEvent } from '../protocol/events.ts'
import type { Seats, Turn } from '../rooms/ports.ts'
import { toJson } from './hot-statement.ts'
import type { Param } from './rare-statement.ts'

/**
 * desks locks the desks that the turn changes, if there is room at the one that it takes a seat at. Two rooms may seat
 * the same agent at once, each seeing one free seat: the row's lock puts them one after the other, and as Postgres
 * looks at the row again once it has the lock, the second sees the seat taken. It is waited for, as one
 * statement holds it and no more, and in one order, so that no two wait for each other.
 */
export function desks({ chatId }: Turn, { take, free }: Seats, param: Param): string {
  const seat = param(take)
  return `select user_id from agents where user_id in (${seat}::uuid, ${param(free)}::uuid)
    and (user_id is distinct from ${seat}::uuid or ${param(chatId)}::uuid = any(session_ids)
      or cardinality(session_ids) < capacity)
    order by user_id for no key update`
}

/** Every desk that the turn changes is locked and has room: else the turn does nothing, and is decided again. */
export function isSeated({ take, free }: Seats): string {
  const count = new Set([take, free].filter((id) => id !== null)).size
  return `(select count(*) from desks) = ${count}`
}

export function seats({ chatId }: Turn, { take, free }: Seats, param: Param): string {
  const chat = `${param(chatId)}::uuid`
  const seat = `${param(take)}::uuid`
  return `update agents set session_ids =
      array_remove(session_ids, ${chat}) || case when user_id = ${seat} then array[${chat}] else '{}' end
    from head where user_id in (${seat}, ${param(free)}::uuid)`
}

/** audit writes down what of the turn is sensitive, by the same commit. */
export function audit(turn: Turn, param: Param): string[] {
  return turn.events.flatMap((event) => {
    const entry = entryOf(event, turn)
    if (!entry) return []
    return `insert into audit_log (at, actor_id, action, chat_id, target_id, details)
      select ${param(event.at)}, ${param(turn.by ?? null)}, ${param(entry.action)}, head.id,
        ${param(entry.targetId)}, ${param(toJson(entry.details))} from head`
  })
}

interface Entry {
  readonly action: string
  readonly targetId: string | null
  readonly details: object | null
}

/** One's own messages are one's own to delete; a mute is told like a role, and is nothing to write down. */
function entryOf(event: ChatEvent, { by, mutes }: Turn): Entry | undefined {
  switch (event.type) {
    case 'participant:joined':
      if (event.data.participant.role !== 'observer') return undefined
      return { action: 'session.observed', targetId: event.data.participant.userId, details: null }
    case 'participant:updated': {
      const { userId, role } = event.data.participant
      return mutes.length > 0
        ? undefined
        : { action: 'participant.role', targetId: userId, details: { role } }
    }
    case 'chat:updated':
      if (event.data.participants.length === 0) return undefined
      return { action: 'chat.owner', targetId: event.data.chat.ownerId, details: null }
    case 'chat:deleted':
      return { action: 'chat.deleted', targetId: null, details: null }
    case 'message:deleted':
      if (event.data.senderId === by) return undefined
      return { action: 'message.deleted', targetId: event.data.messageId, details: null }
    case 'session:queued':
    case 'session:accepted':
    case 'session:transferred':
    case 'session:closed':
    case 'session:reopened': {
      const { assigneeId, session } = event.data.chat
      const details = { team: session?.team ?? null, reason: session?.closeReason ?? null }
      return { action: event.type.replace(':', '.'), targetId: assigneeId, details }
    }
    default:
      return undefined
  }
}
