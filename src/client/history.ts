import { LIMITS } from '../protocol/limits.ts'
import type { Account } from './account.ts'
import type { ChatState } from './chat-state.ts'
import type { ChatReader, MessagePage } from './ports.ts'

/** Reads of a chat that goes on changing while it is read. */
const READS_MOST = 5

/** History reads what a chat was not begun with: who takes part in a group, and older messages. */
export interface History {
  /** Reads who takes part and the latest messages, as far as they are not here. */
  load(chatId: string): Promise<void>
  /** Adds a page of older messages; resolves with whether there is still more. One page at a time and chat. */
  loadOlder(chatId: string): Promise<boolean>
}

export function createHistory(account: Account, reader: ChatReader): History {
  const loading = new Map<string, Promise<boolean>>()

  async function load(chatId: string): Promise<void> {
    for (let reads = 0; reads < READS_MOST && !account.chats.get(chatId)?.hasAllParticipants; reads += 1) {
      account.take(chatId, { type: 'snapshot', chat: await reader.getChat(chatId) })
    }
    const { messages, loadedFrom = 0 } = account.chats.get(chatId) ?? {}
    if (loadedFrom > 0 && (messages?.length ?? 0) < LIMITS.pageDefault) await loadOlder(chatId)
  }

  function loadOlder(chatId: string): Promise<boolean> {
    const chat = account.chats.get(chatId)
    if (!chat || chat.loadedFrom === 0) return Promise.resolve(false)
    const running = loading.get(chatId) ?? readOlder(chat).finally(() => loading.delete(chatId))
    loading.set(chatId, running)
    return running
  }

  async function readOlder({ id, loadedFrom: before }: ChatState): Promise<boolean> {
    account.take(id, { type: 'older:wanted' })
    let page: MessagePage | null = null
    try {
      page = await reader.listMessages(id, before)
    } finally {
      account.take(id, { type: 'older', before, page })
    }
    return (account.chats.get(id)?.loadedFrom ?? 0) > 0
  }

  return { load, loadOlder }
}
