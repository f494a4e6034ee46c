import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Client, createClient } from '../../src/client/client.ts'
import { createProvider, type Provider } from '../../src/hosts/node/faults/servers/provider.ts'
import { type DirectoryServer, startDirectoryServer } from '../support/directory-server.ts'
import { type PushVendor, startPushVendor } from '../support/push-vendor.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'
import { startWorkerdServer, type WorkerdServer } from '../support/workerd.ts'

const PASSWORD = 'Tea-at-4!'
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

let provider: Provider
let receiver: Provider
let vendor: PushVendor
let directory: DirectoryServer
let server: WorkerdServer
let ann: Client

beforeAll(async () => {
  provider = await createProvider()
  receiver = await createProvider()
  vendor = await startPushVendor()
  directory = await startDirectoryServer()
  // The runtime takes it for an authority as those of the world.
  process.env.NODE_EXTRA_CA_CERTS = vendor.ca
  server = await startWorkerdServer({
    ...vendor.settings,
    ...directory.settings,
    DIRECTORY_PUSH_ISSUERS: 'django',
    DJANGO_JWT_SECRET: DJANGO_SECRET,
    ONESIGNAL_APP_ID: 'app',
    ONESIGNAL_API_KEY: 'key',
    ONESIGNAL_URL: provider.url,
    PUSH_DELAY_SECONDS: '1',
    PUSH_COLLAPSE_SECONDS: '0',
    JOB_RETRY_SECONDS: '1',
    WEBHOOK_URLS: receiver.url,
    WEBHOOK_SECRET: SECRET,
    WEBHOOK_EVENTS: 'message',
    PRIVATE_ADDRESSES: 'allow',
  })
  ann = createClient({ url: server.url })
  await ann.register({ username: 'ann', password: PASSWORD })
  ann.connect()
})

beforeEach(() => {
  provider.mood = 'well'
})

afterAll(async () => {
  ann?.disconnect()
  await server?.stop()
  await Promise.all([provider?.close(), receiver?.close(), vendor?.close(), directory?.close()])
})

/** A new account, without a connection. */
async function register(username: string): Promise<{ readonly id: string; readonly token: string }> {
  const client = createClient({ url: server.url })
  let token = ''
  client.onSession((session) => {
    token = session?.accessToken ?? token
  })
  const { id } = await client.register({ username, password: PASSWORD })
  return { id, token }
}

async function call(token: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(server.url + path, {
    method: body ? 'POST' : 'GET',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  })
  expect(answer.ok, await answer.clone().text()).toBe(true)
  return answer.json()
}

/** What OneSignal took after the first so many. */
async function nextPush(before: number): Promise<unknown> {
  const pushes = await provider.taken(before + 1)
  return JSON.parse(pushes[before]?.text ?? '')
}

test('pushes and webhooks go out on Cloudflare, by its queue, and again when a provider was busy', async () => {
  const bob = await register('bob')
  await call(bob.token, '/api/push/devices', { provider: 'onesignal', token: 'phone' })
  const { id } = await ann.createGroup('Crew', [bob.id])
  provider.mood = 'busy'
  const { message } = await ann.send(id, { content: 'Tea?' })

  const [hook] = await receiver.taken(1)
  expect(new Webhook(SECRET).verify(hook?.text ?? '', hook?.headers as Record<string, string>)).toMatchObject(
    {
      type: 'message.new',
      data: { chatId: id, message: { id: message.id, content: 'Tea?' } },
    },
  )
  await provider.came(1)
  provider.mood = 'well'
  expect(await nextPush(0)).toMatchObject({
    include_subscription_ids: ['phone'],
    headings: { en: 'ann in Crew' },
    contents: { en: 'Tea?' },
  })
})

test('a browser reads on Cloudflare what only it can, and is asked no more once it has gone', async () => {
  const eve = await register('eve')
  const { subscription } = vendor
  await call(eve.token, '/api/push/devices', { provider: 'webpush', subscription })
  const { id } = await ann.createGroup('Ship', [eve.id])
  const read = vendor.next()
  const { message } = await ann.send(id, { content: 'Größe? 💥' })
  expect(await read).toEqual({
    title: 'ann in Ship',
    body: 'Größe? 💥',
    link: `/chats/${id}?message=${message.id}`,
    chatId: id,
    messageId: message.id,
    unread: 1,
  })
  vendor.isGone = true
  await ann.send(id, { content: 'Are you there?' })
  await expect.poll(() => call(eve.token, '/api/push/devices'), { interval: 200 }).toEqual({ data: [] })
})

test('devices of an older system get pushes on Cloudflare, and those known here do not wait for it', async () => {
  const token = await djangoToken(Date.now(), { user_id: 7 })
  const { user } = (await call(token, '/api/users/me')) as { user: { id: string } }
  const { id } = await ann.createGroup('Clinic', [user.id])
  const before = provider.received.filter(({ isTaken }) => isTaken).length
  await ann.send(id, { content: 'One' })
  expect(await nextPush(before)).toMatchObject({
    include_subscription_ids: ['phone-of-7'],
    contents: { en: 'One' },
  })
  await call(token, '/api/push/devices', { provider: 'onesignal', token: 'own-phone' })
  directory.status = 503
  await ann.send(id, { content: 'Two' })
  expect(await nextPush(before + 1)).toMatchObject({
    include_subscription_ids: ['own-phone'],
    contents: { en: 'Two' },
  })
  directory.status = 200
  await ann.send(id, { content: 'Three' })
  expect(await nextPush(before + 2)).toMatchObject({
    include_subscription_ids: ['own-phone', 'phone-of-7'],
    contents: { en: 'Three' },
  })
})
