import { TIMES } from '../protocol/limits.ts'
import { pauseAfter } from './backoff.ts'
import type { ChatState } from './chat-state.ts'
import { toParleyError } from './error.ts'
import type { Edges } from './ports.ts'
import type { Ask } from './replies.ts'

export interface WatermarkPorts extends Edges {
  readonly ask: Ask
  readonly find: (chatId: string) => ChatState | undefined
}

/**
 * Watermarks tells the server how far this user has read and got, until it knows. `delivered` goes out at most once
 * a second and chat, and not at all where a read says more.
 */
export interface Watermarks {
  read(chatId: string, seq: number): void
  delivered(chatId: string, seq: number): void
  /** There is a live connection. */
  start(): void
  stop(): void
  clear(): void
}

/** What one chat has to tell, and what the server has acknowledged. */
interface Mark {
  read: number
  delivered: number
  toldRead: number
  toldDelivered: number
  isAsking: boolean
  failures: number
  cancelPause: (() => void) | undefined
}

export function createWatermarks({ clock, random, ask, find }: WatermarkPorts): Watermarks {
  const marks = new Map<string, Mark>()
  let isLive = false

  function markOf(chatId: string): Mark {
    const known = marks.get(chatId)
    if (known) return known
    const mark: Mark = {
      ...{ read: 0, delivered: 0, toldRead: 0, toldDelivered: 0 },
      ...{ isAsking: false, failures: 0, cancelPause: undefined },
    }
    marks.set(chatId, mark)
    return mark
  }

  /** The next thing to tell, if there is one. */
  function due(chatId: string, mark: Mark): ['message:read' | 'message:delivered', number] | undefined {
    const chat = find(chatId)
    if (chat?.standing !== 'in') return undefined
    const readSeq = Math.max(chat.me.readSeq, mark.toldRead)
    if (mark.read > readSeq) return ['message:read', mark.read]
    const deliveredSeq = chat.participants.get(chat.userId)?.deliveredSeq ?? 0
    const known = Math.max(readSeq, deliveredSeq, mark.toldDelivered)
    return mark.delivered > known ? ['message:delivered', mark.delivered] : undefined
  }

  async function tell(chatId: string): Promise<void> {
    const mark = markOf(chatId)
    if (!isLive || mark.isAsking) return
    const next = due(chatId, mark)
    if (!next) return
    const [type, seq] = next
    mark.isAsking = true
    try {
      await ask(type, { chatId, seq })
      mark.failures = 0
      told(mark, type, seq)
    } catch (thrown) {
      const error = toParleyError(thrown)
      if (!error.retryable) told(mark, type, seq)
      else if (isLive) {
        mark.failures += 1
        pause(chatId, pauseAfter(error, mark.failures, random))
      }
    }
    mark.isAsking = false
    if (!mark.cancelPause) void tell(chatId)
  }

  function pause(chatId: string, milliseconds: number): void {
    const mark = markOf(chatId)
    mark.cancelPause ??= clock.after(milliseconds, () => {
      mark.cancelPause = undefined
      void tell(chatId)
    })
  }

  return {
    read(chatId, seq) {
      const mark = markOf(chatId)
      mark.read = Math.max(mark.read, seq)
      void tell(chatId)
    },
    delivered(chatId, seq) {
      const mark = markOf(chatId)
      mark.delivered = Math.max(mark.delivered, seq)
      if (isLive) pause(chatId, TIMES.receiptsInterval)
    },
    start() {
      isLive = true
      for (const chatId of marks.keys()) void tell(chatId)
    },
    stop() {
      isLive = false
      for (const mark of marks.values()) {
        mark.cancelPause?.()
        mark.cancelPause = undefined
        mark.failures = 0
      }
    },
    clear: () => marks.clear(),
  }
}

function told(mark: Mark, type: 'message:read' | 'message:delivered', seq: number): void {
  if (type === 'message:read') mark.toldRead = Math.max(mark.toldRead, seq)
  else mark.toldDelivered = Math.max(mark.toldDelivered, seq)
}
