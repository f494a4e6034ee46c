import { afterAll, beforeAll, expect, test } from 'vitest'
import { Me, User } from '../../src/protocol/model.ts'
import { UserPage } from '../../src/protocol/rest.ts'
import { createTestApp, type TestApp, type TestUser } from '../support/app.ts'

let it: TestApp
let ada: TestUser

beforeAll(async () => {
  it = await createTestApp()
  ada = await it.user('ada.lovelace')
})

afterAll(() => it.close())

async function search(q: string): Promise<string[]> {
  const answer = await it.call(`GET /api/users/search?q=${encodeURIComponent(q)}`, { token: ada.token })
  return UserPage.parse(answer.body).data.map(({ username }) => username)
}

test('one changes the own name and picture, and others see it', async () => {
  const body = { displayName: 'Ada L.', avatarUrl: 'https://img.example/ada.png' }
  const changed = await it.call('PUT /api/users/me', { token: ada.token, body })
  expect(Me.parse(changed.body.user)).toMatchObject(body)
  const bob = await it.user()
  const seen = await it.call(`GET /api/users/${ada.id}`, { token: bob.token })
  expect(User.parse(seen.body.user)).toMatchObject({ ...body, username: 'ada.lovelace' })
  expect(seen.body.user).not.toHaveProperty('createdAt')
  const bare = await it.call('PATCH /api/users/me/avatar', { token: ada.token, body: { avatarUrl: null } })
  expect(bare.body.user).toMatchObject({ displayName: 'Ada L.', avatarUrl: null })
})

test('a new name is what commands are sent under at once', async () => {
  await it.call('PUT /api/users/me', { token: ada.token, body: { displayName: 'Countess' } })
  expect((await it.auth.auth.verify(ada.token)).principal.user.displayName).toBe('Countess')
})

test('the status is that of now', async () => {
  await it.deps.presence.set(ada.id, 'busy')
  const { body } = await it.call('GET /api/users/me', { token: ada.token })
  expect(Me.parse(body.user).status).toBe('busy')
})

test('users are found by a part of their names, those that begin with it first', async () => {
  for (const name of ['zoe-mara', 'mara', 'maradona']) await it.user(name)
  expect(await search('MARA')).toEqual(['mara', 'maradona', 'zoe-mara'])
  expect(await search('Countess')).toEqual(['ada.lovelace'])
})

test.each(['%', '_', '\\', "'; drop table users; --", '%%%'])('%s is a text like any other', async (q) => {
  expect(await search(q)).toEqual([])
})

test('who is disabled is not found, nor lets in', async () => {
  const gone = await it.user('vanished')
  await it.database.query('update users set disabled_at = now() where id = $1', [gone.id])
  it.auth.clock.pass(5_001)
  expect(await search('vanished')).toEqual([])
  expect((await it.call(`GET /api/users/${gone.id}`, { token: ada.token })).status).toBe(404)
  expect((await it.call('GET /api/users/me', { token: gone.token })).status).toBe(401)
})

test.each([
  ['http picture', { avatarUrl: 'http://img.example/a.png' }, 'avatarUrl'],
  ['script picture', { avatarUrl: 'javascript:alert(1)' }, 'avatarUrl'],
  ['blank name', { displayName: '  ' }, 'displayName'],
  ['nothing', {}, ''],
])('%s is refused', async (_, body, field) => {
  const answer = await it.call('PUT /api/users/me', { token: ada.token, body })
  expect(answer.status).toBe(400)
  expect(answer.body.error.details[0].field).toBe(field)
})
