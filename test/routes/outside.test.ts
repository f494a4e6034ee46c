import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, errorOf, type TestApp, type TestUser } from '../support/app.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'

let it: TestApp
let local: TestUser
let token: string

beforeAll(async () => {
  const named = {
    name: 'acme',
    issuer: 'acme',
    algorithm: 'HS256',
    secret: DJANGO_SECRET,
    type: 'customer',
    claims: { name: 'name' },
  }
  it = await createTestApp({ DJANGO_JWT_SECRET: DJANGO_SECRET, ISSUERS: JSON.stringify([named]) })
  local = await it.user('ada')
  token = await djangoToken(it.auth.clock.now(), { user_id: local.id })
})

afterAll(() => it.close())

test('10.14 a token of another issuer is good for requests, for a socket in each of its ways, and for a ticket', async () => {
  const { body } = await it.call('GET /api/users/me', { token })
  expect(body.user).toMatchObject({ type: 'dentist', username: `django:${local.id}` })
  expect(body.user.id).not.toBe(local.id)
  const opened = { opened: `django:${local.id}` }
  const headers = { Upgrade: 'websocket' }
  expect((await it.call('GET /ws', { token, headers })).body).toEqual(opened)
  const pair = { ...headers, 'Sec-WebSocket-Protocol': `parley.v1, bearer.${token}` }
  expect((await it.call('GET /ws', { headers: pair })).body).toEqual(opened)
  const { ticket } = (await it.call('POST /api/auth/ticket', { token })).body
  expect((await it.call(`GET /ws?ticket=${ticket}`, { headers })).body).toEqual(opened)
})

test('10.15 passwords and logins of another issuer are not changed or ended here', async () => {
  const password = { currentPassword: 'x', password: 'Other-pass-1', passwordConfirm: 'Other-pass-1' }
  for (const answer of [
    await it.call('PUT /api/auth/password', { token, body: password }),
    await it.call('POST /api/auth/logout', { token }),
  ]) {
    expect(answer.status).toBe(403)
    expect(errorOf(answer).message).toContain('kept elsewhere')
  }
  expect((await it.call('GET /api/auth/sessions', { token })).body).toEqual({ data: [] })
  expect((await it.call('GET /api/users/me', { token: local.token })).status).toBe(200)
})

test('10.15 a name that its issuer keeps is not changed here, one that nobody keeps is', async () => {
  const now = it.auth.clock.now()
  const named = await djangoToken(now, { iss: 'acme', sub: '7', name: 'Grace Hopper' })
  expect((await it.call('GET /api/users/me', { token: named })).body.user.displayName).toBe('Grace Hopper')
  const body = { displayName: 'Dr. Somebody' }
  const refused = await it.call('PUT /api/users/me', { token: named, body })
  expect(refused.status).toBe(403)
  expect(errorOf(refused).message).toContain('kept elsewhere')
  const changed = await it.call('PUT /api/users/me', { token, body })
  expect(changed.body.user.displayName).toBe('Dr. Somebody')
})

test('10.16 a customer finds everybody but other customers, and others find customers', async () => {
  const now = it.auth.clock.now()
  const [ann, ben] = await Promise.all(
    ['Ann', 'Ben'].map((name) => djangoToken(now, { iss: 'acme', sub: name, name: `${name} Findable` })),
  )
  const find = async (token: string | undefined, q: string) => {
    const { body } = await it.call(`GET /api/users/search?q=${q}`, { token })
    return body.data.map(({ displayName }: { displayName: string }) => displayName)
  }
  await it.call('GET /api/users/me', { token: ben })
  expect(await find(ann, 'findable')).toEqual(['Ann Findable'])
  expect(await find(ann, 'ada')).toEqual(['ada'])
  expect(await find(token, 'findable')).toEqual(['Ann Findable', 'Ben Findable'])
})
