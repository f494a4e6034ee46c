import { LINES, SUBPROTOCOL } from '../protocol/version.ts'
import type { Clock, OpenSocket } from './ports.ts'

/** When there is no close frame. */
const CLOSED_ABNORMALLY = 1006
const IS_OPEN = 1

/** What is used of a WebSocket: that of browsers, of Node, and of the `ws` package alike. */
export interface WebSocketLike {
  readonly readyState: number
  send(data: string): void
  close(): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { readonly code: number }) => void): void
  addEventListener(type: 'error', listener: (event: unknown) => void): void
}

export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike

/** createOpenSocket opens sockets of one service. The token goes as a subprotocol: browsers can send no header. */
export function createOpenSocket(url: string, Socket: WebSocketConstructor): OpenSocket {
  const address = new URL('/ws', url)
  address.protocol = address.protocol.replace('http', 'ws')
  return (token, events) => {
    let socket: WebSocketLike
    try {
      socket = new Socket(address.href, [SUBPROTOCOL, LINES, `bearer.${token}`])
    } catch {
      queueMicrotask(() => events.closed(CLOSED_ABNORMALLY))
      return { send() {}, close() {} }
    }
    socket.addEventListener('message', ({ data }) => {
      if (typeof data !== 'string') return
      for (const text of data.split('\n')) events.received(text)
    })
    socket.addEventListener('close', ({ code }) => events.closed(code))
    socket.addEventListener('error', () => {}) // a close follows
    return {
      send(text) {
        if (socket.readyState === IS_OPEN) socket.send(text)
      },
      close: () => socket.close(),
    }
  }
}

/** createClock is the wall clock: unlike the monotonic one it goes on while a laptop sleeps. */
export function createClock(): Clock {
  return {
    now: () => Date.now(),
    after(milliseconds, run) {
      const timer = setTimeout(run, milliseconds)
      return () => clearTimeout(timer)
    },
  }
}

/**
 * createUuids makes UUIDv7s (RFC 9562), each greater than the one before: 48 bits of time, 12 of a counter, 62 of
 * chance. Hand-written so that a browser loads nothing for it.
 */
export function createUuids(clock: Clock): () => string {
  let time = 0
  let count = 0
  return () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16))
    const view = new DataView(bytes.buffer)
    const now = clock.now()
    if (now > time) {
      time = now
      count = view.getUint16(6) & 0x7ff
    } else {
      count += 1
      if (count > 0xfff) {
        time += 1
        count = 0
      }
    }
    view.setUint16(0, Math.floor(time / 2 ** 32))
    view.setUint32(2, time % 2 ** 32)
    view.setUint16(6, 0x7000 | count)
    view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f))
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  }
}
