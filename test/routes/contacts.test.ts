import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Signal } from '../../src/protocol/events.ts'
import { Contact } from '../../src/protocol/model.ts'
import { page } from '../../src/protocol/rest.ts'
import { createTestApp, errorOf, type TestApp, type TestUser } from '../support/app.ts'

let it: TestApp
let ada: TestUser
let bob: TestUser
/** What each of the two is told. */
let told: Map<string, (string | null)[]>

beforeAll(async () => {
  it = await createTestApp()
})

afterAll(() => it.close())

beforeEach(async () => {
  ada = await it.user()
  bob = await it.user()
  told = new Map()
  for (const { id } of [ada, bob]) {
    const heard: (string | null)[] = []
    told.set(id, heard)
    await it.auth.broadcast.subscribe(`user:${id}`, (item) => {
      if (item.kind !== 'contact') return
      const signal = Signal.parse(JSON.parse(item.text))
      if (signal.type === 'contact:updated') heard.push(signal.data.contact?.status ?? null)
    })
  }
})

const ask = (from: TestUser, to: TestUser) =>
  it.call('POST /api/contacts', { token: from.token, body: { username: to.username } })
const accept = (by: TestUser, of: TestUser) =>
  it.call(`PUT /api/contacts/${of.id}/accept`, { token: by.token })
const remove = (by: TestUser, of: TestUser) => it.call(`DELETE /api/contacts/${of.id}`, { token: by.token })
const block = (by: TestUser, of: TestUser) => it.call(`PUT /api/contacts/${of.id}/block`, { token: by.token })
const unblock = (by: TestUser, of: TestUser) =>
  it.call(`DELETE /api/contacts/${of.id}/block`, { token: by.token })

async function listed(user: TestUser, path = ''): Promise<[id: string, status: string][]> {
  const answer = await it.call(`GET /api/contacts${path}`, { token: user.token })
  return page(Contact)
    .parse(answer.body)
    .data.map(({ id, status }) => [id, status])
}

test('a request waits on both sides, and an acceptance makes both contacts', async () => {
  const asked = await ask(ada, bob)
  expect(asked.status).toBe(201)
  expect(Contact.parse(asked.body.contact)).toMatchObject({
    id: bob.id,
    status: 'pending',
    requestedBy: ada.id,
  })
  expect(await listed(ada, '/pending')).toEqual([[bob.id, 'pending']])
  expect(await listed(bob, '/pending')).toEqual([[ada.id, 'pending']])
  expect(await listed(bob)).toEqual([])
  const accepted = await accept(bob, ada)
  expect(Contact.parse(accepted.body.contact)).toMatchObject({ id: ada.id, status: 'accepted' })
  expect(await listed(ada)).toEqual([[bob.id, 'accepted']])
  expect(await listed(bob, '/pending')).toEqual([])
  expect(told.get(ada.id)).toEqual(['pending', 'accepted'])
  expect(told.get(bob.id)).toEqual(['pending', 'accepted'])
})

test('asking again changes nothing; asking back accepts', async () => {
  await ask(ada, bob)
  expect((await ask(ada, bob)).status).toBe(200)
  const back = await it.call('POST /api/contacts', { token: bob.token, body: { userId: ada.id } })
  expect([back.status, back.body.contact.status]).toEqual([200, 'accepted'])
  expect((await ask(ada, bob)).body.contact.status).toBe('accepted')
  expect(told.get(ada.id)).toEqual(['pending', 'accepted'])
})

test('two who ask each other at once are contacts', async () => {
  const answers = await Promise.all([ask(ada, bob), ask(bob, ada)])
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 201])
  expect(await listed(ada)).toEqual([[bob.id, 'accepted']])
  expect(await listed(bob)).toEqual([[ada.id, 'accepted']])
})

test("nobody accepts one's own request, or one that is not there", async () => {
  expect((await accept(ada, bob)).status).toBe(404)
  await ask(ada, bob)
  expect((await accept(ada, bob)).status).toBe(409)
})

test('a request is declined, taken back, and a contact ended, by the same route', async () => {
  expect((await remove(ada, bob)).status).toBe(404)
  await ask(ada, bob)
  expect((await remove(bob, ada)).status).toBe(204)
  await ask(ada, bob)
  expect((await remove(ada, bob)).status).toBe(204)
  await ask(ada, bob)
  await accept(bob, ada)
  expect((await remove(bob, ada)).status).toBe(204)
  expect(await listed(ada)).toEqual([])
  expect(told.get(ada.id)).toEqual(['pending', null, 'pending', null, 'pending', 'accepted', null])
})

describe('a block', () => {
  test('ends the contact, shows only to who blocked, and stops requests', async () => {
    await ask(ada, bob)
    await accept(bob, ada)
    const blocked = await block(ada, bob)
    expect(Contact.parse(blocked.body.contact)).toMatchObject({ status: 'blocked', requestedBy: ada.id })
    expect(await listed(ada)).toEqual([[bob.id, 'blocked']])
    expect(await listed(ada, '?status=accepted')).toEqual([])
    expect(await listed(bob)).toEqual([])
    expect(told.get(bob.id)).toEqual(['pending', 'accepted', null])
    expect([(await ask(bob, ada)).status, (await ask(ada, bob)).status]).toEqual([403, 409])
    expect((await remove(ada, bob)).status).toBe(404)
  })

  test('goes both ways at once, and each ends only the own', async () => {
    await Promise.all([block(ada, bob), block(bob, ada)])
    expect((await unblock(ada, bob)).status).toBe(204)
    expect((await ask(ada, bob)).status).toBe(403)
    expect((await unblock(bob, ada)).status).toBe(204)
    expect((await ask(ada, bob)).status).toBe(201)
    expect((await unblock(ada, bob)).status).toBe(404)
  })
})

test('oneself and nobody are no contacts', async () => {
  expect((await ask(ada, ada)).status).toBe(400)
  const nobody = await it.call('POST /api/contacts', { token: ada.token, body: { username: 'nobody' } })
  expect([nobody.status, errorOf(nobody).code]).toEqual([404, 'NOT_FOUND'])
  const unknown = { id: it.deps.ids.uuid() } as TestUser
  expect((await block(ada, unknown)).status).toBe(404)
})

test('the list is paged by username', async () => {
  const names = ['page-c', 'page-A', 'page-b', 'page-d']
  for (const name of names) {
    const other = await it.user(name)
    await ask(ada, other)
    await accept(other, ada)
  }
  const seen: string[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { body } = await it.call(`GET /api/contacts?limit=3${query}`, { token: ada.token })
    const read = page(Contact).parse(body)
    expect(read.hasMore).toBe(read.nextCursor !== null)
    seen.push(...read.data.map(({ user }) => user.username))
    cursor = read.nextCursor
  }
  expect(seen).toEqual(['page-A', 'page-b', 'page-c', 'page-d'])
})
