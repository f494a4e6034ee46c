import {
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { RequestFilteringHttpsAgent } from 'request-filtering-agent'
import type { Answer, Post } from '../../workers/ports.ts'

/** Milliseconds from the beginning of a request to the end of its answer. */
const TIMEOUT = 10_000
/** Bytes of an answer that are read; the rest is not waited for. */
const MOST_READ = 65_536
/** Sockets to one host at once, some of which are kept for the next request. */
const SOCKETS = { keepAlive: true, maxSockets: 16, timeout: TIMEOUT }

const trusted = { 'http:': new HttpAgent(SOCKETS), 'https:': new HttpsAgent(SOCKETS) }
/** Looks at the address that a name has come to, at the moment it connects: a name may be anybody's. */
const filtering = new RequestFilteringHttpsAgent(SOCKETS)

/** post is HTTP on Node: no redirects are followed, and addresses that are not public are refused unless trusted. */
export const post: Post = ({ url, headers, body, isTrusted }) => {
  const { protocol } = new URL(url)
  const isSecure = protocol === 'https:'
  if (!isSecure && !(isTrusted && protocol === 'http:')) {
    return Promise.reject(new Error(`Only https is spoken to others, not ${protocol}`))
  }
  const agent = isTrusted ? trusted[isSecure ? 'https:' : 'http:'] : filtering
  const length = String(Buffer.byteLength(body))
  const options: RequestOptions = {
    method: 'POST',
    agent,
    signal: AbortSignal.timeout(TIMEOUT),
    headers: { 'User-Agent': 'parley', ...headers, 'Content-Length': length },
  }
  return ask(isSecure ? requestHttps : requestHttp, { url, options, body })
}

interface Asking {
  readonly url: string
  readonly options: RequestOptions
  readonly body: string | Uint8Array
}

/** Whoever is asked may close a kept connection just as it is used again. Then the next one is tried, or a new one. */
function ask(send: typeof requestHttp, asking: Asking): Promise<Answer> {
  const { url, options, body } = asking
  return new Promise((resolve, reject) => {
    const request = send(url, options, (response) => read(response).then(resolve, reject))
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (options.signal?.aborted) reject(new Error('No answer within 10 s'))
      else if (request.reusedSocket && error.code === 'ECONNRESET') resolve(ask(send, asking))
      else reject(error)
    })
    request.end(body)
  })
}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    chunks.push(chunk)
    size += chunk.length
    if (size > MOST_READ) break
  }
  return {
    status: response.statusCode ?? 0,
    retryAfter: response.headers['retry-after'] ?? null,
    body: Buffer.concat(chunks).subarray(0, MOST_READ).toString(),
  }
}
