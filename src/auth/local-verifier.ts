import { refuse } from '../protocol/errors.ts'
import type { Verifier } from './authenticator.ts'
import type { KnownLogins } from './known-logins.ts'
import type { TokenKind } from './tokens.ts'

/** createLocalVerifier takes the service's own access tokens, while the login that they belong to stands. */
export function createLocalVerifier(accessTokens: Pick<TokenKind, 'verify'>, logins: KnownLogins): Verifier {
  return {
    async verify(token) {
      const { userId, sessionId, expiresAt } = await accessTokens.verify(token)
      const principal = await logins.find(sessionId)
      if (principal?.user.id !== userId) return refuse('UNAUTHORIZED', 'This login has ended')
      return { principal, expiresAt }
    },
  }
}
