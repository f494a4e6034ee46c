import type { HeardChat } from '../../gateway/gateway.ts'

const PREFIX = 'heard:'

type Kept = Omit<HeardChat, 'chatId'>

/** createHeardChats keeps up to where whom a chat was passed on to, over a sleep of the gateway. */
export function createHeardChats({ kv }: DurableObjectStorage) {
  const kept = new Map<string, Kept>()
  for (const [key, chat] of kv.list<Kept>({ prefix: PREFIX })) {
    // One of a release before has no time of its change.
    kept.set(key.slice(PREFIX.length), { ...chat, changedAt: chat.changedAt ?? 0 })
  }

  return {
    chatIds: () => [...kept.keys()],

    of: (userId: string): ReadonlyMap<string, Kept> =>
      new Map([...kept].filter(([, { userIds }]) => userIds.includes(userId))),

    /** At once: nothing leaves an object before what it wrote is on disk, so the room is told after this. */
    forget(chatId: string): void {
      if (kept.delete(chatId)) kv.delete(PREFIX + chatId)
    },

    /** Writes what has changed. */
    keep(chats: readonly HeardChat[]): void {
      const gone = new Set(kept.keys())
      for (const { chatId, ...chat } of chats) {
        gone.delete(chatId)
        const before = kept.get(chatId)
        if (before?.head === chat.head && String(before.userIds) === String(chat.userIds)) continue
        kept.set(chatId, chat)
        kv.put(PREFIX + chatId, chat)
      }
      for (const chatId of gone) {
        kept.delete(chatId)
        kv.delete(PREFIX + chatId)
      }
    },
  }
}
