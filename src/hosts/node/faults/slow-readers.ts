import { setTimeout as sleep } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import type { Fault } from './fault.ts'
import { openBeside } from './open-beside.ts'
import type { Scene } from './scene.ts'
import type { Voice } from './voice.ts'

const READERS = 5
/** Characters that make a message large: some hundreds of them fill what the kernels hold, and then the queue. */
const PADDING = 8_000
/** Milliseconds that a reader takes for what was sent to it, once it reads again. */
const READS_ON = 5_000

/** Slow readers are sockets that take nothing. Those that the service has closed by the end count as struck. */
export const slowReaders: Fault = {
  id: 'F20',
  title: 'slow readers: sockets that take nothing in a chat of large messages',
  async inject(scene) {
    const [chatId] = scene.chatIds
    const people = scene.voices.filter((voice) => chatId !== undefined && voice.chatIds.includes(chatId))
    if (chatId === undefined) return
    const readers = await openReaders(people, scene)
    for (const { socket } of readers) socket.pause()
    const padding = 'x'.repeat(PADDING)
    const speak = async (voice: Voice) => {
      while (scene.left > 0) await voice.say(chatId, { padding })
    }
    await Promise.all(people.map(speak))
    for (const { socket } of readers) socket.resume()
    await Promise.race([Promise.all(readers.map(({ closed }) => closed)), sleep(READS_ON)])
    for (const { socket } of readers) {
      if (socket.readyState === socket.CLOSED) scene.struck()
      else scene.wrong('a reader that took nothing was not closed')
      socket.terminate()
    }
  },
}

interface Reader {
  readonly socket: WebSocket
  readonly closed: Promise<void>
}

/** Sockets straight to an instance: a proxy in between would have buffers of its own. */
async function openReaders(people: readonly Voice[], { stage }: Scene): Promise<Reader[]> {
  const up = stage.instances.filter(({ isUp }) => isUp)
  const sockets = await Promise.all(
    Array.from({ length: READERS }, async (_, place) => {
      const voice = people[place % people.length]
      const instance = up[place % up.length]
      return voice && instance && openBeside({ accessToken: voice.accessToken, url: instance.url })
    }),
  )
  return sockets.flatMap((socket) => {
    if (!socket) return []
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    return [{ socket, closed }]
  })
}
