import type { ChatEvent, ChatEventOf } from '../protocol/events.ts'
import type { ClientFrameOf } from '../protocol/frames.ts'
import type { ChangeSet, Chat, ChatInfo, Membership, Message, Participant } from '../protocol/model.ts'
import { MessageLog } from './message-log.ts'

/** The events that change one message. */
export type MessageEvent = ChatEventOf<
  'message:edited' | 'message:deleted' | 'reaction:added' | 'reaction:removed'
>

/**
 * SendBody is what a message may carry. The `id`, a UUIDv7, is chosen by the outbox unless it is given: the same id
 * is the same message for ever.
 */
export type SendBody = Partial<Omit<ClientFrameOf<'message:send'>['data'], 'chatId'>>

/** A message that the server has not yet acknowledged, under the id that it will keep. */
export interface QueuedMessage {
  readonly id: string
  readonly chatId: string
  /** null when it was written before this client knew whose it is. */
  readonly senderId: string | null
  readonly body: Omit<SendBody, 'id'>
  /** ISO 8601, by this device's clock. */
  readonly queuedAt: string
  /** Its place in the outbox. */
  readonly place: number
}

/**
 * ChatState is one chat as this client knows it: the snapshot it began with and every change up to `applied`, in
 * order, each once. It never changes in place, and what did not change is shared with the state before.
 */
export interface ChatState {
  readonly id: string
  /** Whose copy this is. */
  readonly userId: string
  readonly info: ChatInfo
  readonly me: Membership
  /** `left` when removed, or when the chat is no longer this user's to see. Only `in` is kept up to date. */
  readonly standing: 'in' | 'left' | 'deleted'
  /** Those who take part now; of a group all of them only once `hasAllParticipants`. */
  readonly participants: ReadonlyMap<string, Participant>
  readonly hasAllParticipants: boolean
  /** Every message whose seq is at least `loadedFrom`, deleted ones too: their place stays. */
  readonly messages: MessageLog
  /** 0 when there is nothing older to load. */
  readonly loadedFrom: number
  /** Not yet acknowledged, oldest first. */
  readonly queued: readonly QueuedMessage[]
  /** Other users that are typing. */
  readonly typing: readonly string[]
  readonly applied: number
  /** The last change that this client has heard of. */
  readonly head: number
  /** Events that wait for one before them, by seq. */
  readonly held: ReadonlyMap<number, ChatEvent>
  /** The changes between are too many or of another history: a snapshot has to be read. */
  readonly isStale: boolean
  /** `me` is in doubt since this change: it has to be read again from the one before. */
  readonly doubtfulSince: number | null
  /** While a page of older messages is read: the changes of messages that are not loaded. */
  readonly late: readonly MessageEvent[] | null
  /** At most this many messages are kept when new ones come. */
  readonly keepMessages: number
}

/** Owner is whose state is kept, and how much of it. */
export interface Owner {
  readonly userId: string
  readonly keepMessages: number
}

/** fromSnapshot begins a chat with what a read of it gave. */
export function fromSnapshot(chat: Chat, owner: Owner): ChatState {
  const { seq, lastMessage, lastMessageAt: _, participantCount: __, participants, me, ...info } = chat
  return {
    ...begun(info, owner),
    me: me ?? NOBODY,
    standing: me ? 'in' : 'left',
    participants: byUser(participants ?? []),
    hasAllParticipants: participants !== null,
    messages: MessageLog.of(lastMessage ? [lastMessage] : []),
    loadedFrom: lastMessage?.seq ?? 0,
    applied: seq,
    head: seq,
  }
}

/** fromBeginning begins a chat with all its changes. undefined when they are not all, or not this user's. */
export function fromBeginning(changes: ChangeSet, owner: Owner): ChatState | undefined {
  const { chat, me, participants, messages, from, to } = changes
  if (from > 0 || !chat || !me) return undefined
  const log = MessageLog.of(messages).keep(owner.keepMessages)
  return {
    ...begun(chat, owner),
    me,
    participants: byUser(participants.filter(({ leftSeq }) => leftSeq === null)),
    hasAllParticipants: true,
    messages: log,
    loadedFrom: log.length < messages.length ? (log.at(0)?.seq ?? 0) : 0,
    applied: to,
    head: to,
  }
}

/** Missing is what has to be read from the server before the state is right. */
export type Missing = { readonly read: 'chat' } | { readonly read: 'changes'; readonly since: number }

export function findMissing(state: ChatState): Missing | undefined {
  const { applied, head, standing, isStale, doubtfulSince } = state
  if (isStale) return { read: 'chat' }
  // a chat that goes on for who has left it was joined again
  if (standing === 'left' && head > applied) return { read: 'chat' }
  if (standing !== 'in') return undefined
  if (doubtfulSince !== null) return { read: 'changes', since: doubtfulSince - 1 }
  return head > applied ? { read: 'changes', since: applied } : undefined
}

/** isFollowed tells whether changes can be applied: other chats wait for a read, or are over. */
export function isFollowed({ standing, isStale }: ChatState): boolean {
  return standing === 'in' && !isStale
}

/** counts tells whether a message is unread to the owner of the state, as of what is applied. */
export function counts({ me, userId, applied }: ChatState, message: Message): boolean {
  const { seq, senderId, isDeleted, changedSeq } = message
  return seq > me.readSeq && seq <= applied && senderId !== userId && !(isDeleted && changedSeq <= applied)
}

const NOBODY: Membership = { role: 'observer', readSeq: 0, unread: 0, mutedUntil: null }

function begun(info: ChatInfo, { userId, keepMessages }: Owner) {
  return {
    id: info.id,
    userId,
    keepMessages,
    info,
    standing: 'in' as const,
    queued: [],
    typing: [],
    held: new Map(),
    isStale: false,
    doubtfulSince: null,
    late: null,
  }
}

function byUser(participants: readonly Participant[]): ReadonlyMap<string, Participant> {
  return new Map(participants.map((participant) => [participant.userId, participant]))
}
