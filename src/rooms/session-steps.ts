import type { ChatEvent, ChatEventOf, ChatEventType } from '../protocol/events.ts'
import type { ChatInfo, Message, Participant, Role, SessionInfo, User } from '../protocol/model.ts'
import type { SystemNote } from '../protocol/sessions.ts'
import { type Situation, senderOf } from './decision.ts'

/** A change before its number is known. */
type Step = (seq: number) => { [T in ChatEventType]: Pick<ChatEventOf<T>, 'type' | 'data'> }[ChatEventType]

/** numbered gives the steps of one command their numbers, one after another from `after` + 1. */
export function numbered(chatId: string, at: string, after: number, steps: readonly Step[]): ChatEvent[] {
  return steps.map((step, index) => {
    const seq = after + 1 + index
    return { ...step(seq), chatId, seq, at } as ChatEvent
  })
}

/** joins takes a user in, or gives a participant another role; nothing where the role is that already. */
export function joins(user: User, role: Role, before: Participant | undefined): Step[] {
  if (before?.role === role) return []
  if (before) return [() => ({ type: 'participant:updated', data: { participant: { ...before, role } } })]
  return [
    (seq) => ({
      type: 'participant:joined',
      data: { participant: newParticipant(user, { role, seq }) },
    }),
  ]
}

export function leaves(userId: string, by: string): Step {
  return () => ({ type: 'participant:left', data: { userId, by } })
}

export function newParticipant(user: User, { role, seq }: { role: Role; seq: number }): Participant {
  return { userId: user.id, role, joinedSeq: seq, leftSeq: null, readSeq: seq, deliveredSeq: seq, user }
}

/** What happened to a session, in words and in metadata. */
export interface Told {
  readonly session: SystemNote['session']
  readonly words: string
  readonly chat: ChatInfo
}

/** tells is the message of the service's own that stands in the chat for what happened to the session. */
export function tells(situation: Situation, { session, words, chat }: Told): Step {
  const { at, freshId } = situation
  const sender = senderOf(situation)
  const note: SystemNote = {
    session,
    by: sender.id,
    assigneeId: chat.assigneeId,
    team: chat.session?.team ?? null,
    reason: chat.session?.closeReason ?? null,
  }
  return (seq) => {
    const message: Message = {
      id: freshId(),
      chatId: chat.id,
      seq,
      changedSeq: seq,
      senderId: sender.id,
      contentType: 'system',
      content: `${sender.displayName} ${words}`,
      formatting: null,
      metadata: note,
      replyToId: null,
      mentions: [],
      reactions: [],
      attachments: [],
      isEdited: false,
      editedAt: null,
      isDeleted: false,
      deletedAt: null,
      createdAt: at,
    }
    return { type: 'message:new', data: { message, sender } }
  }
}

type Place = Pick<ChatInfo, 'status' | 'assigneeId'> & Partial<SessionInfo>

/** placed is the session with another status and assignee, and what follows from them. */
export function placed(chat: ChatInfo, at: string, { status, assigneeId, ...fields }: Place): ChatInfo {
  const before = chat.session ?? NO_SESSION
  const session = {
    ...before,
    queuedAt: status === 'waiting' ? at : null,
    closedAt: status === 'closed' ? at : null,
    closeReason: null,
    ...fields,
  }
  return { ...chat, status, assigneeId, session }
}

export const NO_SESSION: SessionInfo = {
  externalId: null,
  team: null,
  metadata: null,
  queuedAt: null,
  closedAt: null,
  closeReason: null,
}
