import type { ClientFrame, ClientFrameOf, FrameAcks, ServerFrame } from '../protocol/frames.ts'
import { ParleyError } from './error.ts'
import type { Clock } from './ports.ts'

/** Without a reply for this long, the outcome of a command is unknown. The server gives up after 2 s. */
const REPLY_WITHIN = 10_000
/** A sync reads every chat that changed. */
const SYNC_WITHIN = 60_000

/** What can be asked over the socket: every frame that has an ack. */
export type AskType = keyof typeof FrameAcks
export type AskData<T extends AskType> = ClientFrameOf<T>['data']
export type AckData<T extends AskType> = (typeof FrameAcks)[T]['_zod']['output']

/** Ask sends a command and resolves with its ack. Rejects with a `ParleyError`. */
export type Ask = <T extends AskType>(type: T, data: AskData<T>) => Promise<AckData<T>>

type Reply = Extract<ServerFrame, { type: 'ack' | 'error' }>

/** Replies gives every command an id and finds the command of every reply. */
export interface Replies {
  readonly ask: Ask
  /** Sends what has no ack. */
  tell<T extends ClientFrame['type']>(type: T, data: ClientFrameOf<T>['data']): void
  settle(reply: Reply): void
  /** No more replies will come. */
  fail(): void
}

interface Waiting {
  readonly settle: (reply: Reply | undefined) => void
}

export function createReplies(clock: Clock, send: (text: string) => void): Replies {
  const waiting = new Map<string, Waiting>()
  let lastId = 0
  let isOver = false

  function sendFrame(type: string, data: unknown): string {
    lastId += 1
    const id = String(lastId)
    send(JSON.stringify({ type, id, data }))
    return id
  }

  const ask: Ask = (type, data) =>
    new Promise((resolve, reject) => {
      if (isOver) return reject(new ParleyError('OFFLINE', 'There is no connection: nothing was sent'))
      const id = sendFrame(type, data)
      const cancel = clock.after(type === 'sync' ? SYNC_WITHIN : REPLY_WITHIN, () => settle(undefined))
      const settle = (reply: Reply | undefined) => {
        cancel()
        waiting.delete(id)
        if (reply?.type === 'ack') resolve(reply.data as AckData<typeof type>)
        else if (reply) reject(ParleyError.of(reply.error))
        else reject(new ParleyError('UNKNOWN', 'No reply came: it was done or not. It may be asked again'))
      }
      waiting.set(id, { settle })
    })

  return {
    ask,
    tell(type, data) {
      if (!isOver) sendFrame(type, data)
    },
    settle(reply) {
      if (reply.id !== null) waiting.get(reply.id)?.settle(reply)
    },
    fail() {
      isOver = true
      for (const { settle } of [...waiting.values()]) settle(undefined)
    },
  }
}
