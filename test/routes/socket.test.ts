import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, errorOf, type TestApp, type TestUser } from '../support/app.ts'

let it: TestApp
let user: TestUser

beforeAll(async () => {
  it = await createTestApp({ CORS_ORIGINS: 'https://app.example' })
  user = await it.user('ada')
})

afterAll(() => it.close())

const upgrade = { Upgrade: 'websocket', Connection: 'Upgrade', Host: 'chat.example' }
const pair = () => `parley.v1, bearer.${user.token}`

async function ticket(): Promise<string> {
  return (await it.call('POST /api/auth/ticket', { token: user.token })).body.ticket
}

test('a bearer header opens, from any origin', async () => {
  const headers = { ...upgrade, Origin: 'https://evil.example' }
  const answer = await it.call('GET /ws', { token: user.token, headers })
  expect(answer.body).toEqual({ opened: 'ada' })
})

test('the subprotocol pair opens, from a trusted origin and from none', async () => {
  for (const origin of [{}, { Origin: 'https://app.example' }, { Origin: 'http://chat.example' }]) {
    const headers = { ...upgrade, ...origin, 'Sec-WebSocket-Protocol': pair() }
    expect((await it.call('GET /ws', { headers })).body).toEqual({ opened: 'ada' })
  }
})

test.each(['https://evil.example', 'https://app.example.evil.example', 'null', 'http://chat.example:8080'])(
  'a page of %s opens nothing, by subprotocol or ticket',
  async (Origin) => {
    const headers = { ...upgrade, Origin }
    const bySubprotocol = { headers: { ...headers, 'Sec-WebSocket-Protocol': pair() } }
    expect((await it.call('GET /ws', bySubprotocol)).status).toBe(403)
    expect((await it.call(`GET /ws?ticket=${await ticket()}`, { headers })).status).toBe(403)
  },
)

test('a ticket opens once', async () => {
  const route = `GET /ws?ticket=${await ticket()}`
  expect((await it.call(route, { headers: upgrade })).status).toBe(200)
  expect((await it.call(route, { headers: upgrade })).status).toBe(401)
})

test('a token in the URL opens nothing', async () => {
  for (const name of ['token', 'access_token', 'ticket']) {
    expect((await it.call(`GET /ws?${name}=${user.token}`, { headers: upgrade })).status).toBe(401)
  }
})

test('nothing, a bad token or a foreign subprotocol is refused with the error body', async () => {
  expect((await it.call('GET /ws', { headers: upgrade })).status).toBe(401)
  expect((await it.call('GET /ws', { headers: upgrade, token: 'a.b.c' })).status).toBe(401)
  const headers = { ...upgrade, 'Sec-WebSocket-Protocol': 'graphql-ws' }
  const foreign = await it.call('GET /ws', { headers, token: user.token })
  expect([foreign.status, errorOf(foreign).message]).toEqual([400, 'This server speaks parley.v1'])
})

test('an ordinary request is told to upgrade', async () => {
  expect((await it.call('GET /ws', { token: user.token })).status).toBe(400)
})
