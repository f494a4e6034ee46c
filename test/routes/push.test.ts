import { afterEach, expect, test } from 'vitest'
import { createTestApp, errorOf, type TestApp } from '../support/app.ts'
import { createPushBrowser, createPushKeys } from '../support/push-browser.ts'

const { open, secret } = createPushKeys()
const VAPID = {
  VAPID_PUBLIC_KEY: open,
  VAPID_PRIVATE_KEY: secret,
  VAPID_SUBJECT: 'mailto:ops@example.org',
}

let it: TestApp

afterEach(() => it.close())

async function register(endpoint: string) {
  const { token } = await it.user()
  const body = { provider: 'webpush', subscription: createPushBrowser(endpoint).subscription }
  return it.call('POST /api/push/devices', { token, body })
}

test('a browser whose push service cannot be one is refused, the field named', async () => {
  it = await createTestApp(VAPID)
  for (const endpoint of [
    'http://push.example.org/x',
    'https://localhost/x',
    'https://chat.localhost./x',
    'https://127.0.0.1/x',
    'https://0x7f000001/x',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/x',
    'https://[::ffff:10.0.0.1]/x',
    'https://[fd12:3456::1]/x',
    `https://push.example.org/${'x'.repeat(1_000)}`,
    '//push.example.org/x',
    'ftp://push.example.org/x',
  ]) {
    expect(errorOf(await register(endpoint)), endpoint).toMatchObject({
      code: 'VALIDATION_ERROR',
      details: [{ field: 'subscription.endpoint' }],
    })
  }
})

test('a browser of any vendor is taken, and one on a private address where those are allowed', async () => {
  it = await createTestApp(VAPID)
  for (const endpoint of ['https://fcm.googleapis.com/fcm/send/x', 'https://10.push.example.org/x']) {
    expect((await register(endpoint)).status, endpoint).toBe(201)
  }
  await it.close()
  it = await createTestApp({ ...VAPID, PRIVATE_ADDRESSES: 'allow' })
  expect((await register('https://127.0.0.1/x')).status).toBe(201)
  expect(errorOf(await register('http://127.0.0.1/x'))).toMatchObject({ code: 'VALIDATION_ERROR' })
})
