import { decodeJwt } from 'jose'
import type { Authenticator } from '../gateway/ports.ts'
import { refuse } from '../protocol/errors.ts'
import type { KnownLogins } from './known-logins.ts'
import type { Claims } from './tokens.ts'

/** Verifier takes the tokens of one issuer. Rejects with an UNAUTHORIZED refusal. */
export interface Verifier {
  verify(token: string): Promise<Claims>
}

/** createAuthenticator gives each token to the verifier of the issuer that it names, and asks who is behind it. */
export function createAuthenticator(
  verifiers: Readonly<Record<string, Verifier>>,
  known: KnownLogins,
): Authenticator {
  return {
    async verify(token) {
      const { userId, sessionId, expiresAt } = await verifierOf(token, verifiers).verify(token)
      const principal = await known.find(sessionId)
      if (principal?.user.id !== userId) return refuse('UNAUTHORIZED', 'This login has ended')
      return { principal, expiresAt }
    },

    async isCurrent({ sessionId }) {
      return (await known.find(sessionId)) !== undefined
    },
  }
}

function verifierOf(token: string, verifiers: Readonly<Record<string, Verifier>>): Verifier {
  const issuer = issuerOf(token)
  const verifier = Object.hasOwn(verifiers, issuer) ? verifiers[issuer] : undefined
  return verifier ?? refuse('UNAUTHORIZED', 'The access token is not valid')
}

/** What an unverified token claims: good for choosing who verifies it, and nothing else. */
function issuerOf(token: string): string {
  try {
    return decodeJwt(token).iss ?? ''
  } catch {
    return ''
  }
}
