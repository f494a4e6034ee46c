import { base64url, type CryptoKey, errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import { refuse } from '../protocol/errors.ts'
import { Uuid } from '../protocol/ids.ts'
import { TIMES } from '../protocol/limits.ts'
import type { Clock } from '../rooms/ports.ts'

/** The issuer of the service's own tokens, and of its local accounts. */
export const LOCAL_ISSUER = 'local'
const ALGORITHM = 'HS256'

export interface TokenSecrets {
  readonly access: string
  readonly refresh: string
}

/** Claims is what a token of either kind says, verified. */
export interface Claims {
  readonly userId: string
  readonly sessionId: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

export interface Login {
  readonly userId: string
  readonly sessionId: string
}

/** TokenKind signs and verifies one kind of token. */
export interface TokenKind {
  sign(login: Login): Promise<string>
  /** Rejects with an UNAUTHORIZED refusal. */
  verify(token: string): Promise<Claims>
}

/** createAccessTokens makes the tokens that requests and sockets carry, good for 15 minutes. */
export function createAccessTokens(secret: string, clock: Clock): Promise<TokenKind> {
  return createKind({ type: 'access', secret, lifetime: TIMES.accessToken, clock })
}

/** createRefreshTokens makes the tokens that get new access tokens: 7 days, good once, another secret. */
export function createRefreshTokens(secret: string, clock: Clock): Promise<TokenKind> {
  return createKind({ type: 'refresh', secret, lifetime: TIMES.refreshToken, clock })
}

/** randomToken has 256 bits that nobody can guess. */
export function randomToken(): string {
  return base64url.encode(crypto.getRandomValues(new Uint8Array(32)))
}

/** digest is what is stored instead of a token. */
export async function digest(token: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
  return base64url.encode(new Uint8Array(bytes))
}

interface TokenRules {
  readonly type: 'access' | 'refresh'
  readonly secret: string
  /** Milliseconds. */
  readonly lifetime: number
  readonly clock: Clock
}

async function createKind({ type, secret, lifetime, clock }: TokenRules): Promise<TokenKind> {
  const key = await importSecret(secret, ALGORITHM)
  const Payload = z.object({
    type: z.literal(type),
    userId: Uuid,
    sessionId: Uuid,
    exp: z.number(),
  })
  return {
    sign({ userId, sessionId }) {
      const now = Math.floor(clock.now() / 1_000)
      return new SignJWT({ userId, type, sessionId })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
        .setIssuer(LOCAL_ISSUER)
        .setSubject(userId)
        .setJti(randomToken())
        .setIssuedAt(now)
        .setExpirationTime(now + lifetime / 1_000)
        .sign(key)
    },

    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: [ALGORITHM],
          issuer: LOCAL_ISSUER,
          requiredClaims: ['exp', 'iat', 'sub'],
          currentDate: new Date(clock.now()),
        })
        const { userId, sessionId, exp } = Payload.parse(payload)
        return { userId, sessionId, expiresAt: exp * 1_000 }
      } catch (error) {
        const isExpired = error instanceof errors.JWTExpired
        return refuse('UNAUTHORIZED', `The ${type} token ${isExpired ? 'has expired' : 'is not valid'}`)
      }
    },
  }
}

/** importSecret makes a key for HS256, HS384 or HS512 and no other algorithm; jose would take bytes for any. */
export function importSecret(secret: string, algorithm: string): Promise<CryptoKey> {
  const hmac = { name: 'HMAC', hash: `SHA-${algorithm.slice(2)}` }
  return crypto.subtle.importKey('raw', new TextEncoder().encode(secret), hmac, false, ['sign', 'verify'])
}
