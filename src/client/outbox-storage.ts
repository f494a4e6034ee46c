import type { QueuedMessage } from './chat-state.ts'
import type { OutboxStorage } from './ports.ts'

/** createMemoryOutbox forgets with the process. */
export function createMemoryOutbox(): OutboxStorage {
  const messages = new Map<string, QueuedMessage>()
  return {
    load: () => [...messages.values()],
    save: (message) => void messages.set(message.id, message),
    remove: (id) => void messages.delete(id),
  }
}

/** What is used of the browser's `localStorage`. */
export interface KeyValueStorage {
  readonly length: number
  key(index: number): string | null
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/** createLocalOutbox keeps messages in a browser's storage, each under `prefix` and its id. */
export function createLocalOutbox(storage: KeyValueStorage, prefix = 'parley:outbox:'): OutboxStorage {
  return {
    load() {
      const messages: QueuedMessage[] = []
      for (let index = 0; index < storage.length; index += 1) {
        const key = storage.key(index)
        const text = key?.startsWith(prefix) ? storage.getItem(key) : null
        if (text) messages.push(JSON.parse(text) as QueuedMessage)
      }
      return messages
    },
    save: (message) => storage.setItem(prefix + message.id, JSON.stringify(message)),
    remove: (id) => storage.removeItem(prefix + id),
  }
}
