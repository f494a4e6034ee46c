import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Chat } from '../../src/protocol/model.ts'
import { createTestApp, errorOf, type TestApp, type TestUser } from '../support/app.ts'
import { befriend, createGroup, openDirect, send } from '../support/people.ts'

let it: TestApp
let ada: TestUser
let bob: TestUser
let eve: TestUser

beforeAll(async () => {
  it = await createTestApp()
})

afterAll(() => it.close())

beforeEach(async () => {
  ada = await it.user()
  bob = await it.user()
  eve = await it.user()
})

const openWith = (user: TestUser, other: { id: string }) =>
  it.call('POST /api/chats/direct', { token: user.token, body: { userId: other.id } })
const read = (user: TestUser, chat: { id: string }) =>
  it.call(`GET /api/chats/${chat.id}`, { token: user.token })

async function list(user: TestUser): Promise<Chat[]> {
  return (await it.call('GET /api/chats', { token: user.token })).body.data
}

describe('a direct chat', () => {
  test('is one for each two contacts, whoever opens it, also at once', async () => {
    await befriend(it, ada, bob)
    const answers = await Promise.all([openWith(ada, bob), openWith(bob, ada), openWith(ada, bob)])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201])
    expect(new Set(answers.map(({ body }) => body.chat.id)).size).toBe(1)
    expect((await openWith(bob, ada)).status).toBe(200)
    expect(answers[0]?.body.chat).toMatchObject({
      kind: 'direct',
      name: null,
      ownerId: null,
      participantCount: 2,
    })
  })

  test('needs an accepted contact', async () => {
    expect((await openWith(ada, bob)).status).toBe(403)
    await it.call('POST /api/contacts', { token: ada.token, body: { userId: bob.id } })
    expect((await openWith(ada, bob)).status).toBe(403)
    expect((await openWith(ada, { id: it.deps.ids.uuid() })).status).toBe(404)
    expect((await openWith(ada, ada)).status).toBe(400)
  })

  test('stays open when the contact ends; a block stops it at once, and its end lets it go on', async () => {
    const chat = await openDirect(it, ada, bob)
    await send(it, bob, chat)
    await it.call(`DELETE /api/contacts/${bob.id}`, { token: ada.token })
    expect((await openWith(bob, ada)).status).toBe(200)
    const say = (user: TestUser) =>
      it.call(`POST /api/chats/${chat.id}/messages`, { token: user.token, body: { content: 'Hi' } })
    expect((await say(bob)).status).toBe(201)
    await it.call(`PUT /api/contacts/${bob.id}/block`, { token: ada.token })
    expect([(await say(bob)).status, (await say(ada)).status]).toEqual([403, 403])
    await it.call(`DELETE /api/contacts/${bob.id}/block`, { token: ada.token })
    expect((await say(bob)).status).toBe(201)
  })

  test('is not for a third', async () => {
    const chat = await openDirect(it, ada, bob)
    expect((await read(eve, chat)).status).toBe(404)
    const joining = await it.call(`POST /api/chats/${chat.id}/join`, { token: eve.token })
    expect(joining.status).toBe(404)
  })
})

test('with DIRECT_CHATS=anyone strangers may write to each other, but not across a block', async () => {
  const open = await createTestApp({ DIRECT_CHATS: 'anyone' })
  const [one, other] = [await open.user(), await open.user()]
  const ask = () => open.call('POST /api/chats/direct', { token: one.token, body: { userId: other.id } })
  await open.call(`PUT /api/contacts/${one.id}/block`, { token: other.token })
  expect((await ask()).status).toBe(403)
  await open.call(`DELETE /api/contacts/${one.id}/block`, { token: other.token })
  expect((await ask()).status).toBe(201)
  await open.close()
})

describe('a group', () => {
  test('has an owner and members, and is in the list of each', async () => {
    const chat = await createGroup(it, [ada, bob], { name: 'Plans' })
    expect(chat).toMatchObject({ kind: 'group', name: 'Plans', ownerId: ada.id, participantCount: 2, seq: 1 })
    expect(chat.participants?.map(({ userId, role }) => [userId, role]).sort()).toEqual(
      [
        [ada.id, 'owner'],
        [bob.id, 'member'],
      ].sort(),
    )
    expect((await list(bob)).map(({ id, participants }) => [id, participants])).toEqual([[chat.id, null]])
    expect(await list(eve)).toEqual([])
  })

  test('is made once for each Idempotency-Key of a user', async () => {
    const make = (user: TestUser, key: string) =>
      it.call('POST /api/chats/group', {
        token: user.token,
        body: { name: 'Once' },
        headers: { 'Idempotency-Key': key },
      })
    const first = await make(ada, 'k1')
    const again = await make(ada, 'k1')
    expect([first.status, again.status]).toEqual([201, 200])
    expect(again.body.chat.id).toBe(first.body.chat.id)
    expect((await make(ada, 'k2')).body.chat.id).not.toBe(first.body.chat.id)
    expect((await make(bob, 'k1')).body.chat.id).not.toBe(first.body.chat.id)
  })

  test('is changed, and deleted for everybody', async () => {
    const chat = await createGroup(it, [ada, bob])
    const route = `/api/chats/${chat.id}`
    const body = { name: 'Renamed', slug: `slug-${ada.username}`, isOpen: true }
    const changed = await it.call(`PUT ${route}`, { token: ada.token, body })
    expect(changed.body).toMatchObject({ chat: body, seq: 2 })
    expect((await it.call(`PUT ${route}`, { token: bob.token, body })).status).toBe(403)
    expect((await it.call(`DELETE ${route}`, { token: bob.token })).status).toBe(403)
    expect((await it.call(`DELETE ${route}`, { token: ada.token })).body).toEqual({ seq: 3 })
    for (const user of [ada, bob]) expect((await read(user, chat)).status).toBe(404)
    expect(await list(ada)).toEqual([])
  })

  test('is found by its slug: whole by who is in it, as a preview if open, else not at all', async () => {
    const slug = `door-${ada.username}`
    const chat = await createGroup(it, [ada, bob], { slug, isOpen: true })
    await send(it, ada, chat, 'secret')
    const find = (user: TestUser) => it.call(`GET /api/chats/slug/${slug}`, { token: user.token })
    expect((await find(bob)).body.chat).toMatchObject({ id: chat.id, me: { role: 'member' } })
    const preview = (await find(eve)).body.chat
    expect(preview).toMatchObject({
      id: chat.id,
      me: null,
      participants: null,
      lastMessage: null,
      participantCount: 2,
    })
    await it.call(`PUT /api/chats/${chat.id}`, { token: ada.token, body: { isOpen: false } })
    expect((await find(eve)).status).toBe(404)
    const taken = await it.call('POST /api/chats/group', { token: eve.token, body: { name: 'x', slug } })
    expect([taken.status, errorOf(taken).details[0]?.field]).toEqual([409, 'slug'])
  })

  test('is joined when open, left, and left by its owner only after a transfer', async () => {
    const chat = await createGroup(it, [ada], { isOpen: true })
    const go = (user: TestUser, verb: string) =>
      it.call(`POST /api/chats/${chat.id}/${verb}`, { token: user.token })
    expect((await go(bob, 'join')).body.participants[0]).toMatchObject({ userId: bob.id, role: 'member' })
    expect((await go(ada, 'leave')).status).toBe(409)
    const transfer = { token: ada.token, body: { userId: bob.id } }
    expect((await it.call(`PUT /api/chats/${chat.id}/owner`, transfer)).body.chat.ownerId).toBe(bob.id)
    expect((await go(ada, 'leave')).status).toBe(200)
    expect((await read(ada, chat)).status).toBe(404)
    expect((await read(bob, chat)).body.chat.participantCount).toBe(1)
  })

  test('has participants added, promoted and removed', async () => {
    const chat = await createGroup(it, [ada, bob])
    const route = `/api/chats/${chat.id}/participants`
    const adding = { token: ada.token, body: { userIds: [eve.id, bob.id] } }
    const added = await it.call(`POST ${route}`, adding)
    expect(added.status).toBe(200)
    expect((await read(eve, chat)).body.chat.participantCount).toBe(3)
    const promoted = await it.call(`PUT ${route}/${bob.id}`, { token: ada.token, body: { role: 'admin' } })
    expect(promoted.body.participants).toMatchObject([{ userId: bob.id, role: 'admin' }])
    expect((await it.call(`DELETE ${route}/${eve.id}`, { token: bob.token })).status).toBe(200)
    expect((await read(eve, chat)).status).toBe(404)
    expect((await it.call(`DELETE ${route}/${ada.id}`, { token: bob.token })).status).toBe(403)
    expect((await it.call(`DELETE ${route}/${eve.id}`, { token: bob.token })).status).toBe(404)
  })

  test('takes nobody in whom the one who adds has been blocked by', async () => {
    await it.call(`PUT /api/contacts/${ada.id}/block`, { token: eve.token })
    const body = { name: 'Trap', participantIds: [eve.id] }
    expect((await it.call('POST /api/chats/group', { token: ada.token, body })).status).toBe(403)
  })

  test('is muted by each for himself', async () => {
    const chat = await createGroup(it, [ada, bob])
    const until = '2030-01-01T00:00:00.000Z'
    const muted = await it.call(`PUT /api/chats/${chat.id}/mute`, { token: bob.token, body: { until } })
    expect(muted.body.me).toEqual({ mutedUntil: until })
    expect((await read(bob, chat)).body.chat.me.mutedUntil).toBe(until)
    expect((await read(ada, chat)).body.chat.me.mutedUntil).toBeNull()
    await it.call(`PUT /api/chats/${chat.id}/mute`, { token: bob.token, body: { until: null } })
    expect((await read(bob, chat)).body.chat.me.mutedUntil).toBeNull()
  })
})

test('participants are shown with their present status and name', async () => {
  const chat = await createGroup(it, [ada, bob])
  await it.deps.presence.set(bob.id, 'away')
  await it.call('PUT /api/users/me', { token: bob.token, body: { displayName: 'Bobby' } })
  const { participants } = (await read(ada, chat)).body.chat as Chat
  const seen = participants?.find(({ userId }) => userId === bob.id)?.user
  expect(seen).toMatchObject({ status: 'away', displayName: 'Bobby' })
})

test('the list goes by the last activity, in pages', async () => {
  const chats: Chat[] = []
  for (let n = 0; n < 5; n += 1) chats.push(await createGroup(it, [ada], { name: `g${n}` }))
  for (const chat of [chats[3], chats[0]]) if (chat) await send(it, ada, chat)
  const seen: string[] = []
  let query = '?limit=2'
  for (;;) {
    const { body } = await it.call(`GET /api/chats${query}`, { token: ada.token })
    seen.push(...body.data.map((chat: Chat) => chat.name))
    if (!body.hasMore) break
    query = `?limit=2&cursor=${body.nextCursor}`
  }
  expect(seen.slice(0, 2)).toEqual(['g0', 'g3'])
  expect(seen.toSorted()).toEqual(['g0', 'g1', 'g2', 'g3', 'g4'])
})
