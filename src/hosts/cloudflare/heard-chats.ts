import type { HeardChat } from '../../gateway/gateway.ts'

const PREFIX = 'heard:'

type Kept = Omit<HeardChat, 'chatId'>

/** createHeardChats keeps up to where whom a chat was passed on to, over a sleep of the gateway. */
export function createHeardChats({ kv }: DurableObjectStorage) {
  const kept = new Map<string, Kept>()
  for (const [key, chat] of kv.list<Kept>({ prefix: PREFIX })) kept.set(key.slice(PREFIX.length), chat)

  return {
    chatIds: () => [...kept.keys()],

    headsOf(userId: string): ReadonlyMap<string, number> {
      const theirs = [...kept].filter(([, { userIds }]) => userIds.includes(userId))
      return new Map(theirs.map(([chatId, { head }]) => [chatId, head]))
    },

    /** At once: nothing leaves an object before what it wrote is on disk, so the room is told after this. */
    forget(chatId: string): void {
      if (kept.delete(chatId)) kv.delete(PREFIX + chatId)
    },

    /** Writes what has changed. */
    keep(chats: readonly HeardChat[]): void {
      const gone = new Set(kept.keys())
      for (const { chatId, head, userIds } of chats) {
        gone.delete(chatId)
        const before = kept.get(chatId)
        if (before?.head === head && String(before.userIds) === String(userIds)) continue
        kept.set(chatId, { head, userIds })
        kv.put(PREFIX + chatId, { head, userIds })
      }
      for (const chatId of gone) {
        kept.delete(chatId)
        kv.delete(PREFIX + chatId)
      }
    },
  }
}
