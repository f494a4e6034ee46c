import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { toSummary } from '../db/queries/users.ts'
import { RefusalError, refuse } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import { isStorable } from '../protocol/text.ts'
import type { Clock } from '../rooms/ports.ts'
import type { Issuer } from '../settings/issuer.ts'
import type { Verifier } from './authenticator.ts'
import type { OutsideIdentity, OutsideUsers } from './outside-users.ts'
import { toProfile } from './profile.ts'

/** The last moment that a Date can be, in milliseconds since 1970. */
const LATEST = 8_640_000_000_000_000

const Subject = z
  .union([z.string(), z.int()])
  .transform(String)
  .refine(
    (subject) => subject !== '' && subject.length <= LIMITS.outsideSubjectCharacters && isStorable(subject),
  )

export interface IssuerVerifierPorts {
  readonly issuer: Issuer
  /** Finds a CryptoKey, which is good for one algorithm; jose would take bytes for any. */
  readonly key: JWTVerifyGetKey
  readonly users: OutsideUsers
  readonly clock: Clock
}

/** createIssuerVerifier takes the tokens of one outside issuer, and knows its users by their subject. */
export function createIssuerVerifier({ issuer, key, users, clock }: IssuerVerifierPorts): Verifier {
  const options = {
    algorithms: [issuer.algorithm],
    ...(issuer.issuer !== null && { issuer: issuer.issuer }),
    ...(issuer.audience.length > 0 && { audience: [...issuer.audience] }),
    requiredClaims: ['exp', 'iat', ...Object.keys(issuer.required)],
  }

  async function read(token: string): Promise<JWTPayload> {
    const currentDate = new Date(clock.now())
    try {
      return (await jwtVerify(token, key, { ...options, currentDate })).payload
    } catch (error) {
      if (error instanceof RefusalError) throw error
      return refuseToken(error instanceof errors.JWTExpired ? 'has expired' : 'is not valid')
    }
  }

  return {
    async verify(token) {
      const payload = await read(token)
      const identity = toIdentity(issuer, payload)
      const account = await users.get(identity)
      return {
        principal: { user: { ...toSummary(account), type: identity.type }, sessionId: null },
        expiresAt: Math.min((payload.exp ?? 0) * 1_000, LATEST),
      }
    },
  }
}

function toIdentity({ name, claims, required, ...issuer }: Issuer, payload: JWTPayload): OutsideIdentity {
  for (const [claim, wanted] of Object.entries(required)) {
    if (![wanted].flat().includes(String(payload[claim])))
      refuseToken(`is not valid here: its ${claim} is another`)
  }
  const subject = Subject.safeParse(claimOf(payload, claims.subject))
  if (!subject.success) return refuseToken(`is not valid here: it has no ${claims.subject}`)
  return {
    issuer: name,
    subject: subject.data,
    type: typeOf({ ...issuer, claim: claims.type }, payload),
    profile: toProfile(claimOf(payload, claims.name), claimOf(payload, claims.picture)),
  }
}

interface TypeRules extends Pick<Issuer, 'type' | 'types'> {
  readonly claim: string | undefined
}

/** A single value that means nothing here is refused; in a list, such as of groups, others may stand for other things. */
function typeOf({ claim, type, types }: TypeRules, payload: JWTPayload): Issuer['type'] {
  const value = claimOf(payload, claim)
  if (value == null) return type
  const known = [value]
    .flat()
    .map(String)
    .find((it) => Object.hasOwn(types, it))
  if (known !== undefined) return types[known] ?? type
  return Array.isArray(value) ? type : refuseToken(`is not valid here: its ${claim} is not known`)
}

/** The claim of this name, or else what the name leads to by its dots. */
function claimOf(payload: JWTPayload, name: string | undefined): unknown {
  if (name === undefined) return undefined
  if (Object.hasOwn(payload, name)) return payload[name]
  return name.split('.').reduce<unknown>((value, key) => {
    const isInside = typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    return isInside ? (value as Record<string, unknown>)[key] : undefined
  }, payload)
}

function refuseToken(fault: string): never {
  return refuse('UNAUTHORIZED', `The access token ${fault}`)
}
