import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** How the provider answers: well, or in one of the ways in which providers fail. */
export type Mood = 'well' | 'slow' | 'busy' | 'broken' | 'hanging' | 'lying' | 'endless' | 'redirecting'

const SLOW = 1_000
/** Seconds that it asks to be left alone when busy. */
const RETRY_AFTER = 1

export interface Received {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** Milliseconds of `performance.now()`. */
  readonly at: number
  /** The sender was told that it was done. */
  readonly isTaken: boolean
}

/** Provider is an HTTP server that plays a push provider, or whoever gets webhooks. */
export interface Provider {
  readonly url: string
  mood: Mood
  readonly received: readonly Received[]
  /** Resolves when so many were taken in all. */
  taken(count: number): Promise<readonly Received[]>
  /** Resolves when so many came, taken or not. */
  came(count: number): Promise<readonly Received[]>
  close(): Promise<void>
}

/** createProvider listens on a free port of this machine, unless it is told where. */
export async function createProvider({ port = 0, host = '127.0.0.1' } = {}): Promise<Provider> {
  const received: Received[] = []
  const waiting = new Set<() => void>()
  const sockets = new Set<Socket>()
  let mood: Mood = 'well'

  const server = createServer(async (request, response) => {
    const now = mood
    let text = ''
    for await (const chunk of request) text += chunk
    const { url: path = '', headers } = request
    const isTaken = now === 'well' || now === 'slow'
    if (now === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW))
    answer(now, response)
    received.push({ path, headers, text, isTaken, at: performance.now() })
    for (const look of waiting) look()
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(port, host)
  await once(server, 'listening')

  function until(found: () => readonly Received[], count: number): Promise<readonly Received[]> {
    return new Promise((resolve) => {
      const look = () => {
        const all = found()
        if (all.length < count) return
        waiting.delete(look)
        resolve(all)
      }
      waiting.add(look)
      look()
    })
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get mood() {
      return mood
    },
    set mood(it) {
      mood = it
    },
    received,
    taken: (count) => until(() => received.filter(({ isTaken }) => isTaken), count),
    came: (count) => until(() => received, count),
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function answer(mood: Mood, response: ServerResponse): void {
  switch (mood) {
    case 'well':
    case 'slow':
      response.end(JSON.stringify({ id: randomUUID() }))
      return
    case 'busy':
      response.writeHead(429, { 'Retry-After': String(RETRY_AFTER) }).end('{}')
      return
    case 'broken':
      response.writeHead(500).end('down for maintenance')
      return
    case 'lying':
      response.end(JSON.stringify({ id: '', errors: ['All included players are not subscribed'] }))
      return
    case 'redirecting':
      response.writeHead(307, { Location: '/elsewhere' }).end()
      return
    case 'endless':
      pour(response)
      return
    case 'hanging':
      return
    default:
      mood satisfies never
  }
}

/** An answer that never ends, until nobody listens any more. */
function pour(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write('x'.repeat(16_384)));
  }
  response.writeHead(200).on('drain', more)
  more()
}
