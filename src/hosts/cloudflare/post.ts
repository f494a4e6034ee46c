import { isPublicHost } from '../../routes/address.ts'
import type { Post } from '../../workers/ports.ts'

/** Milliseconds from the beginning of a request to the end of its answer. */
const TIMEOUT = 10_000
/** Bytes of an answer that are read. */
const MOST_READ = 65_536

/**
 * post is HTTP by `fetch`. The runtime connects to public addresses alone, whatever a name comes to, unless it is
 * configured otherwise; addresses that are written out are looked at here. See `Network` in its workerd.capnp.
 */
export const post: Post = async ({ url, headers, body, isTrusted }) => {
  const { protocol, hostname } = new URL(url)
  if (!isTrusted && !(protocol === 'https:' && isPublicHost(hostname))) {
    throw new Error('Only https to public addresses is spoken to others: not allowed')
  }
  const signal = AbortSignal.timeout(TIMEOUT)
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  const retryAfter = response.headers.get('Retry-After')
  return { status: response.status, retryAfter, body: await readBeginning(response.body) }
}

async function readBeginning(stream: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of stream ?? []) {
    text += decoder.decode(chunk, { stream: true })
    size += chunk.length
    if (size > MOST_READ) break
  }
  return text
}
