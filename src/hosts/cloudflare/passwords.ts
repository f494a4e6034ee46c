import { compare, hash } from 'bcryptjs'
import type { Passwords } from '../../auth/ports.ts'
import type { Clock } from '../../rooms/ports.ts'
import { BCRYPT_COST, nobodysHash } from '../shared/bcrypt.ts'

/** Hashes in one isolate: each has the thread for a tenth of a second at a time, for which everybody else waits. */
const AT_ONCE = 2
/** Milliseconds after which the others look again: a request may not wait for what is another's. */
const PAUSE = 50
/** Milliseconds after which a hash that has not ended is forgotten: the platform ends what lasts too long without a word. */
const LEASE = 10_000

/**
 * createPasswords hashes with bcrypt in JavaScript, a piece at a time: there is no thread pool here, nor native code. What
 * was begun is finished, also for a client that has gone, so that nobody can hold the others up by leaving.
 */
export function createPasswords(
  clock: Clock,
  waitUntil: (promise: Promise<unknown>) => void,
  bcrypt = { hash, compare },
): Passwords {
  const begun = new Set<{ readonly at: number }>()

  async function inTurn<T>(run: () => Promise<T>): Promise<T> {
    for (;;) {
      for (const it of begun) if (it.at + LEASE <= clock.now()) begun.delete(it)
      if (begun.size < AT_ONCE) break
      await new Promise<void>((resolve) => clock.after(PAUSE, resolve))
    }
    const it = { at: clock.now() }
    begun.add(it)
    const running = run().finally(() => begun.delete(it))
    waitUntil(running)
    return running
  }

  return {
    hash: (password) => inTurn(() => bcrypt.hash(password, BCRYPT_COST)),
    matches: (password, hashed) => inTurn(() => bcrypt.compare(password, hashed)),
    nobodysHash: nobodysHash(BCRYPT_COST),
  }
}
