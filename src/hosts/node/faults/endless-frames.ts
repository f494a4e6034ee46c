import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { SUBPROTOCOL } from '../../../protocol/version.ts'
import type { Fault } from './fault.ts'
import type { Entrance } from './open-beside.ts'

const EVERY = 250
/**
 * Milliseconds within which the service has ended such a socket. It counts pieces: bytes that arrive together, as on a
 * busy machine, are one.
 */
const ENDED_WITHIN = 20_000
const FRAGMENTS = 16_000
const LARGE = 1_048_576
const TEXT = 0x01
const MORE = 0x00
const FINAL = 0x80
const MASKED = 0x80
const NO_MASK = Buffer.alloc(4)

/** Writes until the socket has ended. */
type Endless = (socket: Duplex) => Promise<void>

/** Endless frames are what would fill a memory if it were kept until it is whole: the service ends such sockets. */
export const endlessFrames: Fault = {
  id: 'F22',
  title: 'frames of 1 MB, 16,000 tiny fragments, a message that never ends',
  async inject(scene) {
    const ways: readonly [Endless, ...Endless[]] = [largeFrame, tinyFragments, neverEnding, byteByByte]
    const ended: Promise<void>[] = []
    let turn = 0
    await scene.repeat(EVERY, async () => {
      const { accessToken, url } = scene.pickVoice()
      const write = ways[turn % ways.length] ?? largeFrame
      turn += 1
      const socket = await openRaw({ accessToken, url })
      if (!socket) return
      ended.push(
        endedBy(socket, write).then((isEnded) => {
          if (isEnded) scene.struck()
          else scene.wrong(`a socket with ${write.name} was not ended`)
        }),
      )
    })
    await Promise.all(ended)
  },
}

async function endedBy(socket: Duplex, write: Endless): Promise<boolean> {
  const closed = new Promise<boolean>((resolve) => socket.once('close', () => resolve(true)))
  socket.on('error', () => {}).resume()
  write(socket).catch(() => {})
  const isEnded = await Promise.race([closed, sleep(ENDED_WITHIN, false)])
  socket.destroy()
  return isEnded
}

async function largeFrame(socket: Duplex): Promise<void> {
  socket.write(Buffer.concat([header(FINAL | TEXT, LARGE), Buffer.alloc(LARGE, 'x')]))
}

async function tinyFragments(socket: Duplex): Promise<void> {
  const fragment = (first: number) => Buffer.concat([header(first, 1), Buffer.from('x')])
  const rest = Array.from({ length: FRAGMENTS - 1 }, () => fragment(MORE))
  socket.write(Buffer.concat([fragment(TEXT), ...rest]))
}

async function neverEnding(socket: Duplex): Promise<void> {
  for (let first = TEXT; !socket.destroyed; first = MORE) {
    const piece = Buffer.concat([header(first, 1_000), Buffer.alloc(1_000, 'x')])
    if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve))
    await sleep(1)
  }
}

/** A frame that says it is within the limit, and of which a byte comes now and then. */
async function byteByByte(socket: Duplex): Promise<void> {
  socket.write(header(FINAL | TEXT, 60_000))
  while (!socket.destroyed) {
    socket.write('x')
    await sleep(1)
  }
}

/** Of a client's frame, whose mask of zeros leaves it as it is. */
function header(first: number, size: number): Buffer {
  if (size < 126) return Buffer.concat([Buffer.from([first, MASKED | size]), NO_MASK])
  const length = Buffer.alloc(8)
  length.writeBigUInt64BE(BigInt(size))
  return Buffer.concat([Buffer.from([first, MASKED | 127]), length, NO_MASK])
}

/** A WebSocket below the library, which would not send such things. */
function openRaw({ accessToken, url }: Entrance): Promise<Duplex | undefined> {
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
    'Sec-WebSocket-Protocol': SUBPROTOCOL,
    Authorization: `Bearer ${accessToken}`,
  }
  return new Promise((resolve) => {
    request(new URL('/ws', url), { headers })
      .on('upgrade', (_, socket) => resolve(socket))
      .on('response', () => resolve(undefined))
      .on('error', () => resolve(undefined))
      .end()
  })
}
