import { decodeProtectedHeader, type JWTVerifyGetKey } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fetchKeys } from '../../src/auth/fetch-keys.ts'
import { createIssuerKeys, NO_KEY_STORE } from '../../src/auth/issuer-keys.ts'
import type { KeptKeys, KeyStore } from '../../src/auth/ports.ts'
import { Issuer } from '../../src/settings/issuer.ts'
import { type IssuerServer, startIssuerServer } from '../support/issuer-server.ts'
import { BUSY } from '../support/patience.ts'
import { createTestClock, type TestClock } from '../support/test-clock.ts'

const MINUTE = 60_000

let issuer: IssuerServer
let clock: TestClock
let faults: unknown[]

beforeEach(async () => {
  issuer = await startIssuerServer()
  clock = createTestClock()
  faults = []
})

afterEach(() => issuer.close())

function createKeys(store: KeyStore = NO_KEY_STORE, settings: object = {}): JWTVerifyGetKey {
  const parsed = Issuer.parse({
    name: 'acme',
    issuer: issuer.url,
    jwksUrl: `${issuer.url}/keys`,
    algorithm: 'RS256',
    audience: ['parley'],
    type: 'member',
    ...settings,
  })
  return createIssuerKeys({
    issuer: 'acme',
    fetch: () => fetchKeys(parsed),
    store,
    clock,
    keepAlive() {},
    onFault: (error) => void faults.push(error),
  })
}

async function find(keys: JWTVerifyGetKey, kid = issuer.kid) {
  const token = await issuer.sign({}, { kid })
  const [protectedHeader = '', payload = '', signature = ''] = token.split('.')
  const found = await keys(decodeProtectedHeader(token) as { alg: string }, {
    protected: protectedHeader,
    payload,
    signature,
  })
  return found
}

function createSharedStore(): KeyStore {
  const kept = new Map<string, KeptKeys>()
  return {
    read: async (name) => kept.get(name),
    write: async (name, keys) => void kept.set(name, keys),
  }
}

test('keys are fetched with the first token, once for all who ask', async () => {
  const keys = createKeys()
  expect(issuer.asked).toBe(0)
  await Promise.all(Array.from({ length: 50 }, () => find(keys)))
  expect(issuer.asked).toBe(1)
})

test('1,000 unknown keys, together and one after another, are one look at the issuer', async () => {
  const keys = createKeys()
  await find(keys)
  clock.pass(MINUTE)
  const unknown = Array.from({ length: 1_000 }, (_, index) => `unknown-${index}`)
  const all = await Promise.allSettled(unknown.slice(0, 500).map((kid) => find(keys, kid)))
  for (const kid of unknown.slice(500)) await expect(find(keys, kid)).rejects.toThrow('no applicable key')
  expect(all.every(({ status }) => status === 'rejected')).toBe(true)
  expect(issuer.asked).toBe(2)
})

test('1,000 unknown keys at the start are one look as well', async () => {
  const keys = createKeys()
  const all = await Promise.allSettled(Array.from({ length: 1_000 }, (_, index) => find(keys, `x${index}`)))
  expect(all.every(({ status }) => status === 'rejected')).toBe(true)
  expect(issuer.asked).toBe(1)
})

test('a key that the issuer has just made is found with its first token', async () => {
  const keys = createKeys()
  await find(keys)
  await issuer.rotate()
  clock.pass(30_000)
  await expect(find(keys)).resolves.toBeDefined()
  await expect(find(keys, 'key-0')).rejects.toThrow('no applicable key')
})

test('the last good keys are used while the issuer is down, hangs, or serves nonsense', async () => {
  const keys = createKeys()
  await find(keys)
  for (const mood of ['failing', 'lying', 'hanging', 'endless'] as const) {
    issuer.mood = mood
    clock.pass(11 * MINUTE)
    await expect(find(keys)).resolves.toBeDefined()
    await expect.poll(() => faults.length).toBeGreaterThan(0)
    faults = []
  }
  issuer.mood = 'well'
  await issuer.rotate()
  clock.pass(MINUTE)
  await expect(find(keys)).resolves.toBeDefined()
})

test('old keys are looked for again without anybody waiting for it', async () => {
  const keys = createKeys()
  await find(keys)
  issuer.mood = 'hanging'
  clock.pass(11 * MINUTE)
  await find(keys)
  // It would be a fault, had the issuer been given up by now.
  expect(faults).toEqual([])
  await expect.poll(() => issuer.asked).toBe(2)
})

test('without any keys tokens are refused as not now, with a look every 2 seconds, until the issuer is back', async () => {
  issuer.mood = 'failing'
  const keys = createKeys()
  for (let attempt = 0; attempt < 20; attempt += 1) {
    await expect(find(keys)).rejects.toMatchObject({
      refusal: { code: 'SERVICE_UNAVAILABLE', retryAfter: 2 },
    })
  }
  expect(issuer.asked).toBe(1)
  issuer.mood = 'well'
  clock.pass(2_000)
  await expect(find(keys)).resolves.toBeDefined()
})

test('an issuer that hangs is given up within 2 seconds', async () => {
  issuer.mood = 'hanging'
  const before = performance.now()
  await expect(find(createKeys())).rejects.toMatchObject({ refusal: { code: 'SERVICE_UNAVAILABLE' } })
  expect(performance.now() - before).toBeLessThan(2_000 + BUSY)
})

test('instances share what one of them has fetched', async () => {
  const store = createSharedStore()
  const [one, other] = [createKeys(store), createKeys(store)]
  await find(one)
  await find(other)
  expect(issuer.asked).toBe(1)
  issuer.mood = 'failing'
  await expect(find(createKeys(store))).resolves.toBeDefined()
})

test('keys are found by discovery where their address is not given', async () => {
  await expect(find(createKeys(NO_KEY_STORE, { jwksUrl: undefined }))).resolves.toBeDefined()
})

test('a discovery document of another issuer is not believed', async () => {
  const settings = { jwksUrl: undefined, issuer: `${issuer.url}/` }
  await expect(find(createKeys(NO_KEY_STORE, settings))).rejects.toThrow('cannot be had')
  expect(issuer.asked).toBe(0)
})
