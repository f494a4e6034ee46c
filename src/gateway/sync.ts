import type { ServerFrame } from '../protocol/frames.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { EncodedEvent } from '../rooms/ports.ts'
import type { News } from './audience.ts'
import type { ChangesRead, ChangesWanted } from './ports.ts'

/** Chats read in one round trip. */
const CHATS_AT_ONCE = 100
/** Reads of one chat before the client is told to reconnect: news comes faster than it can be read. */
const MOST_READS = 5

export interface CatchUpPorts {
  read(wanted: readonly ChangesWanted[]): Promise<ChangesRead[]>
  /** Resolves when more may be sent. */
  send(frame: ServerFrame): Promise<void>
  forward(events: readonly EncodedEvent[]): void
  /** The last change of the chat that was passed on here. */
  headOf(chatId: string): number
  /** Nothing that was missed of the chat is left to read. */
  caughtUp(chatId: string): void
  /** The chat is not the user's any more. */
  leave(chatId: string): void
  /** The connection cannot be made whole: close it with 4010. */
  giveUp(error?: unknown): void
}

/** Reading is a chat that is not up to date yet. */
interface Reading {
  since: number
  /** What came meanwhile. */
  held: EncodedEvent[]
  /** It was asked for while it was read, so that what is read may be too old for whoever asked. */
  isAskedAgain: boolean
  reads: number
}

/**
 * CatchUp brings a connection up to date with chats: it holds back what is new in them, reads what changed since,
 * sends that, then what it held back, without a hole between the two. Chats are independent of each other.
 */
export class CatchUp {
  readonly #ports: CatchUpPorts
  readonly #chats = new Map<string, Reading>()
  /** Chats of which more was read than has been heard, and up to where: what is heard of it comes too late. */
  readonly #ahead = new Map<string, number>()
  /** Those of the chats whose read has not begun. */
  #waiting: string[] = []
  #running: Promise<void> | undefined

  constructor(ports: CatchUpPorts) {
    this.#ports = ports
  }

  /** Nothing is held back any more. */
  get isDone(): boolean {
    return this.#chats.size + this.#ahead.size === 0
  }

  /** Up to where more was read than has been heard of the chat; 0 if it was not. */
  aheadIn(chatId: string): number {
    return this.#ahead.get(chatId) ?? 0
  }

  /** What of the news may pass now. That of a chat which is being read is kept; too much is dropped and read again. */
  pass({ chatId, events }: News): readonly EncodedEvent[] {
    const reading = this.#chats.get(chatId)
    const upTo = this.#ahead.get(chatId)
    if (reading) {
      if (reading.held.length <= LIMITS.queuedFrames) reading.held.push(...events)
      return []
    }
    if (upTo === undefined) return events
    const fresh = events.filter(({ seq }) => seq > upTo)
    if (fresh.length > 0) this.#ahead.delete(chatId)
    return fresh
  }

  /** Resolves when every chat that was wanted so far is up to date or given up. Never rejects. */
  read(wanted: readonly ChangesWanted[]): Promise<void> {
    for (const { chatId, since } of wanted) {
      const reading = this.#chats.get(chatId)
      if (reading) {
        reading.since = Math.min(reading.since, since)
        reading.isAskedAgain = true
      } else {
        this.#chats.set(chatId, { since, held: [], isAskedAgain: false, reads: 0 })
        this.#waiting.push(chatId)
      }
    }
    if (this.#waiting.length > 0) this.#running ??= this.#run()
    return this.#running ?? Promise.resolve()
  }

  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const answers = await this.#ports.read(this.#waiting.splice(0, CHATS_AT_ONCE).map(this.#begin))
        for (const answer of answers) await this.#merge(answer)
      }
    } catch (error) {
      this.#ports.giveUp(error)
    }
    this.#running = undefined
  }

  readonly #begin = (chatId: string): ChangesWanted => {
    const reading = this.#chats.get(chatId)
    if (reading) reading.isAskedAgain = false
    return { chatId, since: reading?.since ?? 0 }
  }

  /** Sends what was read and what was held back, unless it has to be read again. */
  async #merge(answer: ChangesRead): Promise<void> {
    const { chatId, upTo, frame } = told(answer)
    const reading = this.#chats.get(chatId)
    if (!reading) return
    if (!reading.isAskedAgain) await this.#ports.send(frame)
    if (reading.isAskedAgain) return this.#readAgain(chatId, reading)
    if (upTo === null) {
      this.#chats.delete(chatId)
      return this.#ports.leave(chatId)
    }
    const fresh = reading.held.filter(({ seq }) => seq > upTo)
    if (reading.held.length > LIMITS.queuedFrames || !isContiguous(upTo, fresh)) {
      reading.since = upTo
      return this.#readAgain(chatId, reading)
    }
    this.#chats.delete(chatId)
    this.#ports.caughtUp(chatId)
    if (fresh.length > 0) this.#ports.forward(fresh)
    else if (upTo > this.#ports.headOf(chatId)) this.#ahead.set(chatId, upTo)
  }

  #readAgain(chatId: string, reading: Reading): void {
    reading.reads += 1
    reading.held = []
    if (reading.reads === MOST_READS) this.#ports.giveUp()
    else this.#waiting.push(chatId)
  }
}

/** The frame that tells an answer, and up to where it goes: null when the chat is not the user's any more. */
function told(answer: ChangesRead): { chatId: string; upTo: number | null; frame: ServerFrame } {
  switch (answer.status) {
    case 'changes':
    case 'left': {
      const { chatId, to } = answer.changes
      const upTo = answer.status === 'left' ? null : to
      return { chatId, upTo, frame: { type: 'sync:batch', data: answer.changes } }
    }
    case 'reset':
    case 'gone': {
      const { chatId } = answer
      const head = answer.status === 'gone' ? 0 : answer.head
      const upTo = answer.status === 'gone' ? null : head
      return { chatId, upTo, frame: { type: 'sync:reset', data: { chatId, head } } }
    }
    default:
      return answer satisfies never
  }
}

function isContiguous(from: number, events: readonly EncodedEvent[]): boolean {
  return events.every(({ seq }, index) => seq === from + 1 + index)
}
