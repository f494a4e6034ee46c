import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import { Socket as NetSocket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { Gateway } from '../../gateway/gateway.ts'
import type { Authenticated } from '../../gateway/ports.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { SUBPROTOCOL } from '../../protocol/version.ts'
import { createSocket } from './socket.ts'

/** Handshakes under way at once: enough to keep the database busy, few enough to leave everybody else their share. */
const MOST_HANDSHAKES = 32

interface Handshake {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

export interface UpgradePorts {
  readonly gateway: Gateway
  /** The app: its `/ws` route authenticates and answers by `accept`. */
  readonly fetch: (request: Request, env: { incoming: IncomingMessage }) => Response | Promise<Response>
  readonly onFault: (fault: { error: unknown }) => void
}

export interface Upgrades {
  /** For the app's `/ws` route: lets the socket of this request in. */
  accept(incoming: IncomingMessage, authenticated: Authenticated): Response
  /** Takes the upgrade requests of this server. */
  listen(server: Server): void
}

/**
 * createUpgrades routes upgrade requests through the app and hands accepted sockets to the gateway. By hand and not
 * by node-server's `upgradeWebSocket`, which loses the body of a refusal and keeps the whole request in memory as
 * long as the socket lives.
 */
export function createUpgrades({ gateway, fetch, onFault }: UpgradePorts): Upgrades {
  const accepted = new WeakMap<IncomingMessage, Authenticated>()
  const server = new WebSocketServer(OPTIONS)

  const waiting: Handshake[] = []
  let underWay = 0

  /** Between two of them the event loop turns, so that a storm of handshakes holds no chat up. */
  function next(): void {
    if (underWay === MOST_HANDSHAKES) return
    const handshake = waiting.shift()
    if (!handshake) return
    underWay += 1
    upgrade(handshake)
      .catch((error: unknown) => {
        onFault({ error })
        handshake.socket.destroy()
      })
      .finally(() => {
        underWay -= 1
        setImmediate(next)
      })
  }

  async function upgrade({ incoming, socket, head }: Handshake): Promise<void> {
    if (socket.destroyed) return
    const response = await fetch(toRequest(incoming), { incoming })
    const authenticated = accepted.get(incoming)
    if (!authenticated) return answer(socket, response)
    server.handleUpgrade(incoming, socket, head, (ws) => attach(ws, socket, authenticated))
  }

  function attach(ws: WebSocket, socket: Duplex, authenticated: Authenticated): void {
    if (!(socket instanceof NetSocket)) throw new Error('A WebSocket needs a network socket')
    const connection = gateway.connect({ ...authenticated, socket: createSocket(ws, socket) })
    // A throw in a socket's handler would end the process: nothing that a client sends may.
    const guarded = (run: () => void) => {
      try {
        run()
      } catch (error) {
        onFault({ error })
        connection.close('badFrame')
      }
    }
    ws.on('message', (data: Buffer, isBinary) =>
      guarded(() => (isBinary ? connection.receiveBinary() : connection.receive(data.toString()))),
    )
    ws.on('pong', () => connection.heard())
    // ws tells why and closes by itself within its timeout; destroyed with unread input, TCP would take the reason back.
    ws.on('error', () => {})
    ws.on('close', () => connection.disconnect())
  }

  return {
    accept(incoming, authenticated) {
      accepted.set(incoming, authenticated)
      return new Response(null)
    },
    listen(http) {
      http.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
        socket.on('error', () => socket.destroy())
        waiting.push({ incoming, socket, head })
        next()
      })
    },
  }
}

/** The types of `ws` do not know `closeTimeout` and the bounds on fragments yet. */
const OPTIONS: ServerOptions & { closeTimeout: number; maxFragments: number; maxBufferedChunks: number } = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: LIMITS.frameBytes,
  maxFragments: 64,
  maxBufferedChunks: 1_024,
  // A reader that is slow or silent does not answer a close either: its memory is taken back after this.
  closeTimeout: 2_000,
  handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
}

function toRequest({ url, headers }: IncomingMessage): Request {
  const list = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
  )
  return new Request(new URL(url ?? '/', `http://${headers.host ?? 'localhost'}`), { headers: list })
}

/** A refusal, as an ordinary HTTP answer on the raw socket. */
async function answer(socket: Duplex, response: Response): Promise<void> {
  const body = Buffer.from(await response.arrayBuffer())
  const headers = [...response.headers].filter(([name]) => name !== 'content-length' && name !== 'connection')
  const lines = [
    `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
    'connection: close',
  ]
  socket.end(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]))
}
