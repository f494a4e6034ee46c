import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** How the store answers: well, or in one of the ways in which stores fail. */
export type StoreMood = 'well' | 'broken' | 'denied' | 'slow' | 'resetting' | 'hanging'

const NAME = 'faults'
const SLOW = 5_000

/** Bucket is an HTTP server that plays S3: as much of it as the service asks for, and whoever asks. */
export interface Bucket {
  /** What an instance is started with to keep its files here. */
  readonly settings: NodeJS.ProcessEnv
  mood: StoreMood
  /** Of all that was put to its end. */
  readonly keys: readonly string[]
  close(): Promise<void>
}

export async function createBucket(): Promise<Bucket> {
  const files = new Map<string, Buffer>()
  const sockets = new Set<Socket>()
  let mood: StoreMood = 'well'

  const server = createServer((request, response) => {
    const now = mood
    answer(now, files, { request, response }).catch(() => response.destroy())
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    settings: {
      S3_BUCKET: NAME,
      S3_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'faults',
      AWS_SECRET_ACCESS_KEY: 'faults',
    },
    get mood() {
      return mood
    },
    set mood(it) {
      mood = it
    },
    get keys() {
      return [...files.keys()]
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

async function answer(mood: StoreMood, files: Map<string, Buffer>, asked: Asked): Promise<void> {
  const { request, response } = asked
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece)
  const body = Buffer.concat(pieces)
  switch (mood) {
    case 'slow':
      await sleep(SLOW)
      return serve(files, body, asked)
    case 'well':
      return serve(files, body, asked)
    case 'broken':
      return void response.writeHead(500).end()
    case 'denied':
      return void response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>')
    case 'resetting':
      return void request.socket.destroy()
    case 'hanging':
      return
    default:
      mood satisfies never
  }
}

/** Whoever has gone meanwhile has what was done nevertheless. */
function serve(files: Map<string, Buffer>, body: Buffer, { request, response }: Asked): void {
  const { pathname } = new URL(request.url ?? '', 'http://s3')
  const key = decodeURIComponent(pathname.slice(NAME.length + 2))
  const found = files.get(key)
  if (request.method === 'PUT') files.set(key, body)
  if (request.method === 'POST') {
    for (const [, removed = ''] of body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)) files.delete(removed)
    response.end('<DeleteResult/>')
  } else if (request.method === 'GET') response.writeHead(found ? 200 : 404).end(found)
  else response.end()
}
