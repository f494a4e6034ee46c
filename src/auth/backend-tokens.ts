import type { Database } from '../db/connect.ts'
import { findServiceToken, insertServiceToken } from '../db/queries/backend-tokens.ts'
import type { ServiceScope } from '../protocol/admin.ts'
import { refuse } from '../protocol/errors.ts'
import type { Clock, Ids, Principal } from '../rooms/ports.ts'
import { digest, randomToken } from './tokens.ts'

/** Begins every service token, so that one is known for what it is wherever it turns up. */
const PREFIX = 'parley_service_'

export interface ServicePorts {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
}

export interface WantedToken {
  readonly name: string
  readonly scopes: ServiceScope[]
  readonly createdBy: string
  readonly expiresAt: Date | null
}

/** ServiceTokens is how backends call: each token has its scopes, a user of its own, and can be revoked. */
export interface ServiceTokens {
  /** Makes a token, which is told here and never again. */
  create(wanted: WantedToken): Promise<{
    readonly token: string
    readonly stored: Awaited<ReturnType<typeof insertServiceToken>>
  }>
  /** Rejects with UNAUTHORIZED where the token does not stand, and with FORBIDDEN where it has not the scope. */
  verify(token: string, scope: ServiceScope): Promise<Principal>
}

export function isServiceToken(token: string): boolean {
  return token.startsWith(PREFIX)
}

export function createServiceTokens({ db, clock, ids }: ServicePorts): ServiceTokens {
  return {
    async create(wanted) {
      const token = PREFIX + randomToken()
      const stored = await insertServiceToken(db, {
        ...wanted,
        id: ids.uuid(),
        userId: ids.uuid(),
        tokenHash: await digest(token),
        createdAt: new Date(clock.now()),
      })
      return { token, stored }
    },

    async verify(token, scope) {
      const found = await findServiceToken(db, await digest(token), new Date(clock.now()))
      if (!found) return refuse('UNAUTHORIZED', 'The service token is not valid, or not any more')
      if (!found.scopes.includes(scope)) refuse('FORBIDDEN', `This service token has not the scope ${scope}`)
      return { user: found.user, sessionId: null }
    },
  }
}
