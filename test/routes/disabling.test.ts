import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Broadcastable } from '../../src/rooms/ports.ts'
import { createTestApp, errorOf, type TestApp } from '../support/app.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'

let it: TestApp
let admin: string

beforeAll(async () => {
  it = await createTestApp({ DJANGO_JWT_SECRET: DJANGO_SECRET })
  admin = await djangoToken(it.auth.clock.now(), { user_id: 1, user_type: 'admin' })
})

afterAll(() => it.close())

async function idOf(token: string): Promise<string> {
  return (await it.call('GET /api/users/me', { token })).body.user.id
}

async function disable(id: string): Promise<Broadcastable[]> {
  const told: Broadcastable[] = []
  await it.auth.broadcast.subscribe(`user:${id}`, (item) => void told.push(item))
  expect((await it.call(`PUT /api/admin/users/${id}/disabled`, { token: admin })).status).toBe(204)
  return told
}

test('a disabled user of another issuer is out, with all sockets at once, and can be let in again', async () => {
  const token = await djangoToken(it.auth.clock.now(), { user_id: 2 })
  const id = await idOf(token)
  expect(await disable(id)).toContainEqual({ kind: 'revoked', sessionId: null })
  it.auth.clock.pass(5_001)
  const refused = await it.call('GET /api/users/me', { token })
  expect([refused.status, errorOf(refused).message]).toEqual([401, 'This account is disabled'])
  expect((await it.call(`GET /api/users/${id}`, { token: admin })).status).toBe(404)
  expect((await it.call(`DELETE /api/admin/users/${id}/disabled`, { token: admin })).status).toBe(204)
  it.auth.clock.pass(5_001)
  expect(await idOf(token)).toBe(id)
})

test('a disabled local user is out at once, can neither log in nor refresh, and logs in anew when let in again', async () => {
  const user = await it.user()
  await disable(user.id)
  expect((await it.call('GET /api/users/me', { token: user.token })).status).toBe(401)
  const refresh = { refreshToken: user.refreshToken }
  expect((await it.call('POST /api/auth/refresh', { body: refresh })).status).toBe(401)
  const login = { username: user.username, password: 'Correct-horse-1' }
  expect((await it.call('POST /api/auth/login', { body: login })).status).toBe(401)
  await it.call(`DELETE /api/admin/users/${user.id}/disabled`, { token: admin })
  expect((await it.call('GET /api/users/me', { token: user.token })).status).toBe(401)
  expect((await it.call('POST /api/auth/login', { body: login })).status).toBe(200)
})

test('nobody disables himself, or nobody at all; who was disabled is in the audit log', async () => {
  const self = await it.call(`PUT /api/admin/users/${await idOf(admin)}/disabled`, { token: admin })
  expect(self.status).toBe(409)
  const nobody = '00000000-0000-4000-8000-000000000000'
  expect((await it.call(`PUT /api/admin/users/${nobody}/disabled`, { token: admin })).status).toBe(404)
  const user = await it.user()
  await disable(user.id)
  const { body } = await it.call('GET /api/admin/audit?action=user.disabled&limit=1', { token: admin })
  expect(body.data).toMatchObject([{ targetId: user.id, actorId: await idOf(admin) }])
})
