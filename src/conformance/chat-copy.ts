import type { z } from 'zod'
import type { ChatEvent } from '../protocol/events.ts'
import type { ServerFrame } from '../protocol/frames.ts'
import type { ChangeSet, ChatInfo, Message, Participant } from '../protocol/model.ts'
import type { ChatView, SeenRecord } from './history.ts'
import type { Person } from './person.ts'

/**
 * ChatCopy is a chat as a client keeps it that knows nothing but the rules for clients: it drops what is old, applies
 * what is next, holds what is later, and takes an ack for the event of its seq. Written apart from `src/client`, so
 * that one can be wrong without the other.
 */
export class ChatCopy {
  readonly chatId: string
  readonly #userId: string
  /** The last change that was applied. */
  seq = 0
  chat: ChatInfo | undefined
  readonly #messages = new Map<string, Message>()
  readonly #participants = new Map<string, Participant>()
  readonly #held = new Map<number, () => void>()
  readonly seen: SeenRecord[] = []

  constructor(chatId: string, userId: string) {
    this.chatId = chatId
    this.#userId = userId
  }

  /** A later change has come, and one before it has not. */
  get hasHole(): boolean {
    return this.#held.size > 0
  }

  /** Any frame at all: what is not of this chat is passed over. */
  take(frame: ServerFrame): void {
    if (frame.type === 'sync:batch' && frame.data.chatId === this.chatId) this.#takeBatch(frame.data)
    else if (frame.type === 'ack') this.#takeAck(frame.data)
    else if ('seq' in frame && frame.chatId === this.chatId) this.#takeEvent(frame)
  }

  /** Another connection begins: what was held belongs to the one before. */
  forgetHeld(): void {
    this.#held.clear()
  }

  view(): ChatView {
    const messages = [...this.#messages.values()].sort((a, b) => a.seq - b.seq)
    const readSeq = this.#participants.get(this.#userId)?.readSeq ?? 0
    const unread = messages.filter(
      ({ seq, senderId, isDeleted }) => seq > readSeq && senderId !== this.#userId && !isDeleted,
    ).length
    return { seq: this.seq, messages, participants: [...this.#participants.values()], unread }
  }

  #takeAck(data: object): void {
    if (!('message' in data) || !('seq' in data) || typeof data.seq !== 'number') return
    const message = data.message as Message
    if (message.chatId !== this.chatId || message.changedSeq !== data.seq) return
    this.#record(data.seq, `message ${message.id}`)
    this.#apply(data.seq, () => this.#messages.set(message.id, message))
  }

  #takeEvent(event: ChatEvent): void {
    const marks = event.type === 'receipts' ? { marks: event.data.marks } : {}
    this.seen.push({ chatId: this.chatId, seq: event.seq, key: keyOf(event), ...marks })
    this.#apply(event.seq, () => this.#applyEvent(event))
  }

  #takeBatch({ from, to, chat, participants, messages }: z.infer<typeof ChangeSet>): void {
    for (const { id, seq, changedSeq } of messages) {
      if (seq > from) this.#record(seq, `message ${id}`)
      if (changedSeq !== seq) this.#record(changedSeq, `message ${id}`)
    }
    // A batch from past what is here leaves a hole before it: the answer to `sync` is still to come.
    if (to <= this.seq || from > this.seq) return
    this.chat = chat ?? this.chat
    for (const it of participants) this.#participants.set(it.userId, it)
    for (const it of messages) this.#messages.set(it.id, it)
    this.seq = to
    this.#drain()
  }

  #apply(seq: number, change: () => void): void {
    if (seq <= this.seq) return
    this.#held.set(seq, change)
    this.#drain()
  }

  #drain(): void {
    for (const seq of this.#held.keys()) if (seq <= this.seq) this.#held.delete(seq)
    for (let next = this.#held.get(this.seq + 1); next; next = this.#held.get(this.seq + 1)) {
      next()
      this.seq += 1
      this.#held.delete(this.seq)
    }
  }

  #applyEvent(event: ChatEvent): void {
    switch (event.type) {
      case 'message:new':
      case 'message:edited':
        this.#messages.set(event.data.message.id, event.data.message)
        break
      case 'message:deleted':
        this.#bury(event.data.messageId, event)
        break
      case 'reaction:added':
      case 'reaction:removed':
        this.#change(event.data.messageId, { reactions: event.data.reactions, changedSeq: event.seq })
        break
      case 'receipts':
        for (const { userId, readSeq, deliveredSeq } of event.data.marks) {
          const participant = this.#participants.get(userId)
          if (participant) this.#participants.set(userId, { ...participant, readSeq, deliveredSeq })
        }
        break
      case 'chat:created':
      case 'chat:updated':
        this.chat = event.data.chat
        for (const it of event.data.participants) this.#participants.set(it.userId, it)
        break
      case 'session:queued':
      case 'session:accepted':
      case 'session:transferred':
      case 'session:closed':
      case 'session:reopened':
        this.chat = event.data.chat
        break
      case 'participant:joined':
      case 'participant:updated':
        this.#participants.set(event.data.participant.userId, event.data.participant)
        break
      case 'participant:left':
        this.#participants.delete(event.data.userId)
        break
      case 'chat:deleted':
        break
      default:
        event satisfies never
    }
  }

  #bury(messageId: string, { seq, at }: ChatEvent): void {
    this.#change(messageId, {
      changedSeq: seq,
      content: '',
      formatting: null,
      metadata: null,
      mentions: [],
      reactions: [],
      attachments: [],
      isDeleted: true,
      deletedAt: at,
    })
  }

  #change(messageId: string, change: Partial<Message>): void {
    const message = this.#messages.get(messageId)
    if (message) this.#messages.set(messageId, { ...message, ...change })
  }

  #record(seq: number, key: string): void {
    this.seen.push({ chatId: this.chatId, seq, key })
  }
}

/** What tells two contents of one number apart, on whichever path they came. */
function keyOf(event: ChatEvent): string {
  if ('messageId' in event.data) return `message ${event.data.messageId}`
  if ('message' in event.data) return `message ${event.data.message.id}`
  return `${event.type} ${JSON.stringify(event.data, (key, value) => (key === 'user' ? undefined : value))}`
}

/** readView is the chat as a fresh read says it is. */
export async function readView(person: Person, chatId: string): Promise<ChatView & { chat: ChatInfo }> {
  const { chat } = await person.call('GET /api/chats/:id', { params: { id: chatId } })
  const messages = await person.history(chatId)
  return {
    chat,
    seq: chat.seq,
    messages,
    participants: chat.participants ?? [],
    unread: chat.me?.unread ?? 0,
  }
}
