import { LRUCache } from 'lru-cache'
import type { Clock } from '../rooms/ports.ts'

/** Milliseconds for which an answer is believed: what another instance changed is seen here after so long. */
const TRUST = 5_000
const MOST = 10_000

/** Remembered spares the database most of the questions about who is behind a token. */
export interface Remembered<T> {
  /** Answers what `load` did a moment ago; those who ask at once ask once. */
  find(key: string, load: () => Promise<T>): Promise<T>
  /** Makes the next `find` load: something has just changed. */
  forget(key: string): void
}

export function createRemembered<T>(clock: Clock): Remembered<T> {
  // Answers on their way are kept too: what is forgotten while it is being read stays forgotten.
  const known = new LRUCache<string, Promise<T>>({ max: MOST, ttl: TRUST, ttlResolution: 0, perf: clock })
  return {
    find(key, load) {
      const waiting = known.get(key)
      if (waiting) return waiting
      const asked = load()
      known.set(key, asked)
      asked.catch(() => {
        if (known.peek(key) === asked) known.delete(key)
      })
      return asked
    },
    forget(key) {
      known.delete(key)
    },
  }
}

/** createForgetful loads each time, for where one request may not wait for what another has begun. */
export function createForgetful<T>(): Remembered<T> {
  return { find: (_, load) => load(), forget() {} }
}
