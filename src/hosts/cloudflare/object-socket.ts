import type { Socket } from '../../gateway/ports.ts'
import { CLOSES } from '../../protocol/errors.ts'
import { LIMITS } from '../../protocol/limits.ts'
import { utf8Bytes } from '../../protocol/text.ts'

/** Message too big: RFC 6455, 7.4.1. */
const TOO_BIG = 1009
/** No code, no close frame, no TLS: the same section. */
const NO_CODES = [1005, 1006, 1015]

export interface SocketOptions {
  /** The client takes several frames in one message, one a line: what a message costs here is paid once for all. */
  readonly takesLines: boolean
  readonly onClose: () => void
}

/**
 * createSocket gives a platform socket to a connection. The platform has no pings to send and tells not how much waits
 * for the network: it takes what is sent, answers the pings of clients by itself, and ends a socket whose client is gone.
 */
export function createSocket(socket: WebSocket, { takesLines, onClose }: SocketOptions): Socket {
  return {
    send({ texts }) {
      if (socket.readyState !== WebSocket.OPEN) return
      for (const text of takesLines ? toMessages(texts) : texts) socket.send(text)
    },
    isSlow: () => false,
    drained: () => Promise.resolve(),
    ping() {},
    close(reason) {
      if (socket.readyState === WebSocket.OPEN) socket.close(CLOSES[reason].code, reason)
      onClose()
    },
  }
}

/** closeIfTooBig closes a socket whose client sent more than a frame may have, which the platform lets through. */
export function closeIfTooBig(socket: WebSocket, message: string | ArrayBuffer): boolean {
  const size = typeof message === 'string' ? utf8Bytes(message) : message.byteLength
  if (size <= LIMITS.frameBytes) return false
  socket.close(TOO_BIG, 'A frame has at most 64 KiB')
  return true
}

/** answerClose closes with what the client closed with, but for the codes that only say that there was none. */
export function answerClose(socket: WebSocket, code: number, reason: string): void {
  if (NO_CODES.includes(code)) socket.close()
  else socket.close(code, reason)
}

/** Joins frames up to what a client's frame may have; JSON holds no line break of its own. */
function toMessages(texts: readonly string[]): string[] {
  const messages: string[] = []
  let last = ''
  for (const text of texts) {
    if (last !== '' && last.length + text.length >= LIMITS.frameBytes) {
      messages.push(last)
      last = ''
    }
    last = last === '' ? text : `${last}\n${text}`
  }
  return last === '' ? messages : [...messages, last]
}
