import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Client, createClient } from '../../src/client/client.ts'
import { createProvider, type Provider } from '../../src/hosts/node/faults/servers/provider.ts'
import { type DirectoryServer, startDirectoryServer } from '../support/directory-server.ts'
import { BUSY } from '../support/patience.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { type PushVendor, startPushVendor } from '../support/push-vendor.ts'
import { type Server, startServer } from '../support/server.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'

const PASSWORD = 'Tea-at-4!'
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const LINK = 'https://chat.example.org/chats/{chatId}#{messageId}'

/** What a webhook says, as far as it is the same for all. */
const Hooked = z.object({ type: z.string(), data: z.looseObject({ chatId: z.string() }) })

interface Person {
  readonly id: string
  readonly client: Client
  accessToken(): string
}

/** Not to be seen on the way out by anything but the push itself. */
interface Push {
  readonly include_subscription_ids: string[]
  readonly idempotency_key: string
  readonly headings: { readonly en: string }
  readonly contents: { readonly en: string }
  readonly url: string
}

describe('a service with OneSignal, Web Push and webhooks', () => {
  let provider: Provider
  let receiver: Provider
  let vendor: PushVendor
  let directory: DirectoryServer
  let database: TestDatabase
  let server: Server
  let ann: Person
  let count = 0

  beforeAll(async () => {
    provider = await createProvider()
    receiver = await createProvider()
    vendor = await startPushVendor()
    directory = await startDirectoryServer()
    database = await createTestDatabase()
    server = await startServer({
      databaseUrl: database.url,
      env: {
        ...vendor.settings,
        NODE_EXTRA_CA_CERTS: vendor.ca,
        ...directory.settings,
        DIRECTORY_PUSH_ISSUERS: 'django',
        DJANGO_JWT_SECRET: DJANGO_SECRET,
        ONESIGNAL_APP_ID: 'app',
        ONESIGNAL_API_KEY: 'key',
        ONESIGNAL_URL: provider.url,
        // Clients say within a second what they got.
        PUSH_DELAY_SECONDS: '2',
        PUSH_COLLAPSE_SECONDS: '3',
        PUSH_PREVIEW: 'direct',
        PUSH_LINK: LINK,
        JOB_RETRY_SECONDS: '1',
        DIRECT_CHATS: 'anyone',
        WEBHOOK_URLS: `${receiver.url}/events`,
        WEBHOOK_SECRET: SECRET,
        PRIVATE_ADDRESSES: 'allow',
      },
    })
    ann = await person()
    ann.client.connect()
  })
  beforeEach(() => {
    provider.mood = 'well'
    receiver.mood = 'well'
  })
  afterAll(async () => {
    ann?.client.disconnect()
    await server?.stop()
    await Promise.all([provider, receiver, vendor, directory].map((it) => it?.close()))
    await database?.drop()
  })

  async function person(): Promise<Person> {
    count += 1
    const client = createClient({ url: server.url })
    let accessToken = ''
    client.onSession((session) => {
      accessToken = session?.accessToken ?? accessToken
    })
    const { id } = await client.register({ username: `person${count}`, password: PASSWORD })
    return { id, client, accessToken: () => accessToken }
  }

  async function call(
    of: Pick<Person, 'accessToken'>,
    path: string,
    body?: object,
    method = body ? 'POST' : 'GET',
  ) {
    const headers = {
      Authorization: `Bearer ${of.accessToken()}`,
      'Content-Type': 'application/json',
    }
    return fetch(server.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  }

  /** Somebody with a phone, and without a connection. */
  async function sleeper(): Promise<Person & { readonly token: string }> {
    const it = await person()
    const token = `phone-of-${it.id}`
    const answer = await call(it, '/api/push/devices', { provider: 'onesignal', token })
    expect(answer.status).toBe(201)
    return { ...it, token }
  }

  const send = (chatId: string, content: string) => ann.client.send(chatId, { content })

  function pushesTo({ token }: { readonly token: string }, from = provider.received): Push[] {
    const all = from.map(({ text }) => JSON.parse(text) as Push)
    return all.filter((push) => push.include_subscription_ids.includes(token))
  }

  /** Nothing is due any more, and nothing under way: what was not sent will not be. */
  async function quiet(): Promise<void> {
    for (;;) {
      const { rows } = await database.query(`select from jobs where state = 'ready'`)
      if (rows.length === 0) return
      await database.query('select pg_sleep(0.1)')
    }
  }

  test('pushes to who is away: who says what, and where it is', async () => {
    const bob = await sleeper()
    const { id } = await ann.client.openDirect(bob.id)
    const { message } = await send(id, `The train   leaves at nine. ${'x'.repeat(200)}`)
    await quiet()
    const [push, ...others] = pushesTo(bob)
    expect(others).toEqual([])
    expect(push).toMatchObject({
      headings: { en: 'person1' },
      url: LINK.replace('{chatId}', id).replace('{messageId}', message.id),
    })
    expect(push?.contents.en).toMatch(/^The train leaves at nine\. x+…$/)
    expect(push?.contents.en).toHaveLength(120)
  })

  test('shows no words of chats of a kind that is not to', async () => {
    const bob = await sleeper()
    const { id } = await ann.client.createGroup('Crew', [bob.id])
    await send(id, 'a secret')
    await quiet()
    expect(pushesTo(bob)).toMatchObject([
      { headings: { en: 'person1 in Crew' }, contents: { en: 'New message' } },
    ])
  })

  test('does not push what was read, muted, deleted or seen meanwhile', async () => {
    const [reader, muter, late, awake] = [await sleeper(), await sleeper(), await sleeper(), await sleeper()]
    const chatOf = new Map<Person, string>()
    for (const it of [reader, muter, late, awake]) chatOf.set(it, (await ann.client.openDirect(it.id)).id)
    const chat = (it: Person) => chatOf.get(it) ?? ''
    await call(muter, `/api/chats/${chat(muter)}/mute`, { until: '2099-01-01T00:00:00.000Z' }, 'PUT')
    const live = new Promise<void>((resolve) => {
      awake.client.on('status', ({ state }) => state === 'live' && resolve())
    })
    const heard = new Promise<void>((resolve) => awake.client.on('message', () => resolve()))
    awake.client.connect()
    // What was sent before is in his copy of the chat, and is no news.
    await live
    const { seq } = await send(chat(reader), 'one')
    await call(reader, `/api/chats/${chat(reader)}/read`, { seq })
    await send(chat(muter), 'two')
    const { message } = await send(chat(late), 'three')
    await ann.client.remove({ chatId: chat(late), id: message.id })
    await send(chat(awake), 'four')
    await heard
    await quiet()
    for (const it of [reader, muter, late, awake]) expect(pushesTo(it)).toEqual([])
    awake.client.disconnect()
  })

  test('pushes once in a while, and then the latest', async () => {
    const bob = await sleeper()
    const { id } = await ann.client.openDirect(bob.id)
    await send(id, 'first')
    await provider.taken(provider.received.length + 1)
    for (const words of ['second', 'third', 'fourth']) await send(id, words)
    await quiet()
    expect(pushesTo(bob).map(({ contents }) => contents.en)).toEqual(['first', 'fourth'])
    expect(new Set(pushesTo(bob).map((push) => push.idempotency_key)).size).toBe(2)
  })

  test.each(['broken', 'busy', 'lying'] as const)(
    'pushes when a %s provider is well again, under the same key',
    async (mood) => {
      const bob = await sleeper()
      const { id } = await ann.client.openDirect(bob.id)
      const before = provider.received.length
      provider.mood = mood
      await send(id, 'in spite of all')
      await provider.came(before + 2)
      provider.mood = 'well'
      await quiet()
      const pushes = pushesTo(bob)
      expect(pushes.length).toBeGreaterThanOrEqual(3)
      expect(new Set(pushes.map((push) => push.idempotency_key)).size).toBe(1)
      expect(provider.received.at(-1)?.isTaken).toBe(true)
    },
  )

  test('has its acks wait for no provider', async () => {
    const bob = await sleeper()
    const { id } = await ann.client.openDirect(bob.id)
    provider.mood = 'hanging'
    receiver.mood = 'hanging'
    const begin = performance.now()
    for (let n = 0; n < 20; n += 1) await send(id, `message ${n}`)
    expect(performance.now() - begin).toBeLessThan(BUSY)
    provider.mood = 'well'
    receiver.mood = 'well'
  })

  test('pushes no more to a phone that was logged out', async () => {
    const bob = await sleeper()
    const { id } = await ann.client.openDirect(bob.id)
    await bob.client.logout()
    await send(id, 'are you there?')
    await quiet()
    expect(pushesTo(bob)).toEqual([])
  })

  test('tells a browser what only it can read', async () => {
    const bob = await person()
    const { subscription } = vendor
    const device = { provider: 'webpush', subscription }
    expect((await call(bob, '/api/push/devices', device)).status).toBe(201)
    const { id } = await ann.client.openDirect(bob.id)
    const read = vendor.next()
    const { message } = await send(id, 'Größe? 💥')
    expect(await read).toMatchObject({
      title: 'person1',
      body: 'Größe? 💥',
      messageId: message.id,
      unread: 1,
    })
  })

  test('pushes to devices of an older system, and to others while that is away', async () => {
    const token = await djangoToken(Date.now(), { user_id: 7 })
    const dora = { accessToken: () => token }
    const { user } = (await (await call(dora, '/api/users/me')).json()) as { user: { id: string } }
    const { id } = await ann.client.createGroup('Clinic', [user.id])
    await send(id, 'One')
    await quiet()
    const old = { token: 'phone-of-7' }
    expect(pushesTo(old)).toHaveLength(1)
    const device = { provider: 'onesignal', token: 'own-phone' }
    expect((await call(dora, '/api/push/devices', device)).status).toBe(201)
    directory.status = 503
    await send(id, 'Two')
    await quiet()
    expect(pushesTo({ token: 'own-phone' })).toHaveLength(1)
    directory.status = 200
    await send(id, 'Three')
    await quiet()
    expect(pushesTo({ token: 'own-phone' })).toHaveLength(2)
    expect(pushesTo(old)).toHaveLength(2)
  })

  test('loses no push when it is killed before it was sent', async () => {
    const bob = await sleeper()
    const { id } = await ann.client.openDirect(bob.id)
    await send(id, 'before the end')
    await server.kill()
    await server.restart()
    await quiet()
    expect(pushesTo(bob).map(({ contents }) => contents.en)).toEqual(['before the end'])
  })

  test('tells endpoints of messages and receipts, signed', async () => {
    const bob = await sleeper()
    const { id } = await ann.client.openDirect(bob.id)
    const { message, seq } = await send(id, 'for the record')
    await call(bob, `/api/chats/${id}/read`, { seq })
    await ann.client.edit({ chatId: id, id: message.id }, 'for the archive')
    await quiet()
    const hooks = eventsOf(id)
    expect(hooks.map(({ type }) => type).sort()).toEqual(['message.edited', 'message.new', 'receipts'])
    expect(hooks.find(({ type }) => type === 'message.edited')?.data).toMatchObject({
      chatId: id,
      chat: { kind: 'direct' },
      message: { id: message.id, content: 'for the archive' },
      sender: { id: ann.id, displayName: 'person1' },
    })
    expect(hooks.find(({ type }) => type === 'receipts')?.data.marks).toMatchObject([
      { userId: bob.id, readSeq: seq },
    ])
  })

  test('tells endpoints again what came after a seq, under the same ids', async () => {
    const bob = await sleeper()
    const { id } = await ann.client.openDirect(bob.id)
    const { seq } = await send(id, 'one')
    for (const words of ['two', 'three']) await send(id, words)
    await quiet()
    const idsBefore = eventsOf(id).map((event) => event.id)
    const admin = await person()
    await database.query(`update users set type = 'admin' where id = $1`, [admin.id])
    await admin.client.login(`person${count}`, PASSWORD)
    const answer = await call(admin, '/api/admin/webhooks/replay', { chatId: id, since: seq })
    expect(answer.status).toBe(202)
    expect(await answer.json()).toEqual({ events: 2, next: null })
    await quiet()
    const again = [`${id}_${seq + 1}`, `${id}_${seq + 2}`]
    expect(
      eventsOf(id)
        .map((event) => event.id)
        .sort(),
    ).toEqual([...idsBefore, ...again].sort())
  })

  /** What the endpoint took of one chat, each with a good signature. */
  function eventsOf(chatId: string) {
    return receiver.received
      .filter(({ isTaken }) => isTaken)
      .map(({ text, headers }) => {
        const event = Hooked.parse(new Webhook(SECRET).verify(text, headers as Record<string, string>))
        return { ...event, id: headers['webhook-id'] }
      })
      .filter(({ data }) => data.chatId === chatId)
  }
})
