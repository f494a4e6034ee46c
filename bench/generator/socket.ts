import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

/**
 * What a load client needs of RFC 6455 and nothing else: text frames, ping, close. Written out because the generator
 * shares two cores with what it measures, and a full client library costs more per frame than a lean server does.
 */
export interface LoadSocket {
  /** Sends one text frame; the text must be ASCII. */
  send(text: string): void
  /** Cuts the connection, as a client that dies does. */
  destroy(): void
}

export interface LoadSocketEvents {
  /** A text frame is `buffer[start, end)`, valid only during the call. */
  text(buffer: Buffer, start: number, end: number): void
  opened(): void
  /** Once, whoever ended it. */
  closed(why: string): void
}

export interface Address {
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

const TEXT = 1
const CLOSE = 8
const PING = 9
const PONG = 10
const FINAL = 0x80
const MASKED = 0x80
const MASK = randomBytes(4)
const HEAD_END = Buffer.from('\r\n\r\n')
const NOTHING = Buffer.alloc(0)

/** All sockets read into the same memory: each read is used up before the next one begins. */
const RECEIVED = Buffer.allocUnsafe(1 << 20)

/** openSocket connects over the loopback and asks for the upgrade. Failure: `closed`, never a throw. */
export function openSocket({ port, path, headers }: Address, events: LoadSocketEvents): LoadSocket {
  let rest: Buffer = NOTHING
  let isOpen = false
  let isClosed = false
  const tcp = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: {
      buffer: RECEIVED,
      callback(bytes) {
        receive(
          rest.length === 0 ? RECEIVED : Buffer.concat([rest, RECEIVED.subarray(0, bytes)]),
          rest.length + bytes,
        )
        return true
      },
    },
  })
  tcp.once('connect', () => tcp.write(toUpgrade(path, headers), 'latin1'))
  tcp.once('error', (error) => close(error.message))
  tcp.once('close', () => close('closed'))

  function close(why: string): void {
    if (isClosed) return
    isClosed = true
    tcp.destroy()
    events.closed(why)
  }

  function receive(buffer: Buffer, end: number): void {
    let at = 0
    if (!isOpen) {
      const head = buffer.subarray(0, end).indexOf(HEAD_END)
      if (head === -1) {
        rest = Buffer.from(buffer.subarray(0, end))
        return
      }
      const status = buffer.toString('latin1', 0, 12)
      if (status !== 'HTTP/1.1 101') {
        close(`refused: ${buffer.toString('latin1', 0, Math.min(end, 500))}`)
        return
      }
      isOpen = true
      at = head + HEAD_END.length
      events.opened()
    }
    at = readFrames(buffer, at, end, (opcode, from, to) => {
      if (opcode === TEXT) events.text(buffer, from, to)
      else if (opcode === PING) tcp.write(toFrame(PONG, buffer.toString('latin1', from, to)))
      else if (opcode === CLOSE) close(`close frame ${to - from >= 2 ? buffer.readUInt16BE(from) : ''}`)
    })
    rest = at === end ? NOTHING : Buffer.from(buffer.subarray(at, end))
  }

  return {
    send: (text) => void tcp.write(toFrame(TEXT, text)),
    destroy: () => close('destroyed'),
  }
}

/** readFrames hands over each whole frame of `buffer[at, end)` and answers where the first incomplete one begins. */
function readFrames(
  buffer: Buffer,
  at: number,
  end: number,
  take: (opcode: number, from: number, to: number) => void,
): number {
  let next = at
  while (end - next >= 2) {
    const first = buffer[next] ?? 0
    if ((first & FINAL) === 0) throw new Error('A fragmented frame: the load client does not read those')
    let length = (buffer[next + 1] ?? 0) & 0x7f
    let from = next + 2
    if (length === 126) {
      if (end - next < 4) break
      length = buffer.readUInt16BE(from)
      from += 2
    } else if (length === 127) {
      if (end - next < 10) break
      length = Number(buffer.readBigUInt64BE(from))
      from += 8
    }
    if (from + length > end) break
    take(first & 0x0f, from, from + length)
    next = from + length
  }
  return next
}

function toFrame(opcode: number, text: string): Buffer {
  const { length } = text
  const from = length < 126 ? 6 : 8
  if (length > 0xffff) throw new Error('A frame longer than 64 KiB')
  const frame = Buffer.allocUnsafe(from + length)
  frame[0] = FINAL | opcode
  if (from === 6) frame[1] = MASKED | length
  else {
    frame[1] = MASKED | 126
    frame.writeUInt16BE(length, 2)
  }
  MASK.copy(frame, from - 4)
  frame.write(text, from, 'latin1')
  for (let index = 0; index < length; index++) {
    frame[from + index] = (frame[from + index] ?? 0) ^ (MASK[index & 3] ?? 0)
  }
  return frame
}

function toUpgrade(path: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({
    Host: '127.0.0.1',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`)
  return [`GET ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n')
}
