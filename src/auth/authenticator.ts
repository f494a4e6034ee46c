import { decodeJwt } from 'jose'
import type { Authenticated, Authenticator } from '../gateway/ports.ts'
import { refuse } from '../protocol/errors.ts'
import type { KnownLogins } from './known-logins.ts'
import type { OutsideUsers } from './outside-users.ts'

/**
 * Verifier takes the tokens of one issuer. Rejects with an UNAUTHORIZED refusal, or with SERVICE_UNAVAILABLE while it
 * cannot tell.
 */
export interface Verifier {
  verify(token: string): Promise<Authenticated>
}

export interface AuthenticatorPorts {
  /** By the `iss` of their tokens; null for the issuer whose tokens name none. */
  readonly verifiers: ReadonlyMap<string | null, Verifier>
  readonly logins: KnownLogins
  readonly outsideUsers: OutsideUsers
}

/** createAuthenticator gives each token to the verifier of the issuer that it names. */
export function createAuthenticator({ verifiers, logins, outsideUsers }: AuthenticatorPorts): Authenticator {
  return {
    async verify(token) {
      const verifier = verifiers.get(issuerOf(token))
      return verifier ? verifier.verify(token) : refuse('UNAUTHORIZED', 'The access token is not valid')
    },

    async isCurrent({ user, sessionId }) {
      if (sessionId === null) return outsideUsers.isCurrent(user.id)
      return (await logins.find(sessionId)) !== undefined
    },
  }
}

/** What an unverified token claims: good for choosing who verifies it, and nothing else. */
function issuerOf(token: string): string | null {
  try {
    return decodeJwt(token).iss ?? null
  } catch {
    return refuse('UNAUTHORIZED', 'The access token is not valid')
  }
}
