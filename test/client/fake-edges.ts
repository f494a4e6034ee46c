import { ParleyError } from '../../src/client/error.ts'
import type { Edges, OpenSocket, SocketEvents, TokenSource } from '../../src/client/ports.ts'
import type { ErrorCode } from '../../src/protocol/errors.ts'
import type { ClientFrame, ServerFrame } from '../../src/protocol/frames.ts'
import { PING, PONG, PROTOCOL_VERSION } from '../../src/protocol/version.ts'
import { AT, uuid } from '../support/builders.ts'
import { createTestClock, type TestClock } from '../support/test-clock.ts'
import { userOf } from './served-chat.ts'

export interface TestEdges extends Edges {
  readonly clock: TestClock
}

/** Time stands still until it is moved, chance is always the middle, ids count from 1,000. */
export function createTestEdges(): TestEdges {
  let ids = 999
  return {
    clock: createTestClock(Date.parse(AT)),
    random: () => 0.5,
    uuid: () => {
      ids += 1
      return uuid(ids)
    },
  }
}

/** settled resolves when every promise that can settle now has. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** FakeSocket is the network's side of one socket. */
export class FakeSocket {
  readonly token: string
  readonly sent: ClientFrame[] = []
  /** How often the client asked whether anybody is there. */
  pings = 0
  isClosed = false
  readonly #events: SocketEvents

  constructor(token: string, events: SocketEvents) {
    this.token = token
    this.#events = events
  }

  get last(): ClientFrame | undefined {
    return this.sent.at(-1)
  }

  types(): string[] {
    return this.sent.map(({ type }) => type)
  }

  say(frame: ServerFrame): Promise<void> {
    this.#events.received(JSON.stringify(frame))
    return settled()
  }

  hello(more: { logId?: string; expiresAt?: string; protocolVersion?: number } = {}): Promise<void> {
    const limits = { messageCharacters: 10_000, frameBytes: 65_536, groupParticipants: 300 }
    return this.say({
      type: 'hello',
      data: {
        ...{
          connectionId: 'c',
          protocolVersion: PROTOCOL_VERSION,
          user: userOf(1),
          logId: 'log-1',
          heartbeatMs: 25_000,
        },
        ...{ serverTime: AT, expiresAt: '2026-01-01T00:15:00.000Z', limits },
        ...more,
      },
    })
  }

  pong(): void {
    this.#events.received(PONG)
  }

  /** Answers the last frame. */
  ack(data: object, frame = this.last): Promise<void> {
    return this.say({ type: 'ack', id: frame?.id ?? '', data } as ServerFrame)
  }

  refuse(code: ErrorCode, frame = this.last): Promise<void> {
    const error = { code, message: 'no', details: [], timestamp: AT, requestId: 'r' }
    return this.say({ type: 'error', id: frame?.id ?? '', error })
  }

  end(code = 1006): Promise<void> {
    this.#events.closed(code)
    return settled()
  }
}

/** FakeNetwork is where sockets are opened. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = []

  readonly open: OpenSocket = (token, events) => {
    const socket = new FakeSocket(token, events)
    this.sockets.push(socket)
    return {
      send: (text) => {
        if (text === PING) socket.pings += 1
        else socket.sent.push(JSON.parse(text) as ClientFrame)
      },
      close: () => {
        socket.isClosed = true
      },
    }
  }

  get socket(): FakeSocket {
    const last = this.sockets.at(-1)
    if (!last) throw new Error('No socket was opened')
    return last
  }
}

/** Tokens `token-1`, `token-2`, ...: each renewal gives the next, until the session is over. */
export function createTestTokens(): TokenSource & { isOver: boolean; count: number } {
  const source = {
    isOver: false,
    count: 1,
    async get() {
      if (source.isOver) throw new ParleyError('UNAUTHORIZED', 'The session is over')
      return `token-${source.count}`
    },
    renew() {
      source.count += 1
      return source.get()
    },
  }
  return source
}
