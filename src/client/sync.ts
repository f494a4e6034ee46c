import { LIMITS } from '../protocol/limits.ts'
import type { Account } from './account.ts'
import { isFollowed } from './chat-state.ts'
import type { AckData, Ask } from './replies.ts'

/** Sync tells the server how far this client is in each chat, in as many frames as that takes. */
export interface Sync {
  /** Resolves when everything that was missed has come. */
  run(logId: string): Promise<void>
  /** Whether a reset is one: each of several frames has the chats reset that only the others name. */
  isMeant(chatId: string): boolean
}

export function createSync(account: Account, ask: Ask, heard: (heads: AckData<'sync'>) => void): Sync {
  /** Of the frame that is being answered, where there are several. */
  let named: ReadonlySet<string> | undefined

  return {
    async run(logId) {
      const chats = [...account.chats.values()].filter(isFollowed)
      try {
        for (let begin = 0; begin === 0 || begin < chats.length; begin += LIMITS.syncChats) {
          const some = chats.slice(begin, begin + LIMITS.syncChats)
          if (chats.length > LIMITS.syncChats) named = new Set(some.map(({ id }) => id))
          const seqs = Object.fromEntries(some.map(({ id, applied }) => [id, applied]))
          heard(await ask('sync', { logId, chats: seqs }))
        }
      } finally {
        named = undefined
      }
    },
    isMeant(chatId) {
      const chat = account.chats.get(chatId)
      return !named || named.has(chatId) || !chat || !isFollowed(chat)
    },
  }
}
