import { createIdentities } from '../../auth/identities.ts'
import { createRemembered } from '../../auth/remembered.ts'
import { createAccessTokens } from '../../auth/tokens.ts'
import type { Authenticator } from '../../gateway/ports.ts'
import { clock, ids } from '../shared/clock.ts'
import { createOutside, type EdgeOutsidePorts } from './outside.ts'

/** createAuthenticator tells a gateway whose the tokens are that come over its sockets. */
export function createAuthenticator(ports: EdgeOutsidePorts): Authenticator {
  const tokens = createAccessTokens(ports.config.JWT_SECRET, clock)
  const accessTokens = { verify: async (token: string) => (await tokens).verify(token) }
  return createIdentities({
    ...{ db: ports.db, clock, ids, accessTokens, remember: () => createRemembered(clock) },
    ...createOutside(ports),
  }).authenticator
}
