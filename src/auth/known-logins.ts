import type { Database } from '../db/connect.ts'
import { findLogin } from '../db/queries/auth-sessions.ts'
import { toSummary } from '../db/queries/users.ts'
import type { Principal } from '../rooms/ports.ts'
import type { Remembered } from './remembered.ts'

/** KnownLogins knows who is behind a login; what has changed elsewhere, within seconds. */
export interface KnownLogins {
  /** undefined when the login has ended or its user is disabled. */
  find(sessionId: string): Promise<Principal | undefined>
  /** Makes the next `find` ask the database: something about the login has just changed there. */
  forget(sessionId: string): void
}

export function createKnownLogins(db: Database, remembered: Remembered<Principal | undefined>): KnownLogins {
  async function load(sessionId: string): Promise<Principal | undefined> {
    const account = await findLogin(db, sessionId)
    return account && { user: toSummary(account), sessionId }
  }

  return {
    find: (sessionId) => remembered.find(sessionId, () => load(sessionId)),
    forget: (sessionId) => remembered.forget(sessionId),
  }
}
