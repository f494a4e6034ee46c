import { type ChatState, fromSnapshot } from '../../src/client/chat-state.ts'
import { type ChatInput, reduce } from '../../src/client/reduce.ts'
import type { ChatEvent, ChatEventOf, ChatEventType } from '../../src/protocol/events.ts'
import type { ChangeSet, Chat, Message, Participant } from '../../src/protocol/model.ts'
import { AT, aChat, aMessage, aParticipant, GROUP, uuid } from '../support/builders.ts'
import { userOf } from './served-chat.ts'

export const ME = uuid(1)
export const THEM = uuid(2)

/** A message of user 2 that was created at `seq`. */
export function messageAt(seq: number, more: Partial<Message> = {}): Message {
  return aMessage(seq, { senderId: THEM, ...more })
}

export function participantOf(number: number, more: Partial<Participant> = {}): Participant {
  return aParticipant(userOf(number), more)
}

/** A chat of users 1 (me) and 2, whose last message stands at `seq`. */
export function chatAt(seq: number, more: Partial<Chat> = {}): Chat {
  return {
    ...aChat(),
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
  return { type: 'event', event: { type, chatId: GROUP, seq, at: AT, data } as ChatEvent }
}

export function sentAt(seq: number, more: Partial<Message> = {}): ChatInput {
  return eventAt(seq, 'message:new', { message: messageAt(seq, more), sender: userOf(2) })
}

export function changesOf(from: number, to: number, more: Partial<ChangeSet> = {}): ChatInput {
  const nothing = { chat: null, me: null, participants: [], messages: [] }
  return { type: 'changes', changes: { chatId: GROUP, from, to, ...nothing, ...more } }
}

export function stateOf(chat: Chat, ...inputs: readonly ChatInput[]): ChatState {
  return inputs.reduce(reduce, fromSnapshot(chat, { userId: ME, keepMessages: 1_000 }))
}
