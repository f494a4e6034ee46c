import { EventEmitter, once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { importJWK, jwtVerify } from 'jose'
import { createCertificates } from './certificates.ts'
import { createPushBrowser, createPushKeys, type PushBrowser } from './push-browser.ts'

const SUBJECT = 'mailto:ops@example.org'
/** What push services take at most: bytes, by RFC 8030, 7.2, and seconds until a token ends, by RFC 8292, 2. */
const MOST_BYTES = 4_096
const MOST_SECONDS = 86_400

/** PushVendor is the push service of a browser's vendor, by HTTPS on this machine, and a browser that has subscribed there. */
export interface PushVendor {
  /** The settings of the one who may push to the browser. */
  readonly settings: Readonly<Record<string, string>>
  /** File of the authority that vouches for it, in PEM. */
  readonly ca: string
  readonly subscription: PushBrowser['subscription']
  /** The browser has unsubscribed: 410 from now on. */
  isGone: boolean
  /** What the browser reads of the next push. Rejects where the push service would not take it. */
  next(): Promise<unknown>
  close(): Promise<void>
}

export async function startPushVendor(): Promise<PushVendor> {
  const { folder, ca, cert, key } = createCertificates('localhost')
  const vapid = createPushKeys()
  const pushes = new EventEmitter()
  const server = createServer(
    { cert: readFileSync(cert), key: readFileSync(key) },
    async (request, response) => {
      const body = await buffer(request)
      if (it.isGone) return response.writeHead(410).end()
      try {
        await check(request, { body, origin, vapidKey: vapid.open })
        pushes.emit('push', browser.read(body))
        response.writeHead(201, { Location: `${origin}/sent` }).end()
      } catch (error) {
        response.writeHead(400).end(String(error))
        pushes.emit('error', error)
      }
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `https://localhost:${(server.address() as AddressInfo).port}`
  const browser = createPushBrowser(`${origin}/of-a-browser`)

  const it: PushVendor = {
    settings: { VAPID_PUBLIC_KEY: vapid.open, VAPID_PRIVATE_KEY: vapid.secret, VAPID_SUBJECT: SUBJECT },
    ca,
    subscription: browser.subscription,
    isGone: false,
    next: async () => (await once(pushes, 'push'))[0],
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return it
}

interface Expected {
  readonly body: Uint8Array
  readonly origin: string
  /** The key that the browser has subscribed with. */
  readonly vapidKey: string
}

/** Throws where the push is not as RFC 8030 and RFC 8292 have it. */
async function check({ method, url, headers }: IncomingMessage, { body, origin, vapidKey }: Expected) {
  const { authorization = '', ttl = '', topic = '', 'content-encoding': encoding } = headers
  const [, token = '', key] = /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(authorization) ?? []
  const point = Buffer.from(vapidKey, 'base64url')
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString('base64url'))
  const publicKey = await importJWK({ kty: 'EC', crv: 'P-256', ...(x && y && { x, y }) }, 'ES256')
  const { payload } = await jwtVerify(token, publicKey, { algorithms: ['ES256'], audience: origin })
  const seconds = (payload.exp ?? Number.POSITIVE_INFINITY) - Date.now() / 1_000
  const isGood =
    `${method} ${url}` === 'POST /of-a-browser' &&
    key === vapidKey &&
    payload.sub === SUBJECT &&
    seconds < MOST_SECONDS &&
    /^\d+$/.test(ttl.toString()) &&
    /^[\w-]{1,32}$/.test(topic.toString()) &&
    encoding === 'aes128gcm' &&
    body.length <= MOST_BYTES
  if (!isGood) throw new Error(`No push service takes ${method} ${url} with ${JSON.stringify(headers)}`)
}
