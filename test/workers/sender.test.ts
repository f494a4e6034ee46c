import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { createProvider, type Provider } from '../../src/hosts/node/faults/servers/provider.ts'
import { post } from '../../src/hosts/node/post.ts'
import type { Delivery, Notification, Request } from '../../src/workers/ports.ts'
import { createSender } from '../../src/workers/sender.ts'
import { uuid } from '../support/builders.ts'
import { createPushBrowser, createPushKeys } from '../support/push-browser.ts'

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`

const notification: Notification = {
  key: uuid(1),
  title: 'Ann',
  body: 'Tea at four?',
  link: 'https://chat.example.org/chats/1',
  chatId: uuid(2),
  messageId: uuid(3),
  userId: uuid(4),
  unread: 2,
}

describe('a sender', () => {
  let provider: Provider
  beforeEach(async () => {
    provider = await createProvider()
  })
  afterEach(() => provider.close())

  const vapid = createPushKeys()
  function settings(more: Record<string, string> = {}) {
    return parseConfig({
      ONESIGNAL_APP_ID: 'the-app',
      ONESIGNAL_API_KEY: 'the-key',
      ONESIGNAL_URL: `${provider.url}/notifications`,
      VAPID_PUBLIC_KEY: vapid.open,
      VAPID_PRIVATE_KEY: vapid.secret,
      VAPID_SUBJECT: 'mailto:ops@example.org',
      WEBHOOK_SECRET: SECRET,
      ...more,
    })
  }
  const send = (delivery: Delivery, more = {}) => createSender(settings(more), post)(delivery)
  const push = () => send({ via: 'onesignal', tokens: ['player-1', 'player-2'], notification })
  const hook = (more = {}) =>
    send({ via: 'webhook', url: `${provider.url}/hook`, id: 'chat_7', body: '{"type":"message.new"}' }, more)

  test('asks OneSignal for one notification on all devices of a user, once per key', async () => {
    expect(await push()).toEqual({ status: 'sent' })
    const [{ path, headers, text } = { path: '', headers: {}, text: '' }] = provider.received
    expect(path).toBe('/notifications')
    expect(headers).toMatchObject({ authorization: 'Key the-key', 'content-type': 'application/json' })
    expect(JSON.parse(text)).toEqual({
      app_id: 'the-app',
      target_channel: 'push',
      include_subscription_ids: ['player-1', 'player-2'],
      idempotency_key: notification.key,
      collapse_id: notification.chatId,
      headings: { en: 'Ann' },
      contents: { en: 'Tea at four?' },
      url: notification.link,
      data: {
        chatId: notification.chatId,
        messageId: notification.messageId,
        unread: 2,
        link: notification.link,
      },
    })
  })

  test('takes a 200 with an empty id for a failure', async () => {
    provider.mood = 'lying'
    expect(await push()).toMatchObject({ status: 'failed', error: expect.stringContaining('without an id') })
  })

  test('says what a provider that is busy asks for', async () => {
    provider.mood = 'busy'
    expect(await push()).toMatchObject({ status: 'failed', retryIn: 1_000 })
  })

  test('fails with what a broken provider says', async () => {
    provider.mood = 'broken'
    expect(await push()).toEqual({
      status: 'failed',
      error: 'Answered 500: down for maintenance',
      retryIn: null,
    })
  })

  test('gives up a provider that hangs', async () => {
    provider.mood = 'hanging'
    expect(await push()).toMatchObject({ status: 'failed', error: expect.stringContaining('No answer') })
  })

  test('reads no more of an answer than it needs', async () => {
    provider.mood = 'endless'
    expect(await push()).toMatchObject({ status: 'failed', error: expect.stringContaining('without an id') })
  })

  test('fails when nobody is there', async () => {
    await provider.close()
    expect(await push()).toMatchObject({ status: 'failed', error: expect.stringContaining('ECONNREFUSED') })
    provider = await createProvider()
  })

  test('signs webhooks by the Standard Webhooks scheme', async () => {
    expect(await hook({ PRIVATE_ADDRESSES: 'allow' })).toEqual({ status: 'sent' })
    const [received] = provider.received
    const headers = received?.headers as Record<string, string>
    expect(headers['webhook-id']).toBe('chat_7')
    expect(new Webhook(SECRET).verify(received?.text ?? '', headers)).toEqual({ type: 'message.new' })
  })

  test('follows no redirect', async () => {
    provider.mood = 'redirecting'
    expect(await hook({ PRIVATE_ADDRESSES: 'allow' })).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('307'),
    })
    expect(provider.received).toHaveLength(1)
  })

  test('speaks only https to others', async () => {
    expect(await hook()).toMatchObject({ status: 'failed', error: expect.stringContaining('https') })
    expect(provider.received).toHaveLength(0)
  })

  test('encrypts for a browser what only that browser can read, and says who it is', async () => {
    const browser = createPushBrowser('https://push.example.org/abc')
    const requests: Request[] = []
    const sender = createSender(settings(), async (request) => {
      requests.push(request)
      return { status: 201, retryAfter: null, body: '' }
    })
    const { subscription } = browser
    expect(await sender({ via: 'webpush', subscription, notification })).toEqual({ status: 'sent' })
    const [{ url, headers, body, isTrusted } = {} as Request] = requests
    expect({ url, isTrusted }).toEqual({ url: subscription.endpoint, isTrusted: false })
    expect(headers).toMatchObject({
      'content-encoding': 'aes128gcm',
      topic: notification.chatId.replaceAll('-', ''),
    })
    expect(headers.authorization).toContain(`k=${vapid.open}`)
    expect(browser.read(body as Uint8Array)).toMatchObject({
      title: 'Ann',
      body: 'Tea at four?',
      link: notification.link,
    })
  })

  test.each([404, 410])('takes %s of a push service for the end of a subscription', async (status) => {
    const sender = createSender(settings(), async () => ({ status, retryAfter: null, body: '' }))
    const { subscription } = createPushBrowser('https://push.example.org/abc')
    expect(await sender({ via: 'webpush', subscription, notification })).toEqual({ status: 'gone' })
  })
})
