import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Chat, Message } from '../../src/protocol/model.ts'
import { createTestApp, errorOf, type TestApp, type TestUser } from '../support/app.ts'
import { createGroup, openDirect, send } from '../support/people.ts'

let it: TestApp
let ada: TestUser
let bob: TestUser
let chat: Chat

beforeAll(async () => {
  it = await createTestApp()
  ada = await it.user('ada')
  bob = await it.user('bob')
})

afterAll(() => it.close())

beforeEach(async () => {
  chat = await createGroup(it, [ada, bob])
})

const post = (user: TestUser, body: object) =>
  it.call(`POST /api/chats/${chat.id}/messages`, { token: user.token, body })
const history = (query: string) => it.call(`GET /api/chats/${chat.id}/messages${query}`, { token: bob.token })
const texts = ({ body }: { body: { data: Message[] } }) => body.data.map(({ content }) => content)

test('a message is sent once for each id', async () => {
  const id = it.deps.ids.uuid()
  const body = {
    id,
    content: 'Hi 👋',
    formatting: { bold: [[0, 2]] },
    metadata: { app: 1 },
    mentions: [bob.id],
  }
  const first = await post(ada, body)
  const again = await post(ada, body)
  expect([first.status, again.status]).toEqual([201, 200])
  expect(first.body).toMatchObject({
    replayed: false,
    seq: 2,
    message: { ...body, senderId: ada.id, seq: 2 },
  })
  expect(again.body).toEqual({ ...first.body, replayed: true })
  expect((await post(bob, { ...body, content: 'mine' })).status).toBe(409)
})

test('a reply names its message', async () => {
  const { id } = await send(it, ada, chat)
  expect((await post(bob, { content: 'Yes', replyToId: id })).body.message.replyToId).toBe(id)
})

test.each<[string, object, string]>([
  ['empty content', { content: '' }, 'content'],
  ['blank content', { content: ' \n' }, 'content'],
  ['10,001 characters', { content: 'x'.repeat(10_001) }, 'content'],
  ['U+0000', { content: 'a\0b' }, 'content'],
  ['half a surrogate pair', { content: 'a\ud800' }, 'content'],
  ['a range past the end', { content: 'abc', formatting: { bold: [[0, 4]] } }, 'formatting.bold'],
  ['an id that is no UUIDv7', { id: crypto.randomUUID(), content: 'a' }, 'id'],
  ['a system message', { content: 'a', contentType: 'system' }, 'contentType'],
  ['a field too many', { content: 'a', senderId: 'me' }, 'senderId'],
])('%s is refused', async (_, body, field) => {
  const answer = await post(ada, body)
  expect(answer.status).toBe(400)
  expect(errorOf(answer).details[0]?.field).toBe(field)
})

test('10,000 characters of any plane are taken', async () => {
  expect((await post(ada, { content: '👋'.repeat(10_000) })).status).toBe(201)
})

test('history comes newest first, in pages, before, after and around a seq', async () => {
  for (let n = 2; n <= 8; n += 1) await send(it, ada, chat, `m${n}`)
  const first = await history('?limit=3')
  expect(texts(first)).toEqual(['m8', 'm7', 'm6'])
  expect(first.body.data[0].senderUsername).toBe('ada')
  const second = await history(`?limit=3&cursor=${first.body.nextCursor}`)
  expect(texts(second)).toEqual(['m5', 'm4', 'm3'])
  const third = await history(`?limit=3&cursor=${second.body.nextCursor}`)
  expect([texts(third), third.body.hasMore, third.body.nextCursor]).toEqual([['m2'], false, null])
  expect(texts(await history('?before=4'))).toEqual(['m3', 'm2'])
  expect(texts(await history('?after=6'))).toEqual(['m8', 'm7'])
  expect(texts(await history('?around=5&limit=3'))).toEqual(['m6', 'm5', 'm4'])
  expect((await history('?around=5&before=4')).status).toBe(400)
  expect((await history('?cursor=nonsense')).status).toBe(400)
})

test('an edit and a deletion show in history; the place stays', async () => {
  const message = await send(it, ada, chat, 'Helo')
  const route = `/api/messages/${message.id}`
  const edited = await it.call(`PUT ${route}`, { token: ada.token, body: { content: 'Hello' } })
  expect(edited.body).toMatchObject({
    seq: 3,
    message: { content: 'Hello', isEdited: true, seq: 2, changedSeq: 3 },
  })
  expect((await it.call(`PUT ${route}`, { token: bob.token, body: { content: 'x' } })).status).toBe(403)
  expect((await it.call(`DELETE ${route}`, { token: bob.token })).status).toBe(403)
  const deleted = await it.call(`DELETE ${route}`, { token: ada.token })
  expect(deleted.body).toEqual({ messageId: message.id, seq: 4 })
  expect((await history('')).body.data[0]).toMatchObject({
    content: '',
    isDeleted: true,
    seq: 2,
    changedSeq: 4,
  })
})

test('reactions are a set of user and emoji', async () => {
  const { id } = await send(it, ada, chat)
  const react = (user: TestUser, emoji: string) =>
    it.call(`POST /api/messages/${id}/reactions`, { token: user.token, body: { emoji } })
  expect((await react(bob, '👍')).body).toEqual({ seq: 3 })
  expect((await react(bob, '👍')).status).toBe(200)
  await react(ada, '👍')
  const shown = async () => (await history('')).body.data[0].reactions
  expect(await shown()).toEqual([{ emoji: '👍', count: 2, users: [bob.id, ada.id] }])
  const route = `DELETE /api/messages/${id}/reactions/${encodeURIComponent('👍')}`
  expect((await it.call(route, { token: bob.token })).status).toBe(200)
  expect(await shown()).toEqual([{ emoji: '👍', count: 1, users: [ada.id] }])
})

test('a deep link gives the message, its chat and its neighbours', async () => {
  const sent: Message[] = []
  for (let n = 0; n < 5; n += 1) sent.push(await send(it, ada, chat, `m${n}`))
  const { body } = await it.call(`GET /api/messages/${sent[2]?.id}`, { token: bob.token })
  expect(body.message.content).toBe('m2')
  expect(body.chat.id).toBe(chat.id)
  expect(texts({ body: { data: body.before } })).toEqual(['m0', 'm1'])
  expect(texts({ body: { data: body.after } })).toEqual(['m3', 'm4'])
})

describe('receipts', () => {
  test('reading moves a watermark, counts unread and shows who has read', async () => {
    const direct = await openDirect(it, ada, bob)
    const first = await send(it, ada, direct)
    const second = await send(it, ada, direct)
    const mine = async () => (await it.call(`GET /api/chats/${direct.id}`, { token: bob.token })).body.chat.me
    expect((await mine()).unread).toBe(2)
    const mark = (verb: string, body: object) =>
      it.call(`POST /api/chats/${direct.id}/${verb}`, { token: bob.token, body })
    expect((await mark('delivered', { seq: second.seq })).status).toBe(200)
    expect((await mark('read', { messageId: first.id })).status).toBe(200)
    expect(await mine()).toMatchObject({ unread: 1, readSeq: first.seq })
    const who = async (id: string) =>
      (await it.call(`GET /api/messages/${id}/receipts`, { token: ada.token })).body
    expect(await who(first.id)).toMatchObject({ readBy: [{ userId: bob.id }], deliveredTo: [] })
    expect(await who(second.id)).toMatchObject({ readBy: [], deliveredTo: [bob.id] })
    expect((await mark('read', { seq: 1, messageId: first.id })).status).toBe(400)
    expect((await mark('read', {})).status).toBe(400)
  })
})

describe('changes since a seq', () => {
  const since = (user: TestUser, seq: number | string) =>
    it.call(`GET /api/chats/${chat.id}/changes?since=${seq}`, { token: user.token })

  test('hold each changed row once, in its latest state', async () => {
    const message = await send(it, ada, chat, 'a')
    await it.call(`PUT /api/messages/${message.id}`, { token: ada.token, body: { content: 'b' } })
    const { body } = await since(bob, 1)
    expect(body).toMatchObject({ from: 1, to: 3, head: 3, more: false, reset: false, chat: null })
    expect(body.messages).toMatchObject([{ id: message.id, content: 'b' }])
    expect((await since(bob, 3)).body.messages).toEqual([])
  })

  test('are a reset for a reader who is ahead of the history', async () => {
    expect((await since(bob, 99)).body).toMatchObject({ reset: true, head: 1, messages: [] })
  })

  test('end with the own leaving', async () => {
    await it.call(`POST /api/chats/${chat.id}/leave`, { token: bob.token })
    await send(it, ada, chat, 'secret')
    const { body } = await since(bob, 1)
    expect(body).toMatchObject({ to: 2, head: 2, messages: [], chat: null })
    expect(body.participants).toMatchObject([{ userId: bob.id, leftSeq: 2 }])
  })

  test.each(['-1', '1.5', 'x', '1e999', ''])('a since of %s is refused', async (seq) => {
    expect((await since(bob, seq)).status).toBe(400)
  })
})
