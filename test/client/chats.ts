import { type ChatState, fromSnapshot } from '../../src/client/chat-state.ts'
import { type ChatInput, reduce } from '../../src/client/reduce.ts'
import type { ChatEvent, ChatEventOf, ChatEventType } from '../../src/protocol/events.ts'
import type { ChangeSet, Chat, Message, Participant } from '../../src/protocol/model.ts'
import { CHAT_ID, userOf, uuidOf } from './served-chat.ts'

/** In these builders a message has the number of its seq: `messageAt(7)` is message 7, created at 7. */
export const AT = '2026-01-01T00:00:00.000Z'
export const ME = uuidOf(1)
export const THEM = uuidOf(2)

export function messageAt(seq: number, more: Partial<Message> = {}): Message {
  return {
    id: uuidOf(seq),
    chatId: CHAT_ID,
    seq,
    changedSeq: seq,
    senderId: THEM,
    contentType: 'text',
    content: `message ${seq}`,
    formatting: null,
    metadata: null,
    replyToId: null,
    mentions: [],
    reactions: [],
    attachments: [],
    isEdited: false,
    editedAt: null,
    isDeleted: false,
    deletedAt: null,
    createdAt: AT,
    ...more,
  }
}

export function participantOf(number: number, more: Partial<Participant> = {}): Participant {
  const marks = { joinedSeq: 1, leftSeq: null, readSeq: 1, deliveredSeq: 1 }
  return { userId: uuidOf(number), role: 'member', ...marks, user: userOf(number), ...more }
}

/** A chat of users 1 (me) and 2, whose last message stands at `seq`. */
export function chatAt(seq: number, more: Partial<Chat> = {}): Chat {
  return {
    ...{ id: CHAT_ID, kind: 'group', name: 'Group', slug: null, avatarUrl: null, ownerId: THEM },
    ...{ subject: null, status: null, assigneeId: null, history: 'all', isOpen: false, createdAt: AT },
    ...{ seq, lastMessage: messageAt(seq), lastMessageAt: AT, participantCount: 2 },
    participants: [participantOf(1), participantOf(2)],
    me: { role: 'member', readSeq: seq, unread: 0, mutedUntil: null },
    ...more,
  }
}

export function eventAt<T extends ChatEventType>(
  seq: number,
  type: T,
  data: ChatEventOf<T>['data'],
): ChatInput {
  return { type: 'event', event: { type, chatId: CHAT_ID, seq, at: AT, data } as ChatEvent }
}

export function sentAt(seq: number, more: Partial<Message> = {}): ChatInput {
  return eventAt(seq, 'message:new', { message: messageAt(seq, more), sender: userOf(2) })
}

export function changesOf(from: number, to: number, more: Partial<ChangeSet> = {}): ChatInput {
  const nothing = { chat: null, me: null, participants: [], messages: [] }
  return { type: 'changes', changes: { chatId: CHAT_ID, from, to, ...nothing, ...more } }
}

export function stateOf(chat: Chat, ...inputs: readonly ChatInput[]): ChatState {
  return inputs.reduce(reduce, fromSnapshot(chat, { userId: ME, keepMessages: 1_000 }))
}
