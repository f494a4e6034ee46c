import { expect, test } from 'vitest'
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
])('%s=%s is refused by name, with what would be right', (name, value, fix) => {
  const message = fault({ [name]: value })
  expect(message).toContain(`${name} `)
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
