import { TIMES } from '../protocol/limits.ts'

/** A URL stays the same for this long, so that a browser asks for each file once. */
const STEADY = TIMES.signedUrl / 2

/** windowOf is the span that signed URLs of this moment share: they are good for half an hour at least, an hour at most. */
export function windowOf(now: number): { readonly startsAt: number; readonly expiresAt: number } {
  const startsAt = Math.floor(now / STEADY) * STEADY
  return { startsAt, expiresAt: startsAt + TIMES.signedUrl }
}

/** UrlSigner signs paths with their query, by HMAC-SHA-256, for stores that have no server of their own. */
export interface UrlSigner {
  /** The path with its parameters and their signature. */
  sign(path: string, parameters: Readonly<Record<string, string>>): Promise<string>
  /** The parameters, if the signature is of this path and of them. */
  verify(url: URL): Promise<Readonly<Record<string, string>> | undefined>
}

export async function createUrlSigner(secret: string): Promise<UrlSigner> {
  const text = new TextEncoder()
  const key = await crypto.subtle.importKey(
    'raw',
    // Another key than that of the tokens, which the same secret signs.
    text.encode(`parley blobs ${secret}`),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign', 'verify'],
  )

  const bytesOf = (path: string, query: URLSearchParams) => text.encode(`${path}?${query}`)

  return {
    async sign(path, parameters) {
      const query = new URLSearchParams(parameters)
      query.sort()
      const signature = await crypto.subtle.sign('HMAC', key, bytesOf(path, query))
      query.set('signature', toHex(new Uint8Array(signature)))
      return `${path}?${query}`
    },
    async verify({ pathname, searchParams }) {
      const query = new URLSearchParams(searchParams)
      const signature = fromHex(query.get('signature') ?? '')
      query.delete('signature')
      query.sort()
      const isOurs = await crypto.subtle.verify('HMAC', key, signature, bytesOf(pathname, query))
      return isOurs ? Object.fromEntries(query) : undefined
    },
  }
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/[\da-f]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16))
}
