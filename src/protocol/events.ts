import { z } from 'zod'
import { ChatId, MessageId, Seq, Time, UserId } from './ids.ts'
import {
  ChatInfo,
  Contact,
  Message,
  Participant,
  PresenceStatus,
  Reaction,
  ReceiptMark,
  UserSummary,
} from './model.ts'

function event<T extends string, D extends z.ZodRawShape>(type: T, description: string, data: D) {
  return z
    .object({ type: z.literal(type), chatId: ChatId, seq: Seq, at: Time, data: z.object(data) })
    .meta({ id: `event:${type}`, description })
}

function signal<T extends string, D extends z.ZodType>(type: T, description: string, data: D) {
  return z.object({ type: z.literal(type), data }).meta({ id: `signal:${type}`, description })
}

const ReactionChange = {
  messageId: MessageId,
  emoji: z.string(),
  userId: UserId,
  reactions: z.array(Reaction).describe("All of the message's reactions after this"),
}

/** Every durable change of a chat. Each takes the next seq; together they are the chat's history. */
export const ChatEvent = z.discriminatedUnion('type', [
  event('message:new', 'A message was sent', { message: Message, sender: UserSummary }),
  event('message:edited', 'A message has other words now', { message: Message }),
  event('message:deleted', 'A message is gone; its place stays', {
    messageId: MessageId,
    messageSeq: Seq,
    senderId: UserId.nullable(),
  }),
  event('reaction:added', 'Somebody reacted', ReactionChange),
  event('reaction:removed', 'Somebody took a reaction back', ReactionChange),
  event('receipts', 'Watermarks moved: at once in direct chats, at most once a second in groups', {
    marks: z.array(ReceiptMark),
  }),
  event('chat:created', 'The chat began', { chat: ChatInfo, participants: z.array(Participant) }),
  event('chat:updated', 'Its name, picture, slug, settings or owner changed', {
    chat: ChatInfo,
    participants: z.array(Participant).describe('Whose role changed with it'),
  }),
  event('chat:deleted', 'The chat is gone for everybody', {}),
  event('participant:joined', 'Somebody takes part', { participant: Participant }),
  event('participant:left', 'Somebody left or was removed (`by` another)', { userId: UserId, by: UserId }),
  event('participant:updated', "A role changed, or something of the participant's own (read `me` again)", {
    participant: Participant,
  }),
  event('session:queued', 'The session waits in the queue again', { chat: ChatInfo }),
  event('session:accepted', 'A professional has taken the session', { chat: ChatInfo }),
  event('session:transferred', 'It is with another professional, or in the queue of a team', {
    chat: ChatInfo,
  }),
  event('session:closed', 'It is closed, and takes no more messages', { chat: ChatInfo }),
  event('session:reopened', 'It is open again: in the queue, or with its professional', { chat: ChatInfo }),
])
export type ChatEvent = z.infer<typeof ChatEvent>
export type ChatEventType = ChatEvent['type']
export type ChatEventOf<T extends ChatEventType> = Extract<ChatEvent, { type: T }>

export const UserStatus = z.object({ userId: UserId, status: PresenceStatus, lastSeen: Time.nullable() })
export type UserStatus = z.infer<typeof UserStatus>

/** What is neither stored nor numbered. A signal may be lost; the next one replaces it. */
export const Signal = z.discriminatedUnion('type', [
  signal(
    'typing',
    'Who is typing: the whole list, at most once a second per chat',
    z.object({ chatId: ChatId, userIds: z.array(UserId) }),
  ),
  signal('user:status', 'Somebody one shares a chat or a contact with came, went or is away', UserStatus),
  signal(
    'user:updated',
    'Somebody one shares a chat or a contact with, or oneself, is called or shown otherwise now',
    z.object({ user: UserSummary }),
  ),
  signal(
    'contact:updated',
    'How one stands with another user changed; null when it ended',
    z.object({
      userId: UserId.describe('The other user'),
      contact: Contact.nullable(),
    }),
  ),
  signal(
    'session:waiting',
    'To available agents and admins: a session has come into the queue or left it, as its status says',
    z.object({ chat: ChatInfo, customer: UserSummary.nullable() }),
  ),
])
export type Signal = z.infer<typeof Signal>
