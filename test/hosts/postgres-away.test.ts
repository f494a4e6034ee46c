import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../src/client/client.ts'
import { createPostgresServer, type PostgresServer } from '../../src/hosts/node/faults/servers/postgres.ts'
import { LoggedIn } from '../../src/protocol/rest.ts'
import { freeze, thaw } from '../support/freeze.ts'
import { BUSY } from '../support/patience.ts'
import { type Server, startServer } from '../support/server.ts'

const PASSWORD = 'Tea-at-4!'
/** Milliseconds in which everything is answered (G14). */
const PROMISED = 2_000

let postgres: PostgresServer
let server: Server
let client: Client
let token: string
let socket: WebSocket
let chatId: string
let messageId: string

beforeAll(async () => {
  postgres = await createPostgresServer()
  server = await startServer({
    databaseUrl: postgres.url('postgres'),
    env: { COMMIT_DEADLINE_SECONDS: String(PROMISED / 1_000) },
  })
  client = createClient({ url: server.url })
  await client.register({ username: 'ann', password: PASSWORD })
  client.connect()
  chatId = (await client.createGroup('Tea', [])).id
  messageId = (await client.send(chatId, { content: 'one' })).message.id
  token = LoggedIn.parse(await (await login()).json()).accessToken
  socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, ['parley.v1', `bearer.${token}`])
  await frame(({ type }) => type === 'hello')
})

afterAll(async () => {
  client?.disconnect()
  socket?.close()
  await server?.stop()
  await postgres?.remove()
})

test.each([
  {
    name: 'stopped',
    away: () => postgres.stop('immediate'),
    back: () => postgres.start(),
  },
  {
    name: 'frozen',
    away: () => freeze(postgres.pid() ?? 0),
    back: () => thaw(postgres.pid() ?? 0),
  },
])(
  'while Postgres is $name everything is answered in 2 s with 503 and Retry-After, and it recovers by itself',
  async ({ away, back }) => {
    await away()
    for (const answer of await Promise.all([...listReads().map(read), ...writeAll()].map(timed))) {
      expect(answer).toMatchObject({ status: 503, retryAfter: '1', code: 'SERVICE_UNAVAILABLE' })
      expect(answer.milliseconds, answer.path).toBeLessThan(PROMISED + BUSY)
    }
    const begin = performance.now()
    expect(await sendFrame()).toMatchObject({ type: 'error', error: { code: 'SERVICE_UNAVAILABLE' } })
    expect(performance.now() - begin).toBeLessThan(PROMISED + BUSY)
    // Once it is known to be away, nobody waits for it.
    const { milliseconds } = await timed(read('/api/chats'))
    expect(milliseconds).toBeLessThan(PROMISED + BUSY)

    const kept = client.send(chatId, { content: 'sent while it was away' })
    await back()
    expect((await kept).message.content).toBe('sent while it was away')
    await expect.poll(async () => (await read('/api/chats')).status).toBe(200)
    for (const path of listReads()) expect((await read(path)).status, path).toBe(200)
    expect(socket.readyState).toBe(WebSocket.OPEN)
    expect(await sendFrame()).toMatchObject({ type: 'ack' })
  },
)

test('while the row of one chat is locked its sends get 503 in 2 s, the other chats go on, and a retry is done once', async () => {
  const other = (await client.createGroup('Cake', [])).id
  const id = '01980000-0000-7000-8000-00000000f013'
  const send = (to: string, body: object) => timed(write('POST', `/api/chats/${to}/messages`, body))
  const blocker = new pg.Client({ connectionString: postgres.url('postgres') })
  await blocker.connect()
  await blocker.query('begin')
  await blocker.query('select from chats where id = $1 for update', [chatId])
  const held = Array.from({ length: 5 }, (_, number) =>
    send(chatId, number === 0 ? { id, content: 'held' } : { content: `held ${number}` }),
  )
  const begin = performance.now()
  for (let sent = 0; sent < 5; sent += 1) {
    expect(await send(other, { content: 'goes on' })).toMatchObject({ status: 201 })
  }
  expect(performance.now() - begin).toBeLessThan(PROMISED)
  for (const answer of await Promise.all(held)) {
    expect(answer).toMatchObject({ status: 503, retryAfter: '1', code: 'SERVICE_UNAVAILABLE' })
    expect(answer.milliseconds).toBeLessThan(PROMISED + BUSY)
  }
  await blocker.end()
  const retry = async () => (await send(chatId, { id, content: 'held' })).status
  await expect.poll(retry).toBeLessThan(300)
  expect(await retry()).toBe(200)
})

/** Every route that only reads. */
function listReads(): string[] {
  return [
    ...['/api/users/me', '/api/users/search?q=ann', '/api/contacts', '/api/contacts/pending'],
    ...['/api/auth/sessions', '/api/chats', `/api/chats/${chatId}`, `/api/chats/${chatId}/messages`],
    ...[`/api/chats/${chatId}/changes?since=0`, '/api/messages/search?q=one'],
    ...[`/api/messages/${messageId}`, `/api/messages/${messageId}/receipts`],
  ]
}

const read = (path: string) => fetch(server.url + path, { headers: { Authorization: `Bearer ${token}` } })

const write = (method: string, path: string, body: object) =>
  fetch(server.url + path, {
    method,
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })

const login = () => write('POST', '/api/auth/login', { username: 'ann', password: PASSWORD })

/** Some of what is written, by rooms and without them. */
const writeAll = () => [
  write('POST', `/api/chats/${chatId}/messages`, { content: 'two' }),
  write('POST', `/api/chats/${chatId}/read`, { seq: 1 }),
  write('PUT', `/api/messages/${messageId}`, { content: 'changed' }),
  write('POST', '/api/contacts', { username: 'bob' }),
  write('PUT', '/api/users/me', { displayName: 'Ann' }),
  login(),
]

async function timed(asked: Promise<Response>) {
  const begin = performance.now()
  const answer = await asked
  const milliseconds = performance.now() - begin
  const { error } = (await answer.json()) as { error?: { code: string } }
  return {
    path: new URL(answer.url).pathname,
    status: answer.status,
    retryAfter: answer.headers.get('Retry-After'),
    code: error?.code,
    milliseconds,
  }
}

let frames = 0

function sendFrame() {
  frames += 1
  const id = `frame-${frames}`
  const replied = frame((it) => it.id === id)
  socket.send(JSON.stringify({ type: 'message:send', id, data: { chatId, content: id } }))
  return replied
}

type Frame = { readonly type: string; readonly id?: string }

function frame(isIt: (frame: Frame) => boolean): Promise<Frame> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('The socket was closed'))
    const hear = ({ data }: MessageEvent) => {
      const heard = JSON.parse(data)
      if (!isIt(heard)) return
      socket.removeEventListener('message', hear)
      socket.removeEventListener('close', ended)
      resolve(heard)
    }
    socket.addEventListener('message', hear)
    socket.addEventListener('close', ended)
  })
}
