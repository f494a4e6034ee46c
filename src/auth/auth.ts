import type { Database } from '../db/connect.ts'
import type { Authenticated, Authenticator, RateLimiter } from '../gateway/ports.ts'
import { refuse } from '../protocol/errors.ts'
import type { Clock, Ids, Publisher } from '../rooms/ports.ts'
import { Accounts } from './accounts.ts'
import { createServiceTokens, type ServiceTokens } from './backend-tokens.ts'
import { createIdentities, type OutsidePorts } from './identities.ts'
import { Logins } from './logins.ts'
import type { OutsideUsers } from './outside-users.ts'
import type { OpenTicket, Passwords, Tickets } from './ports.ts'
import { createAccessTokens, createRefreshTokens, type TokenSecrets } from './tokens.ts'

export interface AuthDeps extends OutsidePorts {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly broadcast: Publisher
  readonly limiter: RateLimiter
  readonly passwords: Passwords
  readonly tickets: Tickets
  readonly secrets: TokenSecrets
}

/** Auth is all that knows passwords and tokens. What it refuses, it rejects with a RefusalError. */
export interface Auth extends Authenticator {
  readonly accounts: Accounts
  readonly logins: Logins
  readonly outsideUsers: OutsideUsers
  readonly services: ServiceTokens
  openTicket(authenticated: Authenticated): Promise<OpenTicket>
  redeemTicket(ticket: string): Promise<Authenticated>
}

export async function createAuth(deps: AuthDeps): Promise<Auth> {
  const { clock, passwords, secrets, tickets } = deps
  const accessTokens = await createAccessTokens(secrets.access, clock)
  const refreshTokens = await createRefreshTokens(secrets.refresh, clock)
  const { authenticator, logins: known, outsideUsers } = createIdentities({ ...deps, accessTokens })
  return {
    ...authenticator,
    outsideUsers,
    services: createServiceTokens(deps),
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
