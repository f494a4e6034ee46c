import type { Socket as NetSocket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Frames, Socket } from '../../gateway/ports.ts'
import { CLOSES, type CloseReason } from '../../protocol/errors.ts'
import { LIMITS } from '../../protocol/limits.ts'

const TEXT_FRAME = 0x81
const NOTHING = Buffer.alloc(0)

const corked: NetSocket[] = []

/**
 * createSocket writes frames to the network below `ws`: the header is built once per event and the same bytes go to
 * every socket, and all writes of one pass of the event loop leave in one system call. `ws` would build a header and
 * make a call per frame and socket, which is most of what a delivery costs.
 */
export function createSocket(ws: WebSocket, net: NetSocket): Socket {
  /** Frames written since the network last took all. */
  let queuedFrames = 0

  return {
    send(frames) {
      if (ws.readyState !== ws.OPEN) return
      if (net.writableLength === 0) queuedFrames = 0
      queuedFrames += frames.texts.length
      cork(net)
      net.write(bytesOf(frames))
    },
    isSlow: () =>
      net.writableLength > LIMITS.queuedBytes ||
      (queuedFrames > LIMITS.queuedFrames && net.writableNeedDrain),
    drained: () =>
      ws.readyState !== ws.OPEN || net.writableLength === 0
        ? Promise.resolve()
        : new Promise((resolve) => net.write(NOTHING, () => resolve())),
    ping() {
      if (ws.readyState === ws.OPEN) ws.ping()
    },
    close: (reason: CloseReason) => ws.close(CLOSES[reason].code, reason),
  }
}

function cork(net: NetSocket): void {
  if (net.writableCorked > 0) return
  net.cork()
  if (corked.push(net) === 1) process.nextTick(uncorkAll)
}

function uncorkAll(): void {
  for (const net of corked.splice(0)) net.uncork()
}

function bytesOf(frames: Frames): Buffer {
  frames.encoded ??= encode(frames.texts)
  return frames.encoded as Buffer
}

/** Unmasked text frames, as a server sends them (RFC 6455, 5.2), one after another. */
function encode(texts: readonly string[]): Buffer {
  const sizes = texts.map((text) => Buffer.byteLength(text))
  const total = sizes.reduce((sum, size) => sum + headerSize(size) + size, 0)
  const buffer = Buffer.allocUnsafe(total)
  let at = 0
  texts.forEach((text, index) => {
    at = writeHeader(buffer, at, sizes[index] ?? 0)
    at += buffer.write(text, at)
  })
  return buffer
}

function headerSize(size: number): number {
  return size < 126 ? 2 : size < 65_536 ? 4 : 10
}

function writeHeader(buffer: Buffer, start: number, size: number): number {
  const at = buffer.writeUInt8(TEXT_FRAME, start)
  if (size < 126) return buffer.writeUInt8(size, at)
  if (size < 65_536) return buffer.writeUInt16BE(size, buffer.writeUInt8(126, at))
  return buffer.writeBigUInt64BE(BigInt(size), buffer.writeUInt8(127, at))
}
