import { get } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../src/client/client.ts'
import { until, untilLive } from '../../src/hosts/node/demo/until.ts'
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
let annId: string
let benId: string
let chatId: string

beforeAll(async () => {
  server = await startWorkerdServer({ COMMIT_DEADLINE_SECONDS: '2' })
  ;[ann, annId] = await enter('ann')
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

test('a chat that was left before its gateway was lost is heard again, signals too', async () => {
  // By then the gateway has kept that it hears the chat.
  await sleep(ASLEEP)
  ann.disconnect()
  const statusOfAnn = async () => {
    const read = await ben.rest.api.chats[':id'].$get({ param: { id: chatId } })
    return (await read.json()).chat.participants?.find(({ userId }) => userId === annId)?.user.status
  }
  // As asked of the gateway, and so before it has had a lull in which it keeps that it hears the chat no more.
  await expect.poll(statusOfAnn, { interval: 10 }).toBe('offline')
  await server.kill()
  await server.restart()
  ann.connect()
  for (const client of [ann, ben]) await untilLive(client)
  const typing = () => {
    ben.type(chatId)
    return ann.findChat(chatId)?.typing
  }
  await expect.poll(typing).toEqual([benId])
})

test('a room that is lost between a commit and its answer has done it once', async () => {
  const content = 'Once, please'
  const count = async () =>
    (await server.database.query('select 1 from messages where content = $1', [content])).rowCount
  // The room has its connection by then: what would have to go over a slow one is no more than the commit.
  await ann.send(chatId, { content: 'Warm up' })
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
  const { accessToken } = await logIn('ann')
  const lost = connectionsLost(ann)
  server.network.cut()
  const begin = performance.now()
  const refused = await post(`/api/chats/${chatId}/messages`, { content: 'Not now' }, accessToken)
  expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, expect.any(String)])
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
  await post('/api/auth/logout', { refreshToken }, accessToken)
  expect(await closed).toBe(4401)
  socket.destroy()
})

test('a socket whose client does not answer its end is nobody any more, also after a sleep', async () => {
  const [cleo, cleoId] = await enter('cleo')
  const tea = (await ann.createGroup('More tea', [cleoId])).id
  await until(cleo, tea, ({ applied }) => applied > 0)
  cleo.disconnect()
  const { accessToken, refreshToken } = await logIn('cleo')
  const socket = await openRawSocket(accessToken)
  const closed = closeFrame(socket)
  await post('/api/auth/logout', { refreshToken }, accessToken)
  await closed
  await sleep(ASLEEP)
  const data = { chatId: tea, content: 'From beyond' }
  socket.write(textFrame(JSON.stringify({ type: 'message:send', id: '1', data })))
  // Over another socket of the same gateway, so that it comes after that.
  cleo.connect()
  for (const content of ['From here', 'And here']) await cleo.send(tea, { content })
  const { rows } = await server.database.query("select content from messages where content like 'From %'")
  expect(rows).toEqual([{ content: 'From here' }])
  cleo.disconnect()
  socket.destroy()
})

test('the end of a socket is answered with the code that the client gave', async () => {
  const { accessToken } = await logIn('ann')
  const socket = await openRawSocket(accessToken)
  const closed = closeFrame(socket)
  socket.write(frame(0x88, Buffer.from([0x0b, 0xb8])))
  expect(await closed).toBe(3_000)
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

/** A whole frame of a client, masked with nothing (RFC 6455, 5.2). */
function frame(head: number, payload: Buffer): Buffer {
  const length = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 0xff]
  const [short = 0, ...long] = length
  return Buffer.concat([Buffer.from([head, 0x80 | short, ...long, 0, 0, 0, 0]), payload])
}

const textFrame = (text: string) => frame(0x81, Buffer.from(text))

/** The code of the next close frame: 0x88, the length, the code (RFC 6455, 5.5.1). */
function closeFrame(socket: Duplex): Promise<number> {
  return new Promise((resolve) => {
    socket.on('data', (bytes: Buffer) => {
      if (bytes[0] === 0x88) resolve(bytes.readUInt16BE(2))
    })
  })
}

async function logIn(username: string) {
  const answer = await post('/api/auth/login', { username, password: PASSWORD })
  return LoggedIn.parse(await answer.json())
}

function post(path: string, body: object, token?: string): Promise<Response> {
  const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  const headers = { 'Content-Type': 'application/json', ...authorization }
  return fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
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
