import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { v7 } from 'uuid'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Client, createClient } from '../../src/client/client.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { type Server, startServer } from '../support/server.ts'

/** Sockets that have as many commands under way as one may, nearly: more than a room takes. */
const SOCKETS = 48
const SENDS_EACH = 10
/** What costs nothing once it is decided: it has been read. */
const READS_EACH = 230
/** What so many commands, and their replies, may cost. */
const MOST_MEGABYTES = 150

let database: TestDatabase
let server: Server
let client: Client
let sockets: readonly FloodingSocket[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  const env = { CONNECTIONS_PER_USER: String(SOCKETS + 1) }
  server = await startServer({ databaseUrl: database.url, env })
  let token = ''
  client = createClient({ url: server.url })
  client.onSession((session) => {
    token = session?.accessToken ?? ''
  })
  await client.register({ username: 'ann', password: 'Tea-at-4!' })
  client.connect()
  sockets = await Promise.all(Array.from({ length: SOCKETS }, () => openSocket(token)))
})

afterAll(async () => {
  client?.disconnect()
  for (const { close } of sockets) close()
  await server?.stop()
  await database?.drop()
})

test('a room that cannot commit takes 10,000 commands and refuses more at once; others go on, and what it acknowledges afterwards is stored once', async () => {
  const chatId = (await client.createGroup('Tea', [])).id
  const other = (await client.createGroup('Cake', [])).id
  await sockets[0]?.ask('message:read', { chatId, seq: 1 })
  const memoryBefore = mostMemory()
  const unlock = await lockRow(chatId)
  const say = (socket: FloodingSocket, id: string) =>
    socket.ask('message:send', { chatId, id, content: `said ${id}` })

  const sends = new Map<string, Promise<Reply>>()
  const reads = sockets.flatMap((socket) => {
    for (let count = 0; count < SENDS_EACH; count += 1) {
      const id = v7()
      sends.set(id, say(socket, id))
    }
    return Array.from({ length: READS_EACH }, () => socket.ask('message:read', { chatId, seq: 1 }))
  })
  const refused = await Promise.race([...sends.values(), ...reads].map(refusal))
  expect(refused).toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    message: 'Too many commands wait in this chat. Retry',
  })
  expect(await countWaiting()).toBeLessThanOrEqual(LIMITS.roomMailbox)
  await client.send(other, { content: 'goes on' })
  await unlock()

  const acked = new Map<string, number>()
  for (const [id, replied] of sends) {
    const { error, data } = await replied
    if (data) acked.set(id, data.seq)
    else expect(error?.code).toBe('SERVICE_UNAVAILABLE')
  }
  await Promise.all(reads)
  expect(mostMemory() - memoryBefore).toBeLessThan(MOST_MEGABYTES)
  expect(acked.size).toBeGreaterThan(0)
  for (const [place, id] of [...sends.keys()].entries()) {
    const socket = sockets[place % SOCKETS]
    if (acked.has(id) || !socket) continue
    const { data } = await say(socket, id)
    acked.set(id, data?.seq ?? 0)
  }
  const stored = await readMessages(chatId)
  expect(new Map(stored)).toEqual(acked)
  expect(stored).toHaveLength(sends.size)
})

interface Reply {
  readonly id: string
  readonly type: 'ack' | 'error'
  readonly data?: { readonly seq: number }
  readonly error?: { readonly code: string; readonly message: string }
}

interface FloodingSocket {
  ask(type: string, data: object): Promise<Reply>
  close(): void
}

/** A socket that reads of what comes only what it has asked for. */
async function openSocket(token: string): Promise<FloodingSocket> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, ['parley.v1', `bearer.${token}`])
  const asked = new Map<string, (reply: Reply) => void>()
  socket.on('message', (bytes) => {
    const text = String(bytes)
    if (!text.startsWith('{"type":"ack"') && !text.startsWith('{"type":"error"')) return
    const reply: Reply = JSON.parse(text)
    asked.get(reply.id)?.(reply)
  })
  await once(socket, 'message')
  return {
    ask(type, data) {
      const id = String(asked.size)
      socket.send(JSON.stringify({ type, id, data }))
      return new Promise((resolve) => asked.set(id, resolve))
    },
    close: () => socket.close(),
  }
}

/** Resolves with what the reply refuses, and never if it does not. */
function refusal(replied: Promise<Reply>): Promise<Reply['error']> {
  return new Promise((resolve) => {
    void replied.then(({ error }) => error && resolve(error))
  })
}

/** Another session holds the row of the chat, until the result is called. */
async function lockRow(chatId: string): Promise<() => Promise<void>> {
  const blocker = new pg.Client({ connectionString: database.url })
  // A test that failed drops the database under it.
  blocker.on('error', () => {})
  await blocker.connect()
  await blocker.query('begin')
  await blocker.query('select from chats where id = $1 for update', [chatId])
  return () => blocker.end()
}

async function readMessages(chatId: string): Promise<[id: string, seq: number][]> {
  const reader = new pg.Client({ connectionString: database.url })
  await reader.connect()
  const { rows } = await reader.query<[string, string]>({
    text: 'select id, seq from messages where chat_id = $1 order by seq',
    values: [chatId],
    rowMode: 'array',
  })
  await reader.end()
  return rows.map(([id, seq]) => [id, Number(seq)])
}

/** Commands that wait in all rooms. */
async function countWaiting(): Promise<number> {
  const page = await (await fetch(`${server.url}/metrics`)).text()
  return Number(/^parley_mailbox_commands (\d+)/m.exec(page)?.[1])
}

/** The most memory that the instance has had so far, in megabytes. */
function mostMemory(): number {
  const status = readFileSync(`/proc/${server.pid()}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1_024
}
