import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createApp } from '../../src/app.ts'
import { ErrorBody } from '../../src/protocol/errors.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { createTestApp, errorOf, type TestApp, type TestUser } from '../support/app.ts'

let it: TestApp
let user: TestUser

beforeAll(async () => {
  it = await createTestApp({ CORS_ORIGINS: 'https://app.example' })
  user = await it.user('ada')
})

afterAll(() => it.close())

describe('errors', () => {
  test.each([
    ['GET /nothing', 404, 'NOT_FOUND'],
    ['GET /api/nothing', 404, 'NOT_FOUND'],
    ['POST /health', 404, 'NOT_FOUND'],
    ['GET /docs/nothing.js', 404, 'NOT_FOUND'],
    ['GET /docs/..%2f..%2fpackage.json', 404, 'NOT_FOUND'],
    ['GET /api/users/me', 401, 'UNAUTHORIZED'],
    ['GET /api/users/search?q=a&q=b', 401, 'UNAUTHORIZED'],
  ])('%s answers %i with the one error body', async (route, status, code) => {
    const answer = await it.call(route)
    expect(answer.status).toBe(status)
    expect(ErrorBody.parse(errorOf(answer)).code).toBe(code)
    expect(errorOf(answer).requestId).toBe(answer.headers.get('X-Request-Id'))
  })

  test('what is unexpected is a 500 without details, and logged without the values of the statement', async () => {
    const broken = { orm: undefined } as never
    const app = createApp({ ...it.deps, db: broken })
    const headers = { 'Content-Type': 'application/json' }
    const body = JSON.stringify({ userId: it.deps.ids.uuid() })
    const init = { method: 'POST', headers: { ...headers, Authorization: `Bearer ${user.token}` }, body }
    const response = await app.request('/api/contacts', init)
    expect(response.status).toBe(500)
    const { error } = z.object({ error: ErrorBody }).parse(await response.json())
    expect(error).toMatchObject({ code: 'INTERNAL_ERROR', details: [] })
    expect(error.message).not.toMatch(/undefined|orm/)
    expect(it.logged).toContainEqual(expect.objectContaining({ level: 'error', requestId: error.requestId }))
  })

  test('a database that is away is a 503 to be tried again', async () => {
    const lost = Object.assign(new Error('terminating connection'), { code: '57P01' })
    const failing = {
      ...it.deps.auth,
      verify: () => Promise.reject(new Error('Failed query', { cause: lost })),
    }
    const response = await createApp({ ...it.deps, auth: failing }).request('/api/users/me', {
      headers: { Authorization: 'Bearer x' },
    })
    expect(response.status).toBe(503)
    expect(response.headers.get('Retry-After')).toBe('1')
  })
})

describe('bodies', () => {
  const send = (request: Parameters<TestApp['call']>[1]) =>
    it.call('PUT /api/users/me', { token: user.token, ...request })

  test('malformed JSON is 400, another type 415, too much 413', async () => {
    const malformed = await send({ text: '{"displayName":' })
    expect([malformed.status, errorOf(malformed).details]).toEqual([
      400,
      [{ field: '', message: 'Malformed JSON in request body' }],
    ])
    const text = '{"displayName":"Ada"}'
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const answer = await send({ text, headers: { 'Content-Type': type } })
      expect([answer.status, errorOf(answer).code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
    }
    const large = await send({ body: { displayName: 'x'.repeat(LIMITS.bodyBytes) } })
    expect([large.status, errorOf(large).code]).toEqual([413, 'PAYLOAD_TOO_LARGE'])
  })

  test('a body without a type is refused, and so is none where one is needed', async () => {
    const untyped = await it.app.request('/api/users/me', {
      method: 'PUT',
      headers: { Authorization: `Bearer ${user.token}` },
      body: new Blob(['{}']),
    })
    expect(untyped.status).toBe(415)
    expect((await send({})).status).toBe(400)
  })

  test('unknown fields are named one by one, __proto__ among them', async () => {
    const answer = await send({ text: '{"displayName":"Ada","admin":true,"__proto__":{"type":"admin"}}' })
    expect(answer.status).toBe(400)
    expect(errorOf(answer).details.map(({ field }) => field)).toEqual(['admin', '__proto__'])
    expect(({} as { type?: string }).type).toBeUndefined()
  })

  test('the charset may be given', async () => {
    const headers = { 'Content-Type': 'application/json; charset=utf-8' }
    expect((await send({ text: '{"displayName":"Ada"}', headers })).status).toBe(200)
  })
})

describe('headers', () => {
  test('every answer is told to be nothing else, nor in a frame', async () => {
    const { headers } = await it.call('GET /health/live')
    expect(headers.get('Content-Security-Policy')).toBe("default-src 'none'; frame-ancestors 'none'")
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
    expect(headers.get('Strict-Transport-Security')).toBe('max-age=31536000; includeSubDomains')
    expect(headers.get('X-Frame-Options')).toBe('SAMEORIGIN')
  })

  test('pages of the list may call, with credentials; no others', async () => {
    const preflight = (Origin: string) =>
      it.call('OPTIONS /api/users/me', { headers: { Origin, 'Access-Control-Request-Method': 'PUT' } })
    const good = await preflight('https://app.example')
    expect(good.status).toBe(204)
    expect(good.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example')
    expect(good.headers.get('Access-Control-Allow-Credentials')).toBe('true')
    const evil = await preflight('https://evil.example')
    expect(evil.headers.get('Access-Control-Allow-Origin')).toBeNull()
  })

  test('an error can be read by a page of the list too', async () => {
    const answer = await it.call('GET /api/users/me', { headers: { Origin: 'https://app.example' } })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example')
  })

  test('reads are compressed; answers that hold tokens are not', async () => {
    const headers = { 'Accept-Encoding': 'gzip' }
    const read = await it.app.request('/openapi.json', { headers })
    expect(read.headers.get('Content-Encoding')).toBe('gzip')
    const body = { refreshToken: 'x' }
    const write = await it.call('POST /api/auth/refresh', { headers, body })
    expect(write.headers.get('Content-Encoding')).toBeNull()
  })
})

describe('logs', () => {
  test('a request is one line: who, what, how long', async () => {
    const answer = await it.call('GET /api/users/me?x=1', { token: user.token, address: '192.0.2.3' })
    expect(it.logged.at(-1)).toEqual({
      level: 'info',
      message: 'request',
      requestId: answer.headers.get('X-Request-Id'),
      method: 'GET',
      path: '/api/users/me',
      status: 200,
      milliseconds: 0,
      userId: user.id,
      ipAddress: '192.0.2.3',
    })
  })

  test('no token, ticket, password or body is ever logged', async () => {
    const canary = 'Canary-1-sings'
    const given = { username: 'canary', password: canary, passwordConfirm: canary, displayName: canary }
    const { body } = await it.call('POST /api/auth/register', { body: given })
    const { accessToken: token, refreshToken } = body
    const { ticket } = (await it.call('POST /api/auth/ticket', { token })).body
    await it.call(`GET /ws?ticket=${ticket}`, { headers: { Upgrade: 'websocket' } })
    await it.call(`GET /ws?token=${token}`, { headers: { Upgrade: 'websocket' } })
    await it.call('GET /ws', {
      headers: { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': `parley.v1, bearer.${token}` },
    })
    await it.call('POST /api/auth/refresh', { body: { refreshToken } })
    await it.call('POST /api/auth/refresh', { body: { refreshToken } })
    await it.call('POST /api/auth/login', { text: `{"password":"${canary}"` })
    await it.call(`GET /api/users/search?q=${canary}`, { token })
    await it.call('GET /api/users/me', { token, headers: { 'X-Request-Id': token } })
    const lines = JSON.stringify(it.logged)
    for (const secret of [token, refreshToken, ticket, canary]) expect(lines).not.toContain(secret)
    expect(lines).toContain('"username":"canary"')
  })

  test("a client's request id is taken from behind a proxy alone", async () => {
    const headers = { 'X-Request-Id': 'mine' }
    expect((await it.call('GET /health/live', { headers })).headers.get('X-Request-Id')).not.toBe('mine')
    const behind = createApp({ ...it.deps, config: { ...it.deps.config, TRUST_PROXY: 1 } })
    const answer = await behind.request('/health/live', { headers })
    expect(answer.headers.get('X-Request-Id')).toBe('mine')
  })
})
