import { WebSocket } from 'ws'
import { SUBPROTOCOL } from '../../../protocol/version.ts'

/** What opens a socket: a token, and the address of the service or of one instance. */
export interface Entrance {
  readonly accessToken: string
  readonly url: string
}

/** openBeside opens a socket of somebody's beside that of their client; none when the service refuses it now. */
export function openBeside({ accessToken, url }: Entrance): Promise<WebSocket | undefined> {
  const protocols = [SUBPROTOCOL, `bearer.${accessToken}`]
  const socket = new WebSocket(new URL('/ws', url.replace('http', 'ws')), protocols)
  return new Promise((resolve) => {
    socket.on('error', () => resolve(undefined))
    socket.once('open', () => resolve(socket))
  })
}
