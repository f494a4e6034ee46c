import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import { createProvider, type Provider } from '../../src/hosts/node/faults/servers/provider.ts'
import { startWorkerdServer, type WorkerdServer } from '../support/workerd.ts'

const PATIENCE = 120_000
const PASSWORD = 'Tea-at-4!'
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

let provider: Provider
let receiver: Provider
let server: WorkerdServer

beforeAll(async () => {
  provider = await createProvider()
  receiver = await createProvider()
  server = await startWorkerdServer({
    ONESIGNAL_APP_ID: 'app',
    ONESIGNAL_API_KEY: 'key',
    ONESIGNAL_URL: provider.url,
    PUSH_DELAY_SECONDS: '1',
    JOB_RETRY_SECONDS: '1',
    WEBHOOK_URLS: receiver.url,
    WEBHOOK_SECRET: SECRET,
    WEBHOOK_EVENTS: 'message',
    PRIVATE_ADDRESSES: 'allow',
  })
}, PATIENCE)

afterAll(async () => {
  await server?.stop()
  await Promise.all([provider?.close(), receiver?.close()])
})

test('pushes and webhooks go out on Cloudflare, by its queue, and again when a provider was busy', {
  timeout: PATIENCE,
}, async () => {
  const [ann, bob] = [createClient({ url: server.url }), createClient({ url: server.url })]
  let token = ''
  bob.onSession((session) => {
    token = session?.accessToken ?? token
  })
  await ann.register({ username: 'ann', password: PASSWORD })
  const { id: bobId } = await bob.register({ username: 'bob', password: PASSWORD })
  const registered = await fetch(`${server.url}/api/push/devices`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ provider: 'onesignal', token: 'phone' }),
  })
  expect(registered.status).toBe(201)
  ann.connect()
  const { id } = await ann.createGroup('Crew', [bobId])
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
  const [push] = await provider.taken(1)
  expect(JSON.parse(push?.text ?? '')).toMatchObject({
    include_subscription_ids: ['phone'],
    headings: { en: 'ann in Crew' },
    contents: { en: 'Tea?' },
  })
  ann.disconnect()
})
