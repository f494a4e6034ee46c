import type { Broadcast, Broadcastable, Clock } from '../rooms/ports.ts'
import { detach, type Feed, hear, type LocalUser, skipTo, start } from './audience.ts'
import type { ChangesReader, Frames } from './ports.ts'

interface FeedsPorts {
  readonly broadcast: Broadcast
  readonly changes: ChangesReader
  readonly clock: Clock
  readonly onRepair?: () => void
}

/** Feeds is every chat that somebody here hears. A feed opens with its first listener and closes with its last. */
export interface Feeds {
  readonly count: number
  get(chatId: string): Feed | undefined
  list(): Iterable<Feed>
  /** Resolves when the user hears these chats. Rejects, with nothing attached, when the store is away. */
  attach(user: LocalUser, chatIds: readonly string[]): Promise<void>
  /** Ends the user's interest in a chat. */
  leave(user: LocalUser, feed: Feed): void
  leaveAll(user: LocalUser): void
}

export function createFeeds({ broadcast, changes, clock, onRepair = () => {} }: FeedsPorts): Feeds {
  const feeds = new Map<string, Feed>()

  async function attach(user: LocalUser, chatIds: readonly string[]): Promise<void> {
    if (chatIds.length === 0) return
    const known = chatIds.flatMap((chatId) => feeds.get(chatId) ?? [])
    const fresh = chatIds.filter((chatId) => !feeds.has(chatId)).map((chatId) => createFeed(chatId, onRepair))
    const heard = [...known, ...fresh]
    for (const feed of heard) {
      feeds.set(feed.chatId, feed)
      feed.users.add(user)
      user.chats.set(feed.chatId, feed)
    }
    const opening = open(user, heard, [...fresh.map(subscribe), ...known.map(({ ready }) => ready)])
    for (const feed of fresh) feed.ready = opening
    try {
      await opening
    } catch (error) {
      for (const feed of heard) leave(user, feed)
      throw error
    }
  }

  /**
   * Subscribes first and asks for the heads then, so that nothing falls between the two: neither a change, nor that
   * the user was removed before anything could tell it here.
   */
  async function open(
    user: LocalUser,
    heard: readonly Feed[],
    subscribed: readonly Promise<void>[],
  ): Promise<void> {
    await Promise.all(subscribed)
    const heads = new Map((await changes.listHeads([user.id])).map(({ chatId, seq }) => [chatId, seq]))
    for (const feed of heard) {
      const head = heads.get(feed.chatId)
      if (head === undefined) leave(user, feed)
      else if (feed.early) start(feed, head, clock.now())
      closeIfUnheard(feed)
    }
  }

  async function subscribe(feed: Feed): Promise<void> {
    const unsubscribe = await broadcast.subscribe(`chat:${feed.chatId}`, (item) => onNews(feed, item))
    feed.unsubscribe = unsubscribe
    if (feeds.get(feed.chatId) !== feed) unsubscribe()
  }

  function onNews(feed: Feed, item: Broadcastable): void {
    if (item.kind === 'events') {
      hear(feed, item.events, clock.now())
      closeIfUnheard(feed)
    } else if (item.kind === 'head') {
      skipTo(feed, item.seq, clock.now())
    } else if (item.kind === 'signal') {
      signal(feed.users, { texts: [item.text] })
    }
  }

  function leave(user: LocalUser, feed: Feed): void {
    detach(user, feed)
    closeIfUnheard(feed)
  }

  function closeIfUnheard(feed: Feed): void {
    if (feed.users.size > 0 || feeds.get(feed.chatId) !== feed) return
    feeds.delete(feed.chatId)
    feed.unsubscribe?.()
  }

  return {
    get count() {
      return feeds.size
    },
    get: (chatId) => feeds.get(chatId),
    list: () => feeds.values(),
    attach,
    leave,
    leaveAll(user) {
      for (const feed of [...user.chats.values()]) leave(user, feed)
    },
  }
}

/** signal writes what may be lost to every connection of these users, encoded once. */
export function signal(users: Iterable<LocalUser>, frames: Frames): void {
  for (const { connections } of users) {
    for (const connection of connections) connection.write(frames)
  }
}

function createFeed(chatId: string, onRepair: () => void): Feed {
  return {
    chatId,
    users: new Set(),
    head: 0,
    changedAt: 0,
    early: [],
    ready: Promise.resolve(),
    unsubscribe: undefined,
    onRepair,
  }
}
