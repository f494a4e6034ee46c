import type { Socket } from '../../gateway/ports.ts'
import { CLOSES } from '../../protocol/errors.ts'

/**
 * createSocket gives a platform socket to a connection. The platform has no pings to send and tells not how much waits
 * for the network: it takes what is sent, answers the pings of clients by itself, and ends a socket whose client is gone.
 */
export function createSocket(socket: WebSocket, onClose: () => void): Socket {
  return {
    send({ texts }) {
      if (socket.readyState !== WebSocket.OPEN) return
      for (const text of texts) socket.send(text)
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
