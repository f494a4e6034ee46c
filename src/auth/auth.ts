import type { Database } from '../db/connect.ts'
import type { Authenticated, Authenticator, RateLimiter } from '../gateway/ports.ts'
import { refuse } from '../protocol/errors.ts'
import type { Clock, Ids, Publisher } from '../rooms/ports.ts'
import { Accounts } from './accounts.ts'
import { createAuthenticator } from './authenticator.ts'
import { createKnownLogins, type KnownLogins } from './known-logins.ts'
import { Logins } from './logins.ts'
import type { OpenTicket, Passwords, Tickets } from './ports.ts'
import { createAccessTokens, createRefreshTokens, LOCAL_ISSUER, type TokenSecrets } from './tokens.ts'

export interface AuthDeps {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly broadcast: Publisher
  readonly limiter: RateLimiter
  readonly passwords: Passwords
  readonly tickets: Tickets
  readonly secrets: TokenSecrets
  /** Who is behind a login, as it is known here; remembered for some seconds when left out. */
  readonly known?: KnownLogins
}

/** Auth is all that knows passwords and tokens. What it refuses, it rejects with a RefusalError. */
export interface Auth extends Authenticator {
  readonly accounts: Accounts
  readonly logins: Logins
  openTicket(authenticated: Authenticated): Promise<OpenTicket>
  redeemTicket(ticket: string): Promise<Authenticated>
}

export async function createAuth(deps: AuthDeps): Promise<Auth> {
  const { db, clock, passwords, secrets, tickets } = deps
  const accessTokens = await createAccessTokens(secrets.access, clock)
  const refreshTokens = await createRefreshTokens(secrets.refresh, clock)
  const known = deps.known ?? createKnownLogins(db, clock)
  const authenticator = createAuthenticator({ [LOCAL_ISSUER]: accessTokens }, known)
  return {
    ...authenticator,
    accounts: new Accounts({ ...deps, nobodysHash: passwords.nobodysHash }),
    logins: new Logins({ ...deps, known, accessTokens, refreshTokens }),
    openTicket: (authenticated) => tickets.open(authenticated),
    async redeemTicket(ticket) {
      const found = await tickets.redeem(ticket)
      if (!found || !(await authenticator.isCurrent(found.principal))) {
        return refuse('UNAUTHORIZED', 'The ticket is not valid, or not any more')
      }
      return found
    },
  }
}
