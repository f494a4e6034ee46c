import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Client, createClient } from '../../src/client/client.ts'
import { until, untilLive } from '../../src/hosts/node/demo/until.ts'
import { findPort } from '../../src/hosts/node/faults/servers/port.ts'
import { createRedisServer, type RedisServer } from '../../src/hosts/node/faults/servers/redis.ts'
import { ErrorBody } from '../../src/protocol/errors.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { type Server, startServer } from '../support/server.ts'
import { type PROGRAMS, type RunningProxy, startProxy } from './proxy.ts'

const PASSWORD = 'Tea-at-4!'
const NAMES = ['ann', 'ben', 'cleo']
/** Failed logins of an address before it is told to wait; the default. */
const FAILURES = 5
/** Milliseconds between two sends of one person. */
const PACE = 20

interface Person {
  readonly name: string
  readonly client: Client
}

let database: TestDatabase
let redis: RedisServer
let instances: Server[]

beforeAll(async () => {
  database = await createTestDatabase()
  redis = await createRedisServer()
  const env = {
    REDIS_URL: redis.url,
    REDIS_PREFIX: 'proxied:',
    JWT_SECRET: randomUUID() + randomUUID(),
    JWT_REFRESH_SECRET: randomUUID() + randomUUID(),
    TRUST_PROXY: '1',
    DATABASE_POOL: '5',
    RATE_LIMITS: 'on',
    RATE_REST_PER_MINUTE: '100000',
    RATE_MESSAGES_PER_SECOND: '1000',
  }
  instances = await Promise.all(NAMES.map(() => startServer({ databaseUrl: database.url, env })))
})

afterAll(async () => {
  await Promise.all((instances ?? []).map((instance) => instance.stop()))
  await redis?.remove()
  await database?.drop()
})

describe.each<{ program: keyof typeof PROGRAMS; network: string }>([
  { program: 'nginx', network: '127.0.1' },
  { program: 'haproxy', network: '127.0.2' },
])('$program with the sample file, in front of three instances', ({ program, network }) => {
  let proxy: RunningProxy
  let people: Person[] = []
  let chatId: string

  beforeAll(async () => {
    proxy = await startProxy(
      program,
      instances.map(({ url }) => url),
    )
    await ready(proxy.url)
    people = await Promise.all(NAMES.map((name) => createPerson(proxy.url, `${name}_${program}`)))
    chatId = await createGroup(people)
  })

  afterAll(async () => {
    for (const { client } of people) client.disconnect()
    await proxy?.stop()
  })

  test('people on several instances chat', async () => {
    const acks = await Promise.all(
      people.map(({ name, client }) => client.send(chatId, { content: `Hello from ${name}` })),
    )
    const last = Math.max(...acks.map(({ seq }) => seq))
    await Promise.all(people.map(({ client }) => until(client, chatId, ({ applied }) => applied >= last)))
    expect(new Set(people.map(({ client }) => contentsOf(client, chatId).join()))).toHaveProperty('size', 1)
  })

  test("the address that counts is the client's, whatever the client claims", async () => {
    const statuses: (number | undefined)[] = []
    for (let count = 0; count <= FAILURES; count += 1) {
      statuses.push(await failLogin(proxy.url, `${network}.2`, `203.0.113.${count}`))
    }
    expect(statuses).toEqual([...Array<number>(FAILURES).fill(401), 429])
    expect(await failLogin(proxy.url, `${network}.3`, `${network}.2`)).toBe(401)
  })

  test('a body of 128 KiB reaches the service, and a longer one is refused in its words', async () => {
    const post = (bytes: number) =>
      ask(`${proxy.url}/api/auth/login`, { method: 'POST' }, JSON.stringify('x'.repeat(bytes - 2)))
    expect(await post(131_072)).toMatchObject({ status: 400, code: 'VALIDATION_ERROR' })
    expect(await post(131_073)).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' })
  })

  test('nobody reads metrics through it', async () => {
    expect((await fetch(`${proxy.url}/metrics`)).status).toBe(404)
  })

  test('where no instance is there, the answer is one of the service', async () => {
    const nobody = await Promise.all(NAMES.map(async () => `http://127.0.0.1:${await findPort()}`))
    const lonely = await startProxy(program, nobody)
    onTestFinished(() => lonely.stop())
    const response = await fetch(`${lonely.url}/api/chats`)
    expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '1'])
    expect(response.headers.get('Content-Type')).toMatch(/^application\/json/)
    const { error } = (await response.json()) as { error: unknown }
    expect(ErrorBody.parse(error).code).toBe('SERVICE_UNAVAILABLE')
  })

  test('while instances are restarted one after another, no send fails', async () => {
    const resumed = new Set<string>()
    for (const { name, client } of people) {
      client.on('status', ({ state }) => state === 'waiting' && resumed.add(name))
    }
    let isOver = false
    const talking = people.map((person) => talk(person, chatId, () => isOver))
    for (const instance of instances) {
      await instance.restart()
      await Promise.all(people.map(({ client }) => untilLive(client)))
    }
    isOver = true
    const sent = await Promise.all(talking)

    const last = Math.max(...sent.flat().map(({ seq }) => seq))
    for (const [index, { name, client }] of people.entries()) {
      await until(client, chatId, ({ applied }) => applied >= last)
      for (const reader of people) {
        const seen = contentsOf(reader.client, chatId).filter((content) => content.startsWith(`${name} `))
        expect(seen).toEqual(sent[index]?.map(({ content }) => content))
      }
    }
    // They were spread over the instances, so each lost its own.
    expect([...resumed].sort()).toEqual(people.map(({ name }) => name))
  })
})

async function createPerson(url: string, name: string): Promise<Person> {
  const client = createClient({ url })
  await client.register({ username: name, password: PASSWORD })
  client.connect()
  await untilLive(client)
  return { name, client }
}

async function createGroup(people: readonly Person[]): Promise<string> {
  const [owner, ...others] = people.map(({ client }) => client)
  const ids = others.map(({ account }) => account.user?.id ?? '')
  const chat = await owner?.createGroup('Behind a proxy', ids)
  const chatId = chat?.id ?? ''
  await Promise.all(people.map(({ client }) => until(client, chatId, ({ applied }) => applied > 0)))
  return chatId
}

/** Sends one after another, each once the one before it is acknowledged. */
async function talk({ name, client }: Person, chatId: string, isOver: () => boolean) {
  const sent: { content: string; seq: number }[] = []
  while (!isOver()) {
    const content = `${name} ${sent.length}`
    const { seq } = await client.send(chatId, { content })
    sent.push({ content, seq })
    await sleep(PACE)
  }
  return sent
}

function contentsOf(client: Client, chatId: string): string[] {
  const messages = client.findChat(chatId)?.messages.toArray() ?? []
  return messages.map(({ content }) => content ?? '')
}

async function ready(url: string): Promise<void> {
  while (!(await fetch(`${url}/health/ready`)).ok) await sleep(50)
}

async function failLogin(url: string, from: string, claimed: string): Promise<number | undefined> {
  const account = JSON.stringify({ username: `nobody_${randomUUID().slice(0, 8)}`, password: PASSWORD })
  const options = { method: 'POST', localAddress: from, headers: { 'X-Forwarded-For': claimed } }
  return (await ask(`${url}/api/auth/login`, options, account)).status
}

async function ask(url: string, options: object, body: string) {
  const headers = {
    'Content-Type': 'application/json',
    ...('headers' in options ? Object(options.headers) : {}),
  }
  const asked = request(url, { ...options, headers }).end(body)
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const { error } = JSON.parse(await text(response))
  return { status: response.statusCode, code: ErrorBody.parse(error).code }
}
