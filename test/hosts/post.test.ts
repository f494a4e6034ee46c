import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { post as edgePost } from '../../src/hosts/cloudflare/post.ts'
import { post as nodePost } from '../../src/hosts/node/post.ts'
import type { Delivery, Post } from '../../src/workers/ports.ts'
import { createSender } from '../../src/workers/sender.ts'
import { uuid } from '../support/builders.ts'
import { createPushBrowser, createPushKeys } from '../support/push-browser.ts'

type Address = { readonly address: string; readonly family: 4 | 6 }

const v4 = (address: string): Address => ({ address, family: 4 })
const v6 = (address: string): Address => ({ address, family: 6 })
/** Passes for public, and cannot be connected to, as it is of the other family: no test reaches out. */
const PUBLIC = v6('8.8.8.8')

const vapid = createPushKeys()
const notification = {
  ...{ key: uuid(1), title: 'Ann', body: 'Tea?', link: '/', chatId: uuid(2), messageId: uuid(3) },
  ...{ userId: uuid(4), unread: 1 },
}

/** What is said to whoever is at the URL: by the operator's word, or by that of anybody who has an account. */
const DELIVERIES: [via: string, (url: string) => Delivery][] = [
  ['webhook', (url) => ({ via: 'webhook', url, id: 'chat_7', body: '{}' })],
  ['webpush', (url) => ({ via: 'webpush', subscription: createPushBrowser(url).subscription, notification })],
]

function createSend(post: Post, PRIVATE_ADDRESSES = 'refuse') {
  const settings = parseConfig({
    VAPID_PUBLIC_KEY: vapid.open,
    VAPID_PRIVATE_KEY: vapid.secret,
    VAPID_SUBJECT: 'mailto:ops@example.org',
    WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    PRIVATE_ADDRESSES,
  })
  return createSender(settings, post)
}

describe.each([
  ['Node', nodePost],
  ['Cloudflare', edgePost],
])('on %s', (_, post) => {
  test.each([
    'https://127.0.0.1:1/',
    'https://2130706433:1/',
    'https://localhost:1/',
    'https://0.0.0.0:1/',
    'https://10.0.0.1/',
    'https://100.100.100.200/',
    'https://169.254.169.254/',
    'https://224.0.0.1/',
    'https://[::]:1/',
    'https://[::1]:1/',
    'https://[::ffff:10.0.0.1]/',
    'https://[64:ff9b::10.0.0.1]/',
    'https://[2002:a00:1::]/',
    'https://[fd12:3456::1]/',
    'https://[fe80::1]/',
  ])('nothing goes to the private address %s', async (url) => {
    for (const [, to] of DELIVERIES) {
      expect(await createSend(post)(to(url))).toMatchObject({
        status: 'failed',
        error: expect.stringContaining('not allowed'),
      })
    }
  })
})

describe.each(DELIVERIES)('on Node a %s', (_, to) => {
  const lookup = dns.lookup
  let server: Server
  let connections: number
  let url: string
  let lookups: number

  beforeEach(async () => {
    connections = 0
    lookups = 0
    server = createServer((socket) => {
      connections += 1
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `https://hooks.example.org:${(server.address() as AddressInfo).port}/`
  })
  afterEach(async () => {
    answerWith(lookup)
    await new Promise((resolve) => server.close(resolve))
  })

  function answerWith(its: typeof dns.lookup): void {
    dns.lookup = its
    syncBuiltinESMExports()
  }

  /** The name has these addresses when it is looked up for the first time, for the second, and so on. */
  function name(...answers: Address[][]): void {
    const fake = (_name: string, options: dns.LookupOptions, done: (...result: unknown[]) => void) => {
      const addresses = answers[Math.min(lookups, answers.length - 1)] ?? []
      lookups += 1
      const [first] = addresses
      setImmediate(() => (options.all ? done(null, addresses) : done(null, first?.address, first?.family)))
    }
    answerWith(fake as typeof dns.lookup)
  }

  test.each([
    ['of this machine', [v4('127.0.0.1')]],
    ['of this machine by IPv6', [v6('::1')]],
    ['of this machine, as IPv6 writes it', [v6('::ffff:127.0.0.1')]],
    ['of a network of one’s own', [v4('10.1.2.3')]],
    ['where clouds keep credentials', [v4('169.254.169.254')]],
    ['that are public and of this machine', [PUBLIC, v4('127.0.0.1')]],
  ])('is refused where the name has addresses %s', async (_, addresses) => {
    name(addresses)
    expect(await createSend(nodePost)(to(url))).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('not allowed'),
    })
    expect(connections).toBe(0)
  })

  test('goes to the address that was looked at: the name is looked up once for each connection', async () => {
    name([PUBLIC], [v4('127.0.0.1')])
    const send = createSend(nodePost)
    expect(await send(to(url))).toMatchObject({ error: expect.stringContaining('8.8.8.8') })
    expect(lookups).toBe(1)
    expect(await send(to(url))).toMatchObject({ error: expect.stringContaining('not allowed') })
    expect(lookups).toBe(2)
    expect(connections).toBe(0)
  })

  test('goes there where private addresses are allowed', async () => {
    name([v4('127.0.0.1')])
    expect(await createSend(nodePost, 'allow')(to(url))).toMatchObject({ status: 'failed' })
    expect(connections).toBe(1)
  })
})
