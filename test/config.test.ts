import { describe, expect, test } from 'vitest'
import { ConfigError, parseConfig } from '../src/config.ts'

function fault(source: Record<string, string>): string {
  try {
    parseConfig(source)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

test('with nothing set every setting has its default', () => {
  expect(parseConfig({})).toMatchObject({
    PORT: 3000,
    DATA_DIR: './data',
    CORS_ORIGINS: [],
    RATE_LIMITS: 'on',
  })
})

test('an empty value counts as left out', () => {
  expect(parseConfig({ PORT: '', JWT_SECRET: ' ' })).toEqual(parseConfig({}))
})

test('settings of other programs are no error', () => {
  expect(parseConfig({ PATH: '/bin' })).toEqual(parseConfig({}))
})

test.each([
  ['PORT', 'abc', 'must be a number'],
  ['PORT', '70000', 'must be at most 65535'],
  ['NODE_ENV', 'prod', 'must be development, test or production'],
  ['JWT_SECRET', 'short', 'must be at least 32 characters'],
  ['CORS_ORIGINS', 'https://a.example/', 'without a path'],
  ['CORS_ORIGINS', '*', 'list of origins'],
  ['DATABASE_URL', 'mysql://a/b', 'must look like postgres://'],
  ['SEARCH_LANGUAGE', "x'; drop", 'text search configuration'],
  ['DATABASE_REPLICA_URL', 'http://standby', 'must look like postgres://'],
  ['DATABASE_REPLICA_URL', 'x'.repeat(1_000_000), 'must look like postgres://'],
  ['DATABASE_REPLICA_LAG', '0', 'must be at least 1'],
  ['DATABASE_REPLICA_LAG', '3601', 'must be at most 3600'],
  ['DATABASE_REPLICA_LAG', 'soon', 'must be a number'],
  ['DATABASE_REPLICA_LAG', '1.5', 'must be a whole number'],
  ['COGNITO_USER_POOL_ID', 'eu-west-2', 'must be the id of a user pool'],
  ['COGNITO_ENDPOINT', 'http://evil.example', 'must begin with https://'],
  ['DJANGO_JWT_SECRET', 'short', 'must be at least 32 characters'],
  ['DJANGO_TYPES', 'boss:king', 'must be value:type pairs'],
  ['DJANGO_TYPES', 'boss', 'must be value:type pairs'],
  ['ISSUERS', '[{"name":', 'must be JSON'],
  ['ISSUERS', '{}', 'must be a JSON list'],
])('%s=%s is refused by name, with what would be right', (name, value, fix) => {
  const message = fault({ [name]: value })
  expect(message).toMatch(new RegExp(`^${name}[ [.]`))
  expect(message).toContain(fix)
})

test('every wrong setting is named at once, and no value is printed', () => {
  const message = fault({ PORT: 'x', JWT_SECRET: 'hunter2' })
  expect(message.split('\n')).toHaveLength(2)
  expect(message).not.toContain('hunter2')
})

test('one secret for both kinds of token is refused', () => {
  const secret = 'x'.repeat(32)
  expect(fault({ JWT_SECRET: secret, JWT_REFRESH_SECRET: secret })).toContain('JWT_REFRESH_SECRET')
})

test('POSTGRES_* make a DATABASE_URL, with what needs it escaped', () => {
  const { DATABASE_URL } = parseConfig({ POSTGRES_HOST: 'db', POSTGRES_PASSWORD: 'p@ss/word' })
  expect(DATABASE_URL).toBe('postgres://parley:p%40ss%2Fword@db:5432/parley')
})

test('a replica needs the primary that it copies', () => {
  const replica = { DATABASE_REPLICA_URL: 'postgres://standby/parley' }
  expect(fault(replica)).toContain('DATABASE_REPLICA_URL is of no use without the DATABASE_URL')
  expect(parseConfig({ ...replica, POSTGRES_HOST: 'db' })).toMatchObject({
    ...replica,
    DATABASE_REPLICA_LAG: 5,
  })
  expect(parseConfig({ DATABASE_REPLICA_URL: '' }).DATABASE_REPLICA_URL).toBeUndefined()
})

test('a user pool of Cognito needs the app clients whose tokens are taken', () => {
  expect(fault({ COGNITO_USER_POOL_ID: 'eu-west-2_AbC' })).toContain('COGNITO_CLIENT_IDS must name')
})

test('devices of an older system are known to DIRECTORY_URL or to MYSQL_HOST, each by its own setting', () => {
  const http = { DIRECTORY_URL: 'https://names.example', DIRECTORY_TOKEN: 'x'.repeat(32) }
  const known = { DIRECTORY_PUSH_ISSUERS: 'cognito, acme' }
  expect(parseConfig({ ...http, ...known }).DIRECTORY_PUSH_ISSUERS).toEqual(['cognito', 'acme'])
  expect(fault(known)).toContain('DIRECTORY_URL must be set together with DIRECTORY_PUSH_ISSUERS')
  expect(fault({ ...http, MYSQL_PUSH_TABLE: '{}' })).toContain('set DIRECTORY_PUSH_ISSUERS instead')
})

describe('ISSUERS', () => {
  const good = {
    name: 'acme',
    issuer: 'https://id.example',
    algorithm: 'ES256',
    audience: ['parley'],
    type: 'agent',
  }
  const faultOf = (...issuers: object[]) => fault({ ISSUERS: JSON.stringify(issuers) })

  test('as they are documented are taken', () => {
    expect(faultOf(good)).toBe('')
  })

  test.each<[object, string]>([
    [{ name: 'Acme' }, 'ISSUERS[0].name must be 1 to 31 lower-case'],
    [{ name: 'local' }, "ISSUERS[0].name must not be one of the service's own"],
    [{ name: 'guest' }, "ISSUERS[0].name must not be one of the service's own"],
    [{ issuer: 42 }, 'ISSUERS[0].issuer must be text'],
    [{ issuer: 'local' }, 'jwksUrl must be given'],
    [{ algorithm: 'none' }, 'ISSUERS[0].algorithm must be one of'],
    [{ algorithm: 'HS256' }, 'ISSUERS[0].secret must be at least 32'],
    [{ algorithm: 'HS512', secret: 'x'.repeat(63) }, 'ISSUERS[0].secret must be at least 64'],
    [{ secret: 'x'.repeat(64) }, 'ISSUERS[0].secret is of no use with ES256'],
    [{ issuer: null }, 'ISSUERS[0].issuer must be given'],
    [{ jwksUrl: 'http://id.example/keys' }, 'ISSUERS[0].jwksUrl must begin with https://'],
    [{ jwksUrl: 'https://ann:secret@id.example/keys' }, 'ISSUERS[0].jwksUrl must hold no user'],
    [{ jwksUrl: 'keys' }, 'ISSUERS[0].jwksUrl must be a whole address'],
    [{ audience: 'parley' }, 'ISSUERS[0].audience must be a list'],
    [{ audience: [] }, 'ISSUERS[0].audience or required must be given'],
    [{ required: { use: 1 } }, 'ISSUERS[0].required.use must be a text or a list'],
    [{ claims: { subject: '' } }, 'ISSUERS[0].claims.subject must not be empty'],
    [{ type: 'boss' }, 'ISSUERS[0].type must be one of'],
    [{ types: { a: 'bot' } }, 'ISSUERS[0].types.a must be one of'],
    [{ jwks: 'x' }, 'ISSUERS[0] Unrecognized key: "jwks"'],
  ])('with %j are refused by the place', (change, message) => {
    expect(faultOf({ ...good, ...change })).toContain(message)
  })

  test('of one name or one issuer, or of the name of the service, are refused', () => {
    expect(faultOf(good, { ...good, issuer: 'https://other.example' })).toContain('one name: acme')
    expect(faultOf(good, { ...good, name: 'other' })).toContain('acme and other')
    const local = { ...good, issuer: 'local', algorithm: 'HS256', secret: 'x'.repeat(32) }
    expect(faultOf(local)).toContain('must not be "local"')
  })
})
