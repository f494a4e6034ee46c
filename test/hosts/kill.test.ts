import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Client, createClient } from '../../src/client/client.ts'
import { createReader } from '../../src/client/rest.ts'
import { check } from '../../src/conformance/checker.ts'
import type { ChatView, History, SeenRecord, SendRecord } from '../../src/conformance/history.ts'
import { until } from '../../src/hosts/node/demo/until.ts'
import { patiently } from '../../src/hosts/node/patiently.ts'
import { readHistory } from '../../src/hosts/node/replay/read.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { type Server, startServer } from '../support/server.ts'
import { startWorkerdServer } from '../support/workerd.ts'

const PASSWORD = 'Tea-at-4!'
/** Of each person in each chat. */
const SENDS = 60
/** Messages that are acknowledged when the service is killed. */
const KILLS = [60, 200]
/** Every so many messages of a person are edited, and get a reaction. */
const CHANGED = 7

interface Person {
  readonly username: string
  readonly userId: string
  readonly client: Client
  readonly seen: SeenRecord[]
}

type Killable = Pick<Server, 'url' | 'kill' | 'restart' | 'stop'>

describe.each(['the embedded database', 'Postgres', 'workerd'])(
  'a service on %s, killed while three talk',
  (store) => {
    let server: Killable
    let database: TestDatabase | undefined

    beforeAll(async () => {
      if (store === 'Postgres') database = await createTestDatabase()
      if (store === 'workerd') server = await startWorkerdServer()
      else server = await startServer(database ? { databaseUrl: database.url } : {})
    })

    afterAll(async () => {
      await server?.stop()
      await database?.drop()
    })

    test('has all it acknowledged, once and in order, and clients resume by themselves', async () => {
      const people = await Promise.all(['ann', 'ben', 'cleo'].map((name) => createPerson(server.url, name)))
      const chatIds = await createGroups(people)
      const sends: SendRecord[] = []
      await Promise.all([
        killNowAndThen(server, sends),
        ...people.flatMap((person) => chatIds.map((chatId) => speak(person, chatId, sends))),
      ])
      for (const chatId of chatIds) await readToTheEnd(people, chatId, sends)

      const history = await readAfresh(server.url, people, sends)
      expect(check(history)).toEqual([])
      expect(sends.filter(({ outcome }) => outcome === 'ok')).toHaveLength(sends.length)
      for (const { messages } of history.stored) expect(messages).toHaveLength(people.length * SENDS)
      for (const { client } of people) client.disconnect()
    })
  },
)

async function createPerson(url: string, username: string): Promise<Person> {
  const client = createClient({ url })
  const { id: userId } = await client.register({ username, password: PASSWORD })
  const seen: SeenRecord[] = []
  client.on('message', ({ chatId, message: { seq, id } }) => seen.push({ chatId, seq, key: id }))
  client.connect()
  return { username, userId, client, seen }
}

/** Two chats of all of them, known to each. */
async function createGroups(people: readonly Person[]): Promise<string[]> {
  const userIds = people.map(({ userId }) => userId)
  const made = people.slice(0, 2).map(async ({ client, userId, username }) => {
    const others = userIds.filter((id) => id !== userId)
    return (await client.createGroup(`Tea at ${username}'s`, others)).id
  })
  const chatIds = await Promise.all(made)
  for (const { client } of people) {
    for (const chatId of chatIds) {
      await until(client, chatId, ({ applied }) => applied > 0)
      await client.load(chatId)
    }
  }
  return chatIds
}

/** Sends one after another, each once the one before it is acknowledged; reads, and changes some. */
async function speak({ username, client }: Person, chatId: string, sends: SendRecord[]): Promise<void> {
  for (let number = 0; number < SENDS; number += 1) {
    const content = `${username} ${number} of ${chatId}`
    const begun = { chatId, messageId: '', content, invokedAt: performance.now() }
    const record: SendRecord = { ...begun, settledAt: undefined, outcome: 'unknown', seq: undefined }
    sends.push(record)
    const { message, seq } = await client.send(chatId, { content })
    Object.assign(record, { messageId: message.id, outcome: 'ok', seq, settledAt: performance.now() })
    client.markRead(chatId)
    if (number % CHANGED > 0) continue
    await patiently(() => client.react(message, '🫖'))
    await patiently(() => client.edit(message, `${content}, edited`))
  }
}

async function killNowAndThen(server: Killable, sends: readonly SendRecord[]): Promise<void> {
  for (const count of KILLS) {
    const acknowledged = () => sends.filter(({ outcome }) => outcome === 'ok').length
    while (acknowledged() < count) await new Promise((resolve) => setTimeout(resolve, 5))
    await server.kill()
    await server.restart()
  }
}

/** Resolves when everybody knows that everybody has read everything: nothing more will change. */
async function readToTheEnd(
  people: readonly Person[],
  chatId: string,
  sends: readonly SendRecord[],
): Promise<void> {
  const last = Math.max(...sends.map((send) => (send.chatId === chatId ? (send.seq ?? 0) : 0)))
  for (const { client } of people) client.markRead(chatId, last)
  for (const { client } of people) {
    await until(client, chatId, ({ participants }) =>
      [...participants.values()].every(({ readSeq }) => readSeq >= last),
    )
  }
}

/** What happened, with what clients that have heard nothing yet read, once the others are as far as those. */
async function readAfresh(
  url: string,
  people: readonly Person[],
  sends: readonly SendRecord[],
): Promise<History> {
  const fresh = new Map<string, Map<string, ChatView>>()
  for (const { client, userId, username } of people) {
    const views = await readViews(url, username)
    fresh.set(userId, views)
    for (const [chatId, { seq }] of views) await until(client, chatId, ({ applied }) => applied >= seq)
  }
  const [views = new Map<string, ChatView>()] = fresh.values()
  const stays = new Map(people.map(({ userId }) => [userId, [[1, null] as const]]))
  return {
    sends,
    clients: people.map(({ client, username, userId, seen }) => {
      return { clientId: username, userId, seen, state: viewsOf(client) }
    }),
    stored: [...views].map(([chatId, { seq, messages }]) => ({ chatId, head: seq, messages, stays })),
    fresh,
    unexpected: [],
  }
}

async function readViews(url: string, username: string): Promise<Map<string, ChatView>> {
  const client = createClient({ url })
  await client.login(username, PASSWORD)
  const reader = createReader(client.rest)
  const views = new Map<string, ChatView>()
  for (const { id } of await reader.listChats()) {
    const { seq, participants, me } = await reader.getChat(id)
    const messages = await readHistory(client, id)
    views.set(id, { seq, messages, participants: participants ?? [], unread: me?.unread ?? 0 })
  }
  return views
}

function viewsOf({ account }: Client): Map<string, ChatView> {
  return new Map(
    [...account.chats].map(([id, { applied, messages, participants, me }]) => [
      id,
      {
        seq: applied,
        messages: messages.toArray(),
        participants: [...participants.values()],
        unread: me.unread,
      },
    ]),
  )
}
