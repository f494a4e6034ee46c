import { afterEach, expect, test } from 'vitest'
import { clientAddress, networkOf } from '../../src/routes/address.ts'
import { createTestApp, errorOf, type TestApp } from '../support/app.ts'

const open: TestApp[] = []

afterEach(async () => {
  for (const app of open.splice(0)) await app.close()
})

async function limited(settings: Record<string, string> = {}): Promise<TestApp> {
  const app = await createTestApp({ RATE_LIMITS: 'on', RATE_REST_PER_MINUTE: '5', ...settings })
  open.push(app)
  return app
}

test('who asks too often is told when to come back', async () => {
  const it = await limited()
  const ask = () => it.call('GET /openapi.json', { address: '192.0.2.1' })
  for (let n = 0; n < 5; n += 1) expect((await ask()).status).toBe(200)
  const answer = await ask()
  expect([answer.status, errorOf(answer).code]).toEqual([429, 'RATE_LIMIT_EXCEEDED'])
  const wait = Number(answer.headers.get('Retry-After'))
  expect(wait).toBeGreaterThan(0)
  expect(wait).toBeLessThanOrEqual(60)
  expect(answer.headers.get('RateLimit-Limit')).toBe('5')
  expect(answer.headers.get('RateLimit-Remaining')).toBe('0')
  expect(answer.headers.get('RateLimit-Reset')).toBe(String(wait))
  expect(answer.headers.get('RateLimit-Policy')).toBe('5;w=60')
})

test('addresses do not take from each other; health is never limited', async () => {
  const it = await limited()
  for (let n = 0; n < 6; n += 1) await it.call('GET /openapi.json', { address: '192.0.2.1' })
  expect((await it.call('GET /openapi.json', { address: '192.0.2.2' })).status).toBe(200)
  for (let n = 0; n < 10; n += 1) {
    expect((await it.call('GET /health/live', { address: '192.0.2.1' })).status).toBe(200)
  }
})

test('a user is limited over all addresses', async () => {
  const it = await limited()
  const { token } = await it.user('ada')
  const ask = (n: number) => it.call('GET /api/users/me', { token, address: `192.0.2.${n}` })
  for (let n = 0; n < 5; n += 1) expect((await ask(n)).status).toBe(200)
  expect((await ask(9)).status).toBe(429)
})

test('a page of pictures does not use up the requests for everything else', async () => {
  const it = await limited({ RATE_FILES_PER_MINUTE: '8' })
  const { token } = await it.user('ada')
  const id = it.deps.ids.uuid()
  const show = (path: string) => it.call(`GET /api/${path}`, { token, address: '192.0.2.1' })
  const pictures = ['original', 'medium', 'thumbnail'].map((size) => `attachments/${id}/${size}`)
  for (const path of [...pictures, ...pictures, `avatars/${id}`, `avatars/${id}`]) {
    expect((await show(path)).status).toBe(404)
  }
  const over = await show(`attachments/${id}/thumbnail`)
  expect([over.status, over.headers.get('RateLimit-Policy')]).toEqual([429, '8;w=60'])
  expect((await show(`avatars/${id}`)).status).toBe(429)
  expect((await show('users/me')).status).toBe(200)
})

test('a forwarded address that nobody vouches for changes nothing', async () => {
  const it = await limited()
  const ask = (claimed: string) =>
    it.call('GET /openapi.json', { address: '192.0.2.1', headers: { 'X-Forwarded-For': claimed } })
  for (let n = 0; n < 5; n += 1) await ask(`198.51.100.${n}`)
  expect((await ask('198.51.100.99')).status).toBe(429)
})

test('behind one proxy the last entry counts, whatever the client wrote before it', async () => {
  const it = await limited({ TRUST_PROXY: '1' })
  const ask = (claimed: string) =>
    it.call('GET /openapi.json', { address: '10.0.0.1', headers: { 'X-Forwarded-For': claimed } })
  for (let n = 0; n < 5; n += 1) await ask(`1.1.1.${n}, 203.0.113.5`)
  expect((await ask('9.9.9.9, 203.0.113.5')).status).toBe(429)
  expect((await ask('203.0.113.6')).status).toBe(200)
})

test('guessed passwords are limited by the address behind the proxy', async () => {
  const it = await limited({ TRUST_PROXY: '1', RATE_REST_PER_MINUTE: '100' })
  const guess = (n: number, address: string) =>
    it.call('POST /api/auth/login', {
      body: { username: `nobody${n}`, password: 'x' },
      headers: { 'X-Forwarded-For': `1.1.1.${n}, ${address}` },
    })
  for (let n = 0; n < 5; n += 1) expect((await guess(n, '203.0.113.5')).status).toBe(401)
  const late = await guess(9, '203.0.113.5')
  expect([late.status, late.headers.get('RateLimit-Policy')]).toEqual([429, '5;w=900'])
  expect((await guess(9, '203.0.113.6')).status).toBe(401)
})

test.each([
  ['10.0.0.1', undefined, 0, '10.0.0.1'],
  ['10.0.0.1', '1.1.1.1', 0, '10.0.0.1'],
  ['10.0.0.1', '1.1.1.1', 1, '1.1.1.1'],
  ['10.0.0.1', '6.6.6.6, 1.1.1.1, 2.2.2.2', 2, '1.1.1.1'],
  ['10.0.0.1', '1.1.1.1', 2, '10.0.0.1'],
  ['10.0.0.1', undefined, 1, '10.0.0.1'],
  ['10.0.0.1', '<script>', 1, '10.0.0.1'],
  ['::ffff:10.0.0.1', undefined, 0, '10.0.0.1'],
  [null, undefined, 0, null],
])('from %s with X-Forwarded-For %s and %i proxies it is %s', (remote, header, hops, address) => {
  expect(clientAddress(remote, header, hops)).toBe(address)
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:0db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('%s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
