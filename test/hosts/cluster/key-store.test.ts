import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseConfig } from '../../../src/config.ts'
import { createRedisKeyStore } from '../../../src/hosts/node/cluster/key-store.ts'
import { connectRedis, type RedisLink } from '../../../src/hosts/node/cluster/redis.ts'
import { createRedisServer, type RedisServer } from '../../../src/hosts/node/faults/servers/redis.ts'

const kept = { keys: { keys: [{ kty: 'RSA', kid: 'one', n: 'x', e: 'AQAB' }] }, fetchedAt: 1_700_000_000_000 }

let redis: RedisServer
let link: RedisLink

beforeAll(async () => {
  redis = await createRedisServer()
  const config = parseConfig({
    ...{ REDIS_URL: redis.url, DATABASE_URL: 'postgres://nowhere/parley' },
    ...{ JWT_SECRET: 'a'.repeat(32), JWT_REFRESH_SECRET: 'b'.repeat(32) },
  })
  const opened = connectRedis(config, () => {})
  if (!opened) throw new Error('There is a REDIS_URL')
  link = opened
  await new Promise<void>((resolve) => link.commands.once('ready', () => resolve()))
})

afterAll(async () => {
  link.close()
  await redis.remove()
})

test('keys are shared by the name of their issuer, for a day', async () => {
  await createRedisKeyStore(link.commands, 'parley:').write('acme', kept)
  const other = createRedisKeyStore(link.commands, 'parley:')
  expect(await other.read('acme')).toEqual(kept)
  expect(await other.read('other')).toBeUndefined()
  expect(await createRedisKeyStore(link.commands, 'another:').read('acme')).toBeUndefined()
  expect(await link.commands.pttl('parley:issuer-keys:acme')).toBeGreaterThan(86_000_000)
})

test.each(['', 'x', '{}', '[]', '{"keys":{"keys":"x"},"fetchedAt":1}', '{"keys":{"keys":[]}}'])(
  'what is there and is not keys is nothing: %j',
  async (text) => {
    await link.commands.set('parley:issuer-keys:acme', text)
    expect(await createRedisKeyStore(link.commands, 'parley:').read('acme')).toBeUndefined()
  },
)

test('while Redis is away there is nothing to read, and writing is no fault', async () => {
  await redis.stop()
  const store = createRedisKeyStore(link.commands, 'parley:')
  await store.write('acme', kept)
  expect(await store.read('acme')).toBeUndefined()
})
