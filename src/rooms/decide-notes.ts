import type { ChatInfo, Participant } from '../protocol/model.ts'
import { notesIdOf } from '../protocol/sessions.ts'
import { type Decide, NO_CHAT, type Situation } from './decision.ts'
import type { RoomState } from './ports.ts'
import { joins, leaves, newParticipant, numbered } from './session-steps.ts'

/**
 * Whoever works in a session opens its notes: a chat of its own, whose participants are the staff of the session as it
 * is stored now. A customer is in the session by the role `customer` and so never among them.
 */
export const decideOpenNotes: Decide<'notes:open'> = (situation, { chatId, sessionId }) => {
  const { state, principal, at } = situation
  const staff = staffOf(situation, chatId, sessionId)
  if (!staff?.some(({ userId }) => userId === principal.user.id)) return NO_CHAT
  if (state) {
    const events = follow(situation, state, staff)
    return { kind: 'done', events, ack: { chat: state.chat, seq: state.seq + events.length } }
  }
  const chat: ChatInfo = {
    ...{ id: chatId, kind: 'notes', name: null, slug: null, avatarUrl: null, ownerId: null },
    ...{ subject: null, status: null, assigneeId: null, parentId: sessionId, session: null },
    ...{ history: 'all', isOpen: false, createdAt: at },
  }
  const participants = staff.map(({ user, role }) => newParticipant(user, { role, seq: 1 }))
  const events = numbered(chatId, at, 0, [() => ({ type: 'chat:created', data: { chat, participants } })])
  return { kind: 'done', events, ack: { chat, seq: 1 } }
}

/** After each change of a session's staff: its notes, if there are any, have the same. Never asked for by a client. */
export const decideFollow: Decide<'notes:follow'> = (situation, { chatId, sessionId }) => {
  const { state } = situation
  const staff = staffOf(situation, chatId, sessionId)
  if (!state || !staff) return NO_CHAT
  const events = follow(situation, state, staff)
  return { kind: 'done', events, ack: { seq: state.seq + events.length } }
}

type Staff = readonly Participant[]

function staffOf({ known }: Situation, chatId: string, sessionId: string): Staff | undefined {
  const session = known.sessions?.chats.get(sessionId)
  if (session?.chat.kind !== 'session' || session.isDeleted || chatId !== notesIdOf(sessionId))
    return undefined
  return [...session.participants.values()].filter(({ role }) => role !== 'customer')
}

function follow({ principal, at }: Situation, { chat, seq, participants }: RoomState, staff: Staff) {
  const stays = new Set(staff.map(({ userId }) => userId))
  const gone = [...participants.keys()].filter((userId) => !stays.has(userId))
  return numbered(chat.id, at, seq, [
    ...staff.flatMap(({ user, role }) => joins(user, role, participants.get(user.id))),
    ...gone.map((userId) => leaves(userId, principal.user.id)),
  ])
}
