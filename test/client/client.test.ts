import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ChatState, findMissing } from '../../src/client/chat-state.ts'
import { type Client, type ClientOptions, createClient } from '../../src/client/client.ts'
import { createMemoryOutbox } from '../../src/client/outbox-storage.ts'
import { createMemorySession } from '../../src/client/session.ts'
import type { Message, Participant } from '../../src/protocol/model.ts'
import { type Server, startServer } from '../support/server.ts'

const PASSWORD = 'Secret-word-1'

let server: Server
let clients: Client[] = []
let people = 0

beforeAll(async () => {
  server = await startServer({ env: { DIRECT_CHATS: 'anyone' } })
})
afterAll(() => server.stop())
afterEach(() => {
  for (const client of clients) client.disconnect()
  clients = []
})

function create(options: Partial<ClientOptions> = {}): Client {
  const client = createClient({ url: server.url, ...options })
  clients.push(client)
  return client
}

/** Somebody new, with a client that is live. */
async function somebody(
  options: Partial<ClientOptions> = {},
): Promise<{ client: Client; id: string; name: string }> {
  people += 1
  const name = `person${people}`
  const client = create(options)
  const { id } = await client.register({ username: name, password: PASSWORD })
  await live(client)
  return { client, id, name }
}

/** until resolves when something holds, which is looked at after every change of the client's. */
function until(client: Client, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!holds()) return
      for (const end of ends) end()
      resolve()
    }
    const ends = [client.on('change', look), client.on('status', look), client.on('people', look)]
    look()
  })
}

async function live(client: Client): Promise<void> {
  client.connect()
  await until(client, () => client.status.state === 'live')
}

const contents = (client: Client, chatId: string) =>
  client
    .findChat(chatId)
    ?.messages.toArray()
    .map(({ content }) => content)

/** Reads the chat afresh, again while watermarks move, until the client has exactly as much of it. */
async function readFresh(client: Client, chatId: string) {
  const { api } = client.rest
  for (;;) {
    const { chat } = await (await api.chats[':id'].$get({ param: { id: chatId } })).json()
    await until(client, () => {
      const state = client.findChat(chatId)
      return state !== undefined && state.applied >= chat.seq && findMissing(state) === undefined
    })
    const answer = await api.chats[':id'].messages.$get({ param: { id: chatId }, query: { limit: 100 } })
    const { data } = await answer.json()
    if (client.findChat(chatId)?.applied === chat.seq) return { chat, messages: data.reverse() }
  }
}

/** expectFresh compares all that a client knows of a chat with what the service reads afresh (C11). */
async function expectFresh(client: Client, chatId: string): Promise<void> {
  await client.load(chatId)
  while (await client.loadOlder(chatId)) {}
  const { chat, messages } = await readFresh(client, chatId)
  const state = client.findChat(chatId) as ChatState
  expect({ me: state.me, name: state.info.name }).toEqual({ me: chat.me, name: chat.name })
  expect(state.messages.toArray()).toEqual(messages.map(({ senderUsername: _, ...message }) => message))
  expect([...state.participants.values()].map(standing).sort(byId)).toEqual(
    (chat.participants ?? []).map(standing).sort(byId),
  )
}

const standing = ({ user: _, ...participant }: Participant) => participant
const byId = (a: { userId: string }, b: { userId: string }) => (a.userId < b.userId ? -1 : 1)

describe('two people', () => {
  test('hear each other, and see what the other has read, types and is', async () => {
    const [anna, ben] = [await somebody(), await somebody()]
    const { id } = await anna.client.openDirect(ben.id)
    await until(ben.client, () => ben.client.findChat(id) !== undefined)
    ben.client.type(id)
    await until(anna.client, () => anna.client.findChat(id)?.typing[0] === ben.id)
    await ben.client.send(id, { content: 'hello' })
    await until(anna.client, () => contents(anna.client, id)?.[0] === 'hello')
    expect(anna.client.findChat(id)).toMatchObject({ typing: [], me: { unread: 1 } })
    anna.client.markRead(id)
    await until(ben.client, () => (ben.client.findChat(id)?.participants.get(anna.id)?.readSeq ?? 0) >= 2)
    await until(anna.client, () => anna.client.findChat(id)?.me.unread === 0)
    ben.client.setPresence('busy')
    await until(anna.client, () => anna.client.account.presence.get(ben.id)?.status === 'busy')
    await expectFresh(anna.client, id)
    await expectFresh(ben.client, id)
  })

  test('find each other’s words', async () => {
    const [anna, ben] = [await somebody(), await somebody()]
    const { id } = await anna.client.openDirect(ben.id)
    await anna.client.send(id, { content: 'the aubergine is ripe' })
    // the index is filled a moment behind
    await expect
      .poll(async () => (await ben.client.search('aubergine')).map(({ content }) => content))
      .toEqual(['the <mark>aubergine</mark> is ripe'])
  })
})

describe('what a client knows is what a fresh read gives', () => {
  test('after every kind of change, for who did it, who heard it and who was away', async () => {
    const [anna, ben, cleo] = [await somebody(), await somebody(), await somebody()]
    const { id } = await anna.client.createGroup('Trip', [ben.id, cleo.id])
    for (const { client } of [ben, cleo]) await until(client, () => client.findChat(id) !== undefined)
    const sent: Message[] = []
    for (const content of ['one', 'two', 'three']) {
      sent.push((await anna.client.send(id, { content })).message)
    }
    const [one, two, three] = sent as [Message, Message, Message]
    await until(cleo.client, () => contents(cleo.client, id)?.length === 3)
    cleo.client.disconnect()
    await anna.client.edit(one, 'one, edited')
    await anna.client.remove(two)
    await ben.client.react(three, '👍')
    await anna.client.react(three, '👍')
    await ben.client.unreact(three, '👍')
    ben.client.markRead(id)
    const { api } = anna.client.rest
    const param = { id }
    await api.chats[':id'].$put({ param, json: { name: 'Journey' } })
    await api.chats[':id'].mute.$put({ param, json: { until: '2030-01-01T00:00:00.000Z' } })
    const ofBen = { param: { id, userId: ben.id } }
    await api.chats[':id'].participants[':userId'].$put({ ...ofBen, json: { role: 'admin' } })
    await api.chats[':id'].participants[':userId'].$delete(ofBen)
    await until(ben.client, () => ben.client.findChat(id)?.standing === 'left')
    await anna.client.send(id, { content: 'not for ben' })
    await api.chats[':id'].participants.$post({ param, json: { userIds: [ben.id] } })
    await until(ben.client, () => ben.client.findChat(id)?.standing === 'in')
    await api.chats[':id'].owner.$put({ param, json: { userId: ben.id } })
    await live(cleo.client)
    for (const { client } of [anna, ben, cleo]) await expectFresh(client, id)
  })

  test('for two devices of one user', async () => {
    const [anna, ben] = [await somebody(), await somebody()]
    const phone = create()
    await phone.login(anna.name, PASSWORD)
    await live(phone)
    const { id } = await anna.client.openDirect(ben.id)
    const { message } = await anna.client.send(id, { content: 'from the desk' })
    await until(phone, () => contents(phone, id)?.[0] === 'from the desk')
    await phone.edit(message, 'from the phone')
    await until(anna.client, () => contents(anna.client, id)?.[0] === 'from the phone')
    await expectFresh(anna.client, id)
    await expectFresh(phone, id)
  })
})

describe('nothing is lost', () => {
  test('when the service is killed while messages are under way', async () => {
    const [anna, ben] = [await somebody({ inFlight: 8 }), await somebody()]
    const { id } = await anna.client.openDirect(ben.id)
    const texts = Array.from({ length: 200 }, (_, index) => `message ${index}`)
    const sends = texts.map((content) => anna.client.send(id, { content }))
    await sends[20]
    await server.kill()
    await server.restart()
    for (const { client } of [anna, ben]) client.connect()
    await Promise.all(sends)
    await until(ben.client, () => ben.client.findChat(id)?.messages.length === texts.length)
    expect(contents(ben.client, id)?.toSorted()).toEqual(texts.toSorted())
    expect(contents(anna.client, id)).toEqual(contents(ben.client, id))
  })

  test('when the client ends before it was acknowledged: the next one sends it, once', async () => {
    const [outbox, session] = [createMemoryOutbox(), createMemorySession()]
    const [anna, ben] = [await somebody({ outbox, session }), await somebody()]
    const { id } = await anna.client.openDirect(ben.id)
    anna.client.disconnect()
    for (const content of ['written', 'on the', 'train']) anna.client.send(id, { content }).catch(() => {})
    const later = create({ outbox, session })
    expect((await later.resume())?.id).toBe(anna.id)
    later.connect()
    await until(ben.client, () => contents(ben.client, id)?.length === 3)
    expect(contents(ben.client, id)).toEqual(['written', 'on the', 'train'])
  })
})

describe('a login', () => {
  test('that ends elsewhere stops the client', async () => {
    const anna = await somebody()
    const other = create()
    await other.login(anna.name, PASSWORD)
    const { api } = other.rest
    const { data } = await (await api.auth.sessions.$get()).json()
    const theirs = data.find(({ isCurrent }) => !isCurrent)
    await api.auth.sessions[':id'].$delete({ param: { id: theirs?.id ?? '' } })
    await until(anna.client, () => anna.client.status.state === 'stopped')
    expect(anna.client.status).toEqual({ state: 'stopped', reason: 'notAuthenticated' })
  })

  test('is refused with the reason', async () => {
    await expect(create().login('nobody', 'Wrong-word-1')).rejects.toMatchObject({ code: 'UNAUTHORIZED' })
    await expect(create().register({ username: 'x', password: 'short' })).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      details: expect.arrayContaining([expect.objectContaining({ field: 'username' })]),
    })
  })
})
