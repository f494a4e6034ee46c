import { get } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../src/client/client.ts'
import { until } from '../../src/hosts/node/demo/until.ts'
import { LoggedIn } from '../../src/protocol/rest.ts'
import { BUSY } from '../support/patience.ts'
import { startWorkerdServer, type WorkerdServer } from '../support/workerd.ts'

const PASSWORD = 'Tea-at-4!'
/** The platform takes an object out of memory after 10 s in which nothing has happened, and says so to nobody. */
const ASLEEP = 13_000
/** In which a send is refused while the database is away (G14), on a busy machine. */
const REFUSED = 3_500

let server: WorkerdServer
let ann: Client
let ben: Client
let chatId: string

beforeAll(async () => {
  server = await startWorkerdServer({ COMMIT_DEADLINE_SECONDS: '2' })
  let benId: string
  ;[ann] = await enter('ann')
  ;[ben, benId] = await enter('ben')
  chatId = (await ann.createGroup('Tea', [benId])).id
  for (const client of [ann, ben]) await until(client, chatId, ({ applied }) => applied > 0)
})

afterAll(async () => {
  for (const client of [ann, ben]) client?.disconnect()
  await server?.stop()
})

test('sockets outlive the sleep of their gateway, and what wakes it is heard', async () => {
  const lost = connectionsLost(ann)
  await sleep(ASLEEP)
  const { seq } = await ben.send(chatId, { content: 'Are you there?' })
  await until(ann, chatId, ({ applied }) => applied >= seq)
  const answer = await ann.send(chatId, { content: 'I was asleep' })
  await until(ben, chatId, ({ applied }) => applied >= answer.seq)
  expect([answer.seq > seq, lost]).toEqual([true, []])
})

test('a room that is lost between a commit and its answer has done it once', async () => {
  const content = 'Once, please'
  const count = async () =>
    (await server.database.query('select 1 from messages where content = $1', [content])).rowCount
  server.network.delay(500)
  const sent = ann.send(chatId, { content })
  await expect.poll(count, { interval: 10 }).toBe(1)
  await server.kill()
  server.network.heal()
  await server.restart()
  const { seq } = await sent
  await until(ben, chatId, ({ applied }) => applied >= seq)
  expect(await count()).toBe(1)
})

test('while Postgres is away sends are refused in time and sockets stay; then all goes on', async () => {
  const lost = connectionsLost(ann)
  server.network.cut()
  const begin = performance.now()
  await expect(ann.rest.api.chats.$get({ query: {} })).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  expect(performance.now() - begin).toBeLessThan(REFUSED + BUSY)
  const kept = ann.send(chatId, { content: 'Sent while it was away' })
  server.network.heal()
  const { seq } = await kept
  await until(ben, chatId, ({ applied }) => applied >= seq)
  expect(lost).toEqual([])
})

test('a login that ends closes its socket at once, with the reason', async () => {
  const { accessToken, refreshToken } = await logIn('ann')
  const socket = await openRawSocket(accessToken)
  const closed = closeFrame(socket)
  const body = JSON.stringify({ refreshToken })
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${accessToken}` }
  await fetch(`${server.url}/api/auth/logout`, { method: 'POST', headers, body })
  expect(await closed).toBe(4401)
  socket.destroy()
})

test('the cron indexes what a room did not come to', async () => {
  const { message } = await ann.send(chatId, { content: 'Marmalade' })
  const find = async () => {
    const found = await ann.rest.api.messages.search.$get({ query: { q: 'marmalade' } })
    return (await found.json()).results.map(({ id }) => id)
  }
  await expect.poll(find).toEqual([message.id])
  await server.database.query('delete from message_search where message_id = $1', [message.id])
  await server.database.query('update search_marks set seq = 0 where chat_id = $1', [chatId])
  expect(await find()).toEqual([])
  const ran = await fetch(`${server.url}/cdn-cgi/local/scheduled`)
  expect(ran.status).toBe(200)
  await expect.poll(find).toEqual([message.id])
})

/** Resolves with the socket below a WebSocket once it has said hello. */
function openRawSocket(token: string): Promise<Duplex> {
  const headers = {
    ...{ Connection: 'Upgrade', Upgrade: 'websocket', Authorization: `Bearer ${token}` },
    ...{ 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64') },
  }
  return new Promise((resolve, reject) => {
    get(`${server.url}/ws`, { headers })
      .once('error', reject)
      .once('upgrade', (_, socket) => socket.once('data', () => resolve(socket)))
  })
}

/** The code of the next close frame: 0x88, the length, the code (RFC 6455, 5.5.1). */
function closeFrame(socket: Duplex): Promise<number> {
  return new Promise((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      if (bytes[0] === 0x88) resolve(bytes.readUInt16BE(2))
    })
  })
}

async function logIn(username: string) {
  const body = JSON.stringify({ username, password: PASSWORD })
  const headers = { 'Content-Type': 'application/json' }
  const answer = await fetch(`${server.url}/api/auth/login`, { method: 'POST', headers, body })
  return LoggedIn.parse(await answer.json())
}

async function enter(username: string): Promise<[client: Client, userId: string]> {
  const client = createClient({ url: server.url })
  const { id } = await client.register({ username, password: PASSWORD })
  client.connect()
  return [client, id]
}

/** Fills whenever the connection is lost from now on. */
function connectionsLost(client: Client): unknown[] {
  const lost: unknown[] = []
  client.on('status', (status) => {
    if (status.state !== 'live') lost.push(status)
  })
  return lost
}
