import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { SearchResults } from '../../src/protocol/rest.ts'
import { createTestApp, type TestApp, type TestUser } from '../support/app.ts'
import { WAIT } from '../support/patience.ts'
import { createGroup, send } from '../support/people.ts'

let it: TestApp
let ada: TestUser
let bob: TestUser

beforeAll(async () => {
  it = await createTestApp()
  ada = await it.user('ada')
  bob = await it.user('bob')
})

afterAll(() => it.close())

async function search(user: TestUser, query: string) {
  return it.call(`GET /api/messages/search?${query}`, { token: user.token })
}

/** The index follows the commits: what was just sent is found a moment later. */
function found(user: TestUser, query: string, total: number) {
  return vi.waitFor(async () => {
    const results = SearchResults.parse((await search(user, query)).body)
    expect(results.total).toBe(total)
    return results
  }, WAIT)
}

test('words are found in the own chats, marked, and everything else is escaped', async () => {
  const chat = await createGroup(it, [ada, bob], { name: 'Kitchen' })
  const message = await send(it, ada, chat, 'Sharp <b>knives</b> & "forks" for the kitchen')
  const { results } = await found(bob, 'q=knives', 1)
  expect(results[0]).toMatchObject({
    id: message.id,
    chatId: chat.id,
    chatName: 'Kitchen',
    senderId: ada.id,
    senderUsername: 'ada',
    content: expect.stringContaining('&lt;b&gt;<mark>knives</mark>&lt;/b&gt; &amp; &quot;forks&quot;'),
  })
})

test('nobody finds what is said where he is not, by naming the chat neither', async () => {
  const chat = await createGroup(it, [ada], { name: 'Alone' })
  await send(it, ada, chat, 'secretive thoughts')
  await found(ada, `q=secretive&chatId=${chat.id}`, 1)
  await found(bob, 'q=secretive', 0)
  await found(bob, `q=secretive&chatId=${chat.id}`, 0)
})

test('an edited message is found by its new words, a deleted one not at all', async () => {
  const chat = await createGroup(it, [ada])
  const { id } = await send(it, ada, chat, 'aubergine')
  await found(ada, 'q=aubergine', 1)
  await it.call(`PUT /api/messages/${id}`, { token: ada.token, body: { content: 'courgette' } })
  await found(ada, 'q=courgette', 1)
  await found(ada, 'q=aubergine', 0)
  await it.call(`DELETE /api/messages/${id}`, { token: ada.token })
  await found(ada, 'q=courgette', 0)
})

test('hits come in pages, the newest first, each once', async () => {
  const chat = await createGroup(it, [ada])
  for (let n = 0; n < 5; n += 1) await send(it, ada, chat, `radish ${n}`)
  await found(ada, 'q=radish', 5)
  const seen: number[] = []
  let query = 'q=radish&limit=2'
  for (;;) {
    const { results, nextCursor, hasMore } = SearchResults.parse((await search(ada, query)).body)
    seen.push(...results.map(({ seq }) => seq))
    if (!hasMore) break
    query = `q=radish&limit=2&cursor=${nextCursor}`
  }
  expect(seen).toEqual([6, 5, 4, 3, 2])
})

test.each([
  '"',
  '-',
  "a & b | !c:*'",
  '(((',
  '<mark>',
  ':*',
  '"a" -b or c',
  '\\',
  Array(100).fill('a').join(' '),
])('the operators %s break nothing', async (q) => {
  expect((await search(ada, `q=${encodeURIComponent(q)}`)).status).toBe(200)
})
