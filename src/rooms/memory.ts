import type { ChatEvent } from '../protocol/events.ts'
import type { Message, Participant, User } from '../protocol/model.ts'
import { toTombstone } from '../protocol/tombstone.ts'
import { apply } from './apply.ts'
import { isSeatFree, knowSessions, seat } from './memory-desks.ts'
import type {
  Broadcast,
  Broadcastable,
  Desk,
  KnownUser,
  RoomState,
  RoomStore,
  Turn,
  Upload,
} from './ports.ts'

/** A row with the number of its last change. */
interface Row<T> {
  readonly row: T
  readonly changedSeq: number
}

/** MemoryChat is one chat as a store keeps it: its rows, each in its latest state. */
export interface MemoryChat {
  state: RoomState
  /** When the chat's own fields last changed. */
  changedSeq: number
  readonly messages: Map<string, Message>
  /** Those who left included. */
  readonly participants: Map<string, Row<Participant>>
  readonly mutes: Map<string, string | null>
}

/** MemoryChats is the table that the in-memory ports share; it lives as long as its process. */
export interface MemoryChats {
  readonly chats: Map<string, MemoryChat>
  readonly users: Map<string, User>
  /** User id to those the user has blocked. */
  readonly blocks: Map<string, Set<string>>
  /** By the agent's id. */
  readonly desks: Map<string, Desk>
  /** Those that no message has claimed. */
  readonly uploads: Map<string, Upload>
}

export function createMemoryChats(): MemoryChats {
  return { chats: new Map(), users: new Map(), blocks: new Map(), desks: new Map(), uploads: new Map() }
}

/** createMemoryRoomStore keeps chats in memory, by the same fence as every other store. */
export function createMemoryRoomStore(tables: MemoryChats): RoomStore {
  return {
    async load(chatId) {
      const chat = tables.chats.get(chatId)
      return chat && { ...chat.state, isBlocked: isBlocked(tables, chat.state) }
    },
    async read({ messageIds, userIds, uploadIds, sessions }) {
      const messages = new Map<string, Message>()
      for (const id of messageIds) {
        const message = findMessage(tables, id)
        if (message) messages.set(id, message)
      }
      const users = new Map<string, KnownUser>()
      for (const id of userIds) {
        const user = tables.users.get(id)
        const blocked = userIds.filter((other) => tables.blocks.get(id)?.has(other))
        if (user) users.set(id, { user, blocked })
      }
      const uploads = new Map<string, Upload>()
      for (const id of uploadIds) {
        const upload = tables.uploads.get(id)
        if (upload) uploads.set(id, upload)
      }
      return { messages, users, uploads, ...(sessions && { sessions: knowSessions(tables, sessions) }) }
    },
    async commit(turn) {
      const chat = tables.chats.get(turn.chatId)
      if ((chat?.state.seq ?? 0) !== turn.prevSeq || chat?.state.isDeleted) return { status: 'stale' }
      if (turn.events.some((event) => isKnownMessage(tables, event))) return { status: 'stale' }
      const claims = turn.events.flatMap(claimsOf)
      if (claims.some((id) => !tables.uploads.has(id))) return { status: 'stale' }
      const slug = turn.events.map(slugOf).find((it) => it != null)
      if (slug != null && isTaken(tables, slug, turn.chatId)) {
        const message = 'This slug is taken: choose another'
        return {
          status: 'refused',
          refusal: { code: 'CONFLICT', message, details: [{ field: 'slug', message }] },
        }
      }
      if (!isSeatFree(tables.desks, turn)) return { status: 'stale' }
      for (const id of claims) tables.uploads.delete(id)
      write(tables, turn)
      seat(tables.desks, turn)
      return { status: 'committed' }
    },
  }
}

function write(tables: MemoryChats, turn: Turn): void {
  for (const event of turn.events) {
    const before = tables.chats.get(turn.chatId)
    const chat: MemoryChat = before ?? {
      state: apply(undefined, event),
      changedSeq: event.seq,
      messages: new Map(),
      participants: new Map(),
      mutes: new Map(),
    }
    if (!before) tables.chats.set(turn.chatId, chat)
    else chat.state = apply(chat.state, event)
    writeRows(chat, event)
  }
  const chat = tables.chats.get(turn.chatId)
  for (const { userId, until } of turn.mutes) chat?.mutes.set(userId, until)
}

function writeRows(chat: MemoryChat, event: ChatEvent): void {
  const { seq, at } = event
  const put = (participant: Participant) =>
    chat.participants.set(participant.userId, { row: participant, changedSeq: seq })
  switch (event.type) {
    case 'message:new':
    case 'message:edited':
      chat.messages.set(event.data.message.id, event.data.message)
      break
    case 'message:deleted':
      change(chat, event.data.messageId, (message) => toTombstone(message, { seq, at }))
      break
    case 'reaction:added':
    case 'reaction:removed':
      change(chat, event.data.messageId, (message) => ({
        ...message,
        reactions: event.data.reactions,
        changedSeq: seq,
      }))
      break
    case 'receipts':
      for (const { userId } of event.data.marks) {
        const participant = chat.state.participants.get(userId)
        if (participant) put(participant)
      }
      break
    case 'chat:created':
    case 'chat:updated':
      chat.changedSeq = seq
      event.data.participants.forEach(put)
      break
    case 'session:queued':
    case 'session:accepted':
    case 'session:transferred':
    case 'session:closed':
    case 'session:reopened':
    case 'chat:deleted':
      chat.changedSeq = seq
      break
    case 'participant:joined':
    case 'participant:updated':
      put(event.data.participant)
      break
    case 'participant:left': {
      const left = chat.participants.get(event.data.userId)
      if (left) put({ ...left.row, leftSeq: seq })
      break
    }
    default:
      event satisfies never
  }
}

function change(chat: MemoryChat, messageId: string, to: (message: Message) => Message): void {
  const message = chat.messages.get(messageId)
  if (message) chat.messages.set(messageId, to(message))
}

function isBlocked({ blocks }: MemoryChats, { chat, participants }: RoomState): boolean {
  const [a, b] = [...participants.keys()]
  if (chat.kind !== 'direct' || a === undefined || b === undefined) return false
  return (blocks.get(a)?.has(b) || blocks.get(b)?.has(a)) ?? false
}

function findMessage({ chats }: MemoryChats, id: string): Message | undefined {
  for (const { messages } of chats.values()) {
    const message = messages.get(id)
    if (message) return message
  }
  return undefined
}

function isKnownMessage(tables: MemoryChats, event: ChatEvent): boolean {
  return event.type === 'message:new' && findMessage(tables, event.data.message.id) !== undefined
}

function claimsOf(event: ChatEvent): string[] {
  return event.type === 'message:new' ? event.data.message.attachments.map(({ id }) => id) : []
}

function slugOf(event: ChatEvent): string | null | undefined {
  return event.type === 'chat:created' || event.type === 'chat:updated' ? event.data.chat.slug : undefined
}

function isTaken({ chats }: MemoryChats, slug: string, chatId: string): boolean {
  return [...chats.values()].some(
    ({ state }) => !state.isDeleted && state.chat.slug === slug && state.chat.id !== chatId,
  )
}

/** createMemoryBroadcast reaches every listener of this process, at once and in order. */
export function createMemoryBroadcast(): Broadcast {
  const topics = new Map<string, Set<(item: Broadcastable) => void>>()
  return {
    isImpaired: false,
    publish(topic, item) {
      for (const listener of topics.get(topic) ?? []) listener(item)
    },
    async subscribe(topic, listener) {
      const listeners = topics.get(topic) ?? new Set()
      topics.set(topic, listeners.add(listener))
      return () => {
        listeners.delete(listener)
        if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic)
      }
    },
  }
}
