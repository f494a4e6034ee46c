import { setTimeout as sleep } from 'node:timers/promises'
import { v7 } from 'uuid'
import type { LoadUser } from '../generator/load-client.ts'
import { createRandom } from '../generator/words.ts'
import type { Habit } from './traffic.ts'

/** People type this long before they send, in milliseconds. */
const TYPING = 600

export interface CrowdPlan {
  readonly users: readonly LoadUser[]
  readonly ports: readonly number[]
  readonly content: string
  readonly habit: Habit
}

/** Crowd is people with real connections, shared out over the instances in turn. */
export interface Crowd {
  /** Sends so many messages a second, and resolves with how many were sent when all were acked. */
  send(perSecond: number, seconds: number): Promise<number>
  leave(): void
}

export async function createCrowd({ users, ports, content, habit }: CrowdPlan): Promise<Crowd> {
  const random = createRandom(1)
  const waiting = new Map<string, () => void>()
  const sockets: WebSocket[] = []
  for (const [index, { token }] of users.entries()) {
    const url = `ws://127.0.0.1:${ports[index % ports.length]}/ws`
    const socket = new WebSocket(url, ['parley.v1', `bearer.${token}`])
    sockets.push(socket)
    await new Promise<void>((resolve, reject) => {
      socket.onerror = () => reject(new Error(`${url} was refused`))
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data)
        if (frame.type === 'hello') resolve()
        else if (frame.type === 'ack') waiting.get(frame.id)?.()
        else if (frame.type === 'message:new' && habit !== 'send') {
          tell(socket, 'message:delivered', { chatId: frame.chatId, seq: frame.seq })
        }
      }
    })
  }

  function tell(socket: WebSocket, type: string, data: object): string {
    const id = v7()
    socket.send(JSON.stringify({ type, id, data }))
    return id
  }

  async function sendOne(): Promise<void> {
    const index = Math.floor(random() * users.length)
    const [user, socket] = [users[index], sockets[index]]
    if (!user || !socket) return
    const { chatId } = user
    if (habit !== 'send') {
      tell(socket, 'typing:start', { chatId })
      await sleep(TYPING)
    }
    const id = tell(socket, 'message:send', { chatId, id: v7(), content })
    await new Promise<void>((resolve) => waiting.set(id, resolve))
    waiting.delete(id)
  }

  return {
    async send(perSecond, seconds) {
      const sent = Array.from({ length: perSecond * seconds }, async (_, index) => {
        await sleep((index * 1_000) / perSecond)
        await sendOne()
      })
      await Promise.all(sent)
      return sent.length
    },
    leave() {
      for (const socket of sockets) socket.close()
    },
  }
}
