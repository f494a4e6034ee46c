import type { PresenceStatus, User } from '../protocol/model.ts'
import type { EncodedEvent } from '../rooms/ports.ts'
import type { Connection } from './connection.ts'
import type { Frames } from './ports.ts'

/** LocalUser is a user with at least one connection here. What the connections share is kept once. */
export interface LocalUser {
  readonly id: string
  readonly user: User
  readonly contactIds: Set<string>
  readonly chats: Map<string, Feed>
  /**
   * Chats of which something was not heard, and since when, until a connection has read it: maybe that the user was
   * removed. Whoever connects meanwhile reads it, too, before anything newer.
   */
  readonly missed: Map<string, number>
  /** Those that have said hello. */
  readonly connections: Set<Connection>
  /** The status that others were last told. */
  shownAs: PresenceStatus
  readonly unsubscribe: () => void
}

/**
 * Feed is what this gateway hears of one chat. `head` is the last change that was passed on; `early` holds what came
 * before the head was known. Whoever listens gets every change after the head at which he began, in order.
 */
export interface Feed {
  readonly chatId: string
  readonly users: Set<LocalUser>
  head: number
  changedAt: number
  early: EncodedEvent[] | undefined
  /** Resolves when the head is known. */
  ready: Promise<void>
  unsubscribe: (() => void) | undefined
  /** Told when something was missed, and is read by every listener. */
  readonly onRepair: () => void
}

/** hear passes contiguous news of a chat on: what is old is dropped, a hole makes every listener catch up. */
export function hear(feed: Feed, events: readonly EncodedEvent[], now: number): void {
  if (feed.early) {
    feed.early.push(...events)
    return
  }
  const fresh = events.filter(({ seq }) => seq > feed.head)
  const [first] = fresh
  const last = fresh.at(-1)
  if (!first || !last) return
  if (first.seq > feed.head + 1) catchUpAll(feed)
  feed.head = last.seq
  feed.changedAt = now
  deliver(feed, fresh)
}

/** start makes the head known: everything up to it is for each listener to catch up with, the rest is passed on. */
export function start(feed: Feed, head: number, now: number): void {
  const early = feed.early ?? []
  feed.early = undefined
  feed.head = Math.max(feed.head, head)
  for (const event of early) hear(feed, [event], now)
}

/** skipTo makes every listener read what is known to be there and was not heard. */
export function skipTo(feed: Feed, head: number, now: number): void {
  if (feed.early || feed.head >= head) return
  catchUpAll(feed)
  feed.head = head
  feed.changedAt = now
}

/** Every listener reads what it missed since the feed's head. */
function catchUpAll(feed: Feed): void {
  const { chatId, head } = feed
  feed.onRepair()
  for (const { connections, missed } of feed.users) {
    if (!missed.has(chatId)) missed.set(chatId, head)
    for (const connection of connections) void connection.catchUp([{ chatId, since: head }])
  }
}

function deliver(feed: Feed, events: readonly EncodedEvent[]): void {
  if (events.length === 0) return
  const leaving = events.findIndex(({ left }) => left !== null)
  const now = leaving === -1 ? events : events.slice(0, leaving + 1)
  const news: News = { chatId: feed.chatId, events: now, frames: toFrames(now) }
  const origins = new Set(now.flatMap(({ origin }) => origin ?? []))
  for (const { connections } of feed.users) {
    for (const connection of connections) connection.deliver(news, origins.has(connection.id))
  }
  const left = now.at(-1)?.left
  if (leaving === -1) return
  for (const user of feed.users) if (left === user.id || left === 'everybody') detach(user, feed)
  deliver(feed, events.slice(leaving + 1))
}

/** News is contiguous changes of one chat, encoded once for everybody. */
export interface News {
  readonly chatId: string
  readonly events: readonly EncodedEvent[]
  readonly frames: Frames
}

export function toFrames(events: readonly EncodedEvent[]): Frames {
  return { texts: events.map(({ text }) => text) }
}

/** detach ends a user's interest in a chat. */
export function detach(user: LocalUser, feed: Feed): void {
  user.chats.delete(feed.chatId)
  user.missed.delete(feed.chatId)
  feed.users.delete(user)
}
