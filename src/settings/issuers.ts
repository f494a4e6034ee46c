import { z } from 'zod'
import { Issuer, OutsideType } from './issuer.ts'
import { ConfigError, commaSeparated, jsonOf, secret, setting, text } from './kinds.ts'
import { networkUrl } from './network-url.ts'

const TypeMap = commaSeparated.transform((pairs, context) => {
  const map = new Map<string, string>()
  for (const pair of pairs) {
    const [value = '', type = '', ...rest] = pair.split(':').map((part) => part.trim())
    if (value !== '' && rest.length === 0 && OutsideType.safeParse(type).success) map.set(value, type)
    else context.addIssue({ code: 'custom', message: `must be value:type pairs, types being ${TYPES}` })
  }
  return Object.fromEntries(map)
})
const TYPES = OutsideType.options.join(', ')

/** ISSUER_SETTINGS say whose tokens are taken besides those of local accounts. */
export const ISSUER_SETTINGS = {
  COGNITO_USER_POOL_ID: text
    .regex(/^[\w-]+_\w+$/, 'must be the id of a user pool, such as eu-west-2_AbCdEf123')
    .optional()
    .meta(setting('Issuers', 'User pool of Amazon Cognito whose users are customers; takes access tokens')),
  COGNITO_REGION: text
    .regex(/^[a-z0-9-]+$/, 'must be a region of AWS, such as eu-west-2')
    .optional()
    .meta(setting('Issuers', 'Region of the user pool; what its id begins with when left out')),
  COGNITO_CLIENT_IDS: commaSeparated
    .default([])
    .meta(setting('Issuers', 'App clients of the user pool whose tokens are taken, comma-separated')),
  COGNITO_ENDPOINT: networkUrl
    .optional()
    .meta(setting('Issuers', 'Where a stand-in such as cognito-local serves the pool instead of AWS')),
  DJANGO_JWT_SECRET: secret
    .optional()
    .meta(
      setting(
        'Issuers',
        'SIGNING_KEY (SECRET_KEY by default) of Django SimpleJWT, whose users are dentists; HS256',
      ),
    ),
  DJANGO_JWT_ISSUER: text
    .optional()
    .meta(setting('Issuers', 'ISSUER of SimpleJWT; its tokens name none when left out, as by default')),
  DJANGO_TYPE_CLAIM: text
    .default('user_type')
    .meta(setting('Issuers', 'Claim of Django tokens that says what the user is; a dentist without it')),
  DJANGO_TYPES: TypeMap.prefault('dentist:dentist,agent:agent,restaurant:restaurant,admin:admin').meta(
    setting('Issuers', 'What the values of that claim mean, value:type; any other value is refused'),
  ),
  ISSUERS: jsonOf(z.array(Issuer, 'must be a JSON list of issuers'))
    .default([])
    .meta(setting('Issuers', 'Further issuers, as a JSON list: see docs/identities.md')),
}

const Given = z.object(ISSUER_SETTINGS)

/** issuersOf is every outside issuer of the settings. Throws a ConfigError where two of them are not told apart. */
export function issuersOf(config: Readonly<z.infer<typeof Given>>): Issuer[] {
  const issuers = [...cognitoOf(config), ...djangoOf(config), ...config.ISSUERS]
  for (const [index, { name, issuer }] of issuers.entries()) {
    const others = issuers.slice(0, index)
    if (issuer === 'local') throw new ConfigError(`ISSUERS: the issuer of ${name} must not be "local"`)
    if (others.some((other) => other.name === name)) {
      throw new ConfigError(`ISSUERS: two issuers must not have one name: ${name}`)
    }
    const same = others.find((other) => other.issuer === issuer)
    if (same) throw new ConfigError(`ISSUERS: ${same.name} and ${name} must not have the same issuer`)
  }
  return issuers
}

function cognitoOf(config: Readonly<z.infer<typeof Given>>): Issuer[] {
  const { COGNITO_USER_POOL_ID: pool, COGNITO_CLIENT_IDS: clients, COGNITO_ENDPOINT } = config
  if (pool === undefined) return []
  if (clients.length === 0) {
    throw new ConfigError('COGNITO_CLIENT_IDS must name the app clients whose tokens are taken')
  }
  const region = config.COGNITO_REGION ?? pool.slice(0, pool.indexOf('_'))
  const endpoint = COGNITO_ENDPOINT?.replace(/\/+$/, '') ?? `https://cognito-idp.${region}.amazonaws.com`
  return [
    Issuer.parse({
      name: 'cognito',
      issuer: `${endpoint}/${pool}`,
      algorithm: 'RS256',
      jwksUrl: `${endpoint}/${pool}/.well-known/jwks.json`,
      required: { token_use: 'access', client_id: clients },
      type: 'customer',
    }),
  ]
}

function djangoOf(config: Readonly<z.infer<typeof Given>>): Issuer[] {
  if (config.DJANGO_JWT_SECRET === undefined) return []
  return [
    Issuer.parse({
      name: 'django',
      issuer: config.DJANGO_JWT_ISSUER ?? null,
      algorithm: 'HS256',
      secret: config.DJANGO_JWT_SECRET,
      required: { token_type: 'access' },
      claims: { subject: 'user_id', type: config.DJANGO_TYPE_CLAIM },
      type: 'dentist',
      types: config.DJANGO_TYPES,
    }),
  ]
}
