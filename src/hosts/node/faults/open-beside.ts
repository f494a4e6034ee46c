import { WebSocket } from 'ws'
import { SUBPROTOCOL } from '../../../protocol/version.ts'
import type { Voice } from './voice.ts'

/** openBeside opens a socket of somebody's beside that of their client; none when the service refuses it now. */
export function openBeside({ accessToken, url }: Voice, address = url): Promise<WebSocket | undefined> {
  const protocols = [SUBPROTOCOL, `bearer.${accessToken}`]
  const socket = new WebSocket(new URL('/ws', address.replace('http', 'ws')), protocols)
  return new Promise((resolve) => {
    socket.on('error', () => resolve(undefined))
    socket.once('open', () => resolve(socket))
  })
}
