import { z } from 'zod'
import { UserType } from '../protocol/model.ts'
import { networkUrl } from './network-url.ts'

const HMACS = ['HS256', 'HS384', 'HS512'] as const
const ALGORITHMS = [
  ...HMACS,
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const),
]
/** The least bytes of a key, by RFC 7518, 3.2. */
const KEY_BYTES = { HS256: 32, HS384: 48, HS512: 64 }

/** Issuers of users whom the service itself makes: accounts, guests, and the bots of backends. */
const RESERVED = ['local', 'guest', 'service']

const word = z.string('must be text').min(1, 'must not be empty').max(255, 'must be at most 255 characters')
const words = z.array(word, 'must be a list of texts')
/** What a user of an outside issuer may be. */
export const OutsideType = UserType.exclude(
  ['bot'],
  `must be one of ${UserType.exclude(['bot']).options.join(', ')}`,
)

/** Claims are the names of claims; one with dots may also lead into an object: `realm_access.roles`. */
const Claims = z.strictObject({
  subject: word.default('sub'),
  name: word.optional(),
  picture: word.optional(),
  /** Holds what `types` maps: one text, number or boolean, or a list of them. */
  type: word.optional(),
})

/**
 * Issuer is whose tokens are taken besides the service's own: by one algorithm, and by one secret or the public keys
 * of `jwksUrl`, or else those that the issuer's discovery document names.
 */
export const Issuer = z
  .strictObject({
    /** What its users are told apart by for ever, whatever its address may become. */
    name: z
      .string('must be text')
      .regex(
        /^[a-z][a-z0-9-]{0,30}$/,
        'must be 1 to 31 lower-case letters, digits and hyphens, a letter first',
      )
      .refine(
        (name) => !RESERVED.includes(name),
        `must not be one of the service's own: ${RESERVED.join(', ')}`,
      ),
    /** The `iss` of its tokens; null for an issuer whose tokens name none. */
    issuer: word.nullable(),
    algorithm: z.enum(ALGORITHMS, `must be one of ${ALGORITHMS.join(', ')}`),
    secret: z.string('must be text').optional(),
    jwksUrl: networkUrl.optional(),
    /** A token must be for one of these. */
    audience: words.default([]),
    /** Claims that must have the value, or one of the values. */
    required: z.record(z.string(), z.union([word, words], 'must be a text or a list of texts')).default({}),
    claims: Claims.prefault({}),
    /** What its users are, unless `types` says otherwise. */
    type: OutsideType,
    types: z.record(z.string(), OutsideType).default({}),
  })
  .superRefine((issuer, context) => {
    const fault = faultOf(issuer)
    if (fault) context.addIssue({ code: 'custom', path: [fault.field], message: fault.message })
  })
export type Issuer = Readonly<z.infer<typeof Issuer>>

interface Keys {
  readonly issuer: string | null
  readonly algorithm: (typeof ALGORITHMS)[number]
  readonly secret?: string | undefined
  readonly jwksUrl?: string | undefined
  readonly audience: readonly string[]
  readonly required: Readonly<Record<string, unknown>>
}

function faultOf(issuer: Keys): { readonly field: string; readonly message: string } | undefined {
  const { algorithm, secret, jwksUrl } = issuer
  const least = algorithm in KEY_BYTES ? KEY_BYTES[algorithm as keyof typeof KEY_BYTES] : undefined
  if (least !== undefined) {
    if (jwksUrl !== undefined) return { field: 'jwksUrl', message: `is of no use with ${algorithm}` }
    if (secret !== undefined && secret.length >= least) return undefined
    return { field: 'secret', message: `must be at least ${least} characters for ${algorithm}` }
  }
  if (secret !== undefined) return { field: 'secret', message: `is of no use with ${algorithm}` }
  if (issuer.issuer === null) return { field: 'issuer', message: `must be given with ${algorithm}` }
  if (jwksUrl === undefined && !networkUrl.safeParse(issuer.issuer).success) {
    return {
      field: 'jwksUrl',
      message: 'must be given, as the issuer is no https address to discover it from',
    }
  }
  if (issuer.audience.length > 0 || Object.keys(issuer.required).length > 0) return undefined
  return {
    field: 'audience',
    message: 'or required must be given: tokens that the issuer made for other applications would be taken',
  }
}
