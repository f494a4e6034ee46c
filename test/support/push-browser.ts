import { createDecipheriv, createECDH, createHmac, hkdfSync, randomBytes } from 'node:crypto'

/** createPushKeys makes a pair on P-256, as browsers and VAPID have them. */
export function createPushKeys() {
  const pair = createECDH('prime256v1')
  pair.generateKeys()
  return { open: pair.getPublicKey('base64url'), secret: pair.getPrivateKey('base64url'), pair }
}

/** PushBrowser is a browser that has subscribed to pushes. */
export interface PushBrowser {
  readonly subscription: {
    readonly endpoint: string
    readonly keys: { readonly p256dh: string; readonly auth: string }
  }
  /** Decrypts what only this browser can read; throws where it is not for it, or not whole. */
  read(body: Uint8Array): unknown
}

export function createPushBrowser(endpoint: string): PushBrowser {
  const keys = createPushKeys()
  const auth = randomBytes(16)
  return {
    subscription: { endpoint, keys: { p256dh: keys.open, auth: auth.toString('base64url') } },
    read: (body) => JSON.parse(decrypt(Buffer.from(body), keys, auth)),
  }
}

/** As a browser does: RFC 8291 over RFC 8188. */
function decrypt(body: Buffer, { pair, open }: ReturnType<typeof createPushKeys>, auth: Buffer): string {
  const salt = body.subarray(0, 16)
  const length = body[20] ?? 0
  const sender = body.subarray(21, 21 + length)
  const record = body.subarray(21 + length)
  const shared = pair.computeSecret(sender)
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), Buffer.from(open, 'base64url'), sender])
  const extracted = createHmac('sha256', auth).update(shared).digest()
  const ikm = createHmac('sha256', extracted)
    .update(Buffer.concat([info, Buffer.from([1])]))
    .digest()
  const key = Buffer.from(hkdfSync('sha256', ikm, salt, 'Content-Encoding: aes128gcm\0', 16))
  const nonce = Buffer.from(hkdfSync('sha256', ikm, salt, 'Content-Encoding: nonce\0', 12))
  const cipher = createDecipheriv('aes-128-gcm', key, nonce)
  cipher.setAuthTag(record.subarray(-16))
  const padded = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()])
  return padded.subarray(0, padded.lastIndexOf(2)).toString()
}
