import type { Broadcast, Broadcastable, Clock } from '../rooms/ports.ts'
import { detach, type Feed, hear, type LocalUser, skipTo, start } from './audience.ts'
import type { ChangesReader, Frames } from './ports.ts'

interface FeedsPorts {
  readonly broadcast: Broadcast
  readonly changes: ChangesReader
  readonly clock: Clock
}

/** Feeds is every chat that somebody here hears. A feed opens with its first listener and closes with its last. */
export interface Feeds {
  readonly count: number
  get(chatId: string): Feed | undefined
  /** Resolves when the user hears these chats. Rejects, with nothing attached, when the store is away. */
  attach(user: LocalUser, chatIds: readonly string[]): Promise<void>
  detachAll(user: LocalUser): void
}

export function createFeeds({ broadcast, changes, clock }: FeedsPorts): Feeds {
  const feeds = new Map<string, Feed>()

  async function attach(user: LocalUser, chatIds: readonly string[]): Promise<void> {
    const fresh: Feed[] = []
    const heard = chatIds.map((chatId) => {
      const known = feeds.get(chatId)
      const feed = known ?? createFeed(chatId)
      if (!known) fresh.push(feed)
      feeds.set(chatId, feed)
      feed.users.add(user)
      user.chats.set(chatId, feed)
      return feed
    })
    const opening = open(user, fresh)
    for (const feed of fresh) feed.ready = opening
    try {
      await Promise.all(heard.map(({ ready }) => ready))
    } catch (error) {
      for (const feed of heard) leave(user, feed)
      throw error
    }
  }

  /** Subscribes first and asks for the heads then, so that nothing falls between the two. */
  async function open(user: LocalUser, fresh: readonly Feed[]): Promise<void> {
    if (fresh.length === 0) return
    await Promise.all(fresh.map(subscribe))
    const heads = new Map((await changes.listHeads([user.id])).map(({ chatId, seq }) => [chatId, seq]))
    for (const feed of fresh) start(feed, heads.get(feed.chatId) ?? 0, clock.now())
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
      signal(feed.users, { texts: [item.text] }, item.exceptUserId)
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
    attach,
    detachAll(user) {
      for (const feed of [...user.chats.values()]) leave(user, feed)
    },
  }
}

/** signal writes what may be lost to every connection of these users, encoded once. */
export function signal(users: Iterable<LocalUser>, frames: Frames, exceptUserId: string | null = null): void {
  for (const user of users) {
    if (user.id === exceptUserId) continue
    for (const connection of user.connections) connection.write(frames)
  }
}

function createFeed(chatId: string): Feed {
  return {
    chatId,
    users: new Set(),
    head: 0,
    changedAt: 0,
    early: [],
    ready: Promise.resolve(),
    unsubscribe: undefined,
  }
}
