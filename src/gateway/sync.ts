import type { ServerFrame } from '../protocol/frames.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { EncodedEvent } from '../rooms/ports.ts'
import type { News } from './audience.ts'
import type { ChangesRead, ChangesWanted } from './ports.ts'

/** Chats read in one round trip. */
const CHATS_AT_ONCE = 100
/** Reads of one chat before the client is told to reconnect: news comes faster than it can be read. */
const MOST_READS = 5

/** Past every change: nothing that was held back is for the user. */
const LEFT = Number.POSITIVE_INFINITY

export interface CatchUpPorts {
  read(wanted: readonly ChangesWanted[]): Promise<ChangesRead[]>
  send(frame: ServerFrame): void
  forward(events: readonly EncodedEvent[]): void
  /** The chat is not the user's any more. */
  leave(chatId: string): void
  /** The connection cannot be made whole: close it with 4010. */
  giveUp(error: unknown): void
}

/**
 * CatchUp brings a connection up to date with chats: it holds back what is new in them, reads what changed since,
 * sends that, then what it held back, without a hole between the two. Chats are independent of each other.
 */
export class CatchUp {
  /** Chat id to what came meanwhile. */
  readonly #held = new Map<string, EncodedEvent[]>()
  /** Chats that were asked for again while they were read, and since when. */
  readonly #again = new Map<string, number>()

  /** Keeps news of a chat that is being read; false when it is not. */
  hold({ chatId, events }: News): boolean {
    const held = this.#held.get(chatId)
    held?.push(...events)
    return held !== undefined
  }

  /** Resolves when every wanted chat is up to date or given up. Never rejects. */
  async read(wanted: readonly ChangesWanted[], ports: CatchUpPorts): Promise<void> {
    const news: ChangesWanted[] = []
    for (const it of wanted) {
      if (this.#held.has(it.chatId))
        this.#again.set(it.chatId, Math.min(it.since, this.#again.get(it.chatId) ?? it.since))
      else news.push(it)
      this.#held.set(it.chatId, this.#held.get(it.chatId) ?? [])
    }
    try {
      for (let begin = 0; begin < news.length; begin += CHATS_AT_ONCE) {
        await this.#readSome(news.slice(begin, begin + CHATS_AT_ONCE), ports)
      }
    } catch (error) {
      ports.giveUp(error)
    }
  }

  async #readSome(wanted: readonly ChangesWanted[], ports: CatchUpPorts): Promise<void> {
    let open = wanted
    for (let reads = 0; open.length > 0; reads += 1) {
      if (reads === MOST_READS) return ports.giveUp(undefined)
      const answers = await ports.read(open)
      open = answers.flatMap((answer) => this.#merge(answer, ports) ?? [])
    }
  }

  /** Sends what was read and what was held back; or says from where to read again. */
  #merge(answer: ChangesRead, ports: CatchUpPorts): ChangesWanted | undefined {
    const { chatId, upTo } = tell(answer, ports)
    const again = this.#again.get(chatId)
    if (again !== undefined) {
      this.#again.delete(chatId)
      return { chatId, since: again }
    }
    const held = this.#held.get(chatId) ?? []
    const fresh = held.filter(({ seq }) => seq > upTo)
    const first = fresh[0]
    if (held.length > LIMITS.queuedFrames || (first && !isContiguous(upTo, fresh))) {
      this.#held.set(chatId, [])
      return { chatId, since: upTo }
    }
    this.#held.delete(chatId)
    if (upTo === LEFT) ports.leave(chatId)
    if (first) ports.forward(fresh)
    return undefined
  }
}

function tell(answer: ChangesRead, { send }: CatchUpPorts): { chatId: string; upTo: number } {
  switch (answer.status) {
    case 'changes':
    case 'left': {
      const { changes } = answer
      send({ type: 'sync:batch', data: changes })
      return {
        chatId: changes.chatId,
        upTo: answer.status === 'left' ? LEFT : changes.to,
      }
    }
    case 'reset':
      send({ type: 'sync:reset', data: { chatId: answer.chatId, head: answer.head } })
      return { chatId: answer.chatId, upTo: answer.head }
    case 'gone':
      send({ type: 'sync:reset', data: { chatId: answer.chatId, head: 0 } })
      return { chatId: answer.chatId, upTo: LEFT }
    default:
      return answer satisfies never
  }
}

function isContiguous(from: number, events: readonly EncodedEvent[]): boolean {
  return events.every(({ seq }, index) => seq === from + 1 + index)
}
