import { LRUCache } from 'lru-cache'
import type { Database } from '../db/connect.ts'
import { findLogin } from '../db/queries/auth-sessions.ts'
import { toSummary } from '../db/queries/users.ts'
import type { Clock, Principal } from '../rooms/ports.ts'

/** Milliseconds for which a login is believed to stand: what another instance ended lives on here for so long. */
const TRUST = 5_000
const MOST_LOGINS = 10_000

/** KnownLogins knows who is behind a login, and spares the database most of the questions. */
export interface KnownLogins {
  /** undefined when the login has ended or its user is disabled. */
  find(sessionId: string): Promise<Principal | undefined>
  /** Makes the next `find` ask the database: something about the login has just changed there. */
  forget(sessionId: string): void
}

/** readLogins asks the database each time, for where nothing may be remembered. */
export function readLogins(db: Database): KnownLogins {
  return { find: (sessionId) => load(db, sessionId), forget() {} }
}

export function createKnownLogins(db: Database, clock: Clock): KnownLogins {
  // Answers on their way are kept too: many requests at once ask once, and what is forgotten while it is being
  // read stays forgotten.
  const known = new LRUCache<string, Promise<Principal | undefined>>({
    max: MOST_LOGINS,
    ttl: TRUST,
    ttlResolution: 0,
    perf: clock,
  })

  return {
    find(sessionId) {
      const waiting = known.get(sessionId)
      if (waiting) return waiting
      const asked = load(db, sessionId)
      known.set(sessionId, asked)
      asked.catch(() => {
        if (known.peek(sessionId) === asked) known.delete(sessionId)
      })
      return asked
    },
    forget(sessionId) {
      known.delete(sessionId)
    },
  }
}

async function load(db: Database, sessionId: string): Promise<Principal | undefined> {
  const account = await findLogin(db, sessionId)
  return account && { user: toSummary(account), sessionId }
}
