import { afterEach, expect, test } from 'vitest'
import type { AnsweredRequest } from '../../src/routes/deps.ts'
import { createTestApp, type TestApp } from '../support/app.ts'

const TOKEN = 'a-token-for-prometheus-and-nobody-else'
const page = { contentType: 'text/plain; version=0.0.4; charset=utf-8', text: 'up 1\n' }
const metrics = async () => page

let it: TestApp

afterEach(() => it.close())

test.each([
  ['127.0.0.1', 200],
  ['::1', 200],
  ['::ffff:10.1.2.3', 200],
  ['172.31.0.9', 200],
  ['fd12:3456::1', 200],
  ['172.32.0.9', 404],
  ['100.10.0.1', 404],
  ['2001:db8::1', 404],
])('without a token they are for private addresses: %s gets %i', async (address, status) => {
  it = await createTestApp({}, { metrics })
  const answer = await it.call('GET /metrics', { address })
  expect(answer.status).toBe(status)
  if (status !== 200) return
  expect(answer.text).toBe(page.text)
  expect(answer.headers.get('Content-Type')).toBe(page.contentType)
})

test('a private address that is only the proxy of somebody else does not count', async () => {
  it = await createTestApp({}, { metrics })
  const headers = { 'X-Forwarded-For': '127.0.0.1' }
  expect((await it.call('GET /metrics', { address: '127.0.0.1', headers })).status).toBe(404)
})

test('behind a trusted proxy the client has to be private', async () => {
  it = await createTestApp({ TRUST_PROXY: '1' }, { metrics })
  const ask = (client: string) =>
    it.call('GET /metrics', { address: '10.0.0.1', headers: { 'X-Forwarded-For': client } })
  expect((await ask('10.0.0.7')).status).toBe(200)
  expect((await ask('10.0.0.7, 203.0.113.5')).status).toBe(404)
})

test('with a token they are for whoever has it, from anywhere', async () => {
  it = await createTestApp({ METRICS_TOKEN: TOKEN }, { metrics })
  expect((await it.call('GET /metrics', { address: '203.0.113.5', token: TOKEN })).status).toBe(200)
  expect((await it.call('GET /metrics', { address: '127.0.0.1', token: `${TOKEN}x` })).status).toBe(404)
  expect((await it.call('GET /metrics', { address: '127.0.0.1' })).status).toBe(404)
})

test('where nothing is measured there is no such route', async () => {
  it = await createTestApp()
  expect((await it.call('GET /metrics', { address: '127.0.0.1' })).status).toBe(404)
})

test('a request is measured by the pattern of its route, never by what a client wrote', async () => {
  const seen: AnsweredRequest[] = []
  it = await createTestApp({}, { onRequest: (request) => void seen.push(request) })
  const { id, token } = await it.user()
  seen.length = 0
  await it.call(`GET /api/users/${id}`, { token })
  await it.call('GET /api/users/me', { token })
  await it.call('GET /health/live')
  await it.call('GET /no/such/place')
  await it.call('GET /api/users/x/y/z', { token })
  await it.call(`GET /api/users/${id}`)
  expect(seen.map(({ method, route, status }) => `${method} ${route} ${status}`)).toEqual([
    'GET /api/users/:id 200',
    'GET /api/users/me 200',
    'GET /health/live 200',
    'GET none 404',
    'GET none 404',
    'GET /api/users/:id 401',
  ])
})
