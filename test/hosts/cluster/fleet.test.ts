import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../../src/client/client.ts'
import { until } from '../../../src/hosts/node/demo/until.ts'
import { TIMES } from '../../../src/protocol/limits.ts'
import { type Fleet, startFleet } from '../../support/fleet.ts'
import { BUSY } from '../../support/patience.ts'

const PASSWORD = 'Tea-at-4!'
/** What is lost on the way is at most 2 s late, and not with the heartbeat. */
const LATE_MOST = TIMES.heartbeat - 2_000

let fleet: Fleet
/** How many instances each knew when the last one said that it is ready. */
let known: number[]
const clients: Client[] = []
let names = 0

beforeAll(async () => {
  fleet = await startFleet(2)
  known = await Promise.all(fleet.instances.map(({ url }) => countInstances(url)))
})
afterAll(async () => {
  for (const client of clients) client.disconnect()
  await fleet?.stop()
})

async function countInstances(url: string): Promise<number> {
  const page = await (await fetch(new URL('/metrics', url))).text()
  return Number(/^parley_instances (\d+)$/m.exec(page)?.[1])
}

/** Somebody new at each instance, and a group of them. */
async function stage() {
  const people = await Promise.all(
    fleet.instances.map(async ({ url }) => {
      const client = createClient({ url })
      clients.push(client)
      names += 1
      const username = `person-${names}`
      const { id } = await client.register({ username, password: PASSWORD })
      client.connect()
      return { id, username, client }
    }),
  )
  const [ann, ben] = people
  if (!ann || !ben) throw new Error('Two instances are needed')
  const chat = await ann.client.createGroup('Tea', [ben.id])
  for (const { client } of people) {
    await until(client, chat.id, ({ applied }) => applied > 0)
    await client.load(chat.id)
  }
  return { ann, ben, chatId: chat.id }
}

/** Resolves when the client has a message of this content. */
function hears(client: Client, chatId: string, content: string): Promise<void> {
  return until(client, chatId, ({ messages }) => [...messages].some((message) => message.content === content))
}

function isSeen(client: Client, userId: string, status: string): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (client.account.presence.get(userId)?.status !== status) return
      end()
      resolve()
    }
    const end = client.on('people', look)
    look()
  })
}

test('instances that are ready know each other: no two of them take a chat for their own', () => {
  expect(known).toEqual([2, 2])
})

test('people at two instances talk in one order, whoever owns the chat', async () => {
  for (let round = 0; round < 4; round += 1) {
    const { ann, ben, chatId } = await stage()
    const acks = await Promise.all([
      ...Array.from({ length: 20 }, (_, count) => ann.client.send(chatId, { content: `ann ${count}` })),
      ...Array.from({ length: 20 }, (_, count) => ben.client.send(chatId, { content: `ben ${count}` })),
    ])
    const last = Math.max(...acks.map(({ seq }) => seq))
    for (const { client } of [ann, ben]) {
      await until(client, chatId, ({ applied }) => applied >= last)
      // A copy may begin anywhere in the chat, and what is before it is there to be read.
      while (await client.loadOlder(chatId));
    }
    const read = (client: Client) =>
      [...(client.findChat(chatId)?.messages ?? [])].map(({ seq, content }) => [seq, content])
    expect(read(ann.client).filter(([, content]) => /\d/.test(String(content)))).toHaveLength(40)
    expect(read(ben.client)).toEqual(read(ann.client))
  }
})

test('what is said while a link blinks arrives within seconds, and not with the next heartbeat', async () => {
  const { ann, ben, chatId } = await stage()
  const admin = new Redis(fleet.redis.url)
  for (let blink = 0; blink < 5; blink += 1) {
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
    const wishedAt = performance.now()
    await ann.client.send(chatId, { content: `blink ${blink}` })
    await hears(ben.client, chatId, `blink ${blink}`)
    expect(performance.now() - wishedAt).toBeLessThan(LATE_MOST)
  }
  admin.disconnect()
})

test('presence and typing cross over', async () => {
  const { ann, ben, chatId } = await stage()
  ben.client.setPresence('busy')
  await isSeen(ann.client, ben.id, 'busy')
  ann.client.type(chatId)
  await until(ben.client, chatId, ({ typing }) => typing.includes(ann.id))
  ben.client.disconnect()
  await isSeen(ann.client, ben.id, 'offline')
})

test('a login that is ended at one instance is cut at the other within 5 s', async () => {
  const { ann, ben } = await stage()
  const [here] = fleet.instances
  const elsewhere = createClient({ url: here?.url ?? '' })
  clients.push(elsewhere)
  await elsewhere.login(ben.username, PASSWORD)
  const { sessions } = elsewhere.rest.api.auth
  const { data } = await (await sessions.$get()).json()
  expect(ann.client.status.state).toBe('live')
  const ended = new Promise<number>((resolve) => {
    const begin = performance.now()
    ben.client.onSession((session) => session === null && resolve(performance.now() - begin))
  })
  for (const { id, isCurrent } of data) if (!isCurrent) await sessions[':id'].$delete({ param: { id } })
  expect(await ended).toBeLessThan(5_000 + BUSY)
})

test('without Redis sends commit, and arrive at the other instance; with it again, all is as before', async () => {
  const { ann, ben, chatId } = await stage()
  await fleet.redis.stop()
  await ann.client.send(chatId, { content: 'without' })
  await hears(ben.client, chatId, 'without')
  await ben.client.send(chatId, { content: 'as well' })
  await hears(ann.client, chatId, 'as well')
  await fleet.redis.start()
  await ann.client.send(chatId, { content: 'with' })
  await hears(ben.client, chatId, 'with')
  const contents = [...(ben.client.findChat(chatId)?.messages ?? [])].map(({ content }) => content)
  expect(contents.filter((content) => content !== '')).toEqual(['without', 'as well', 'with'])
})

test('the users of an instance that is killed are seen offline, and its chats go on', async () => {
  const { ann, ben, chatId } = await stage()
  ben.client.setPresence('busy')
  await isSeen(ann.client, ben.id, 'busy')
  await fleet.instances[1]?.kill()
  await ann.client.send(chatId, { content: 'still here' })
  await isSeen(ann.client, ben.id, 'offline')
  await fleet.instances[1]?.restart()
  await hears(ben.client, chatId, 'still here')
})
