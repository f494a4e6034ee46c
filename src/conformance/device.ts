import type { ServerFrame } from '../protocol/frames.ts'
import { ChatCopy } from './chat-copy.ts'
import { Broken } from './claims.ts'
import type { SendRecord } from './history.ts'
import type { Person } from './person.ts'
import type { Random } from './random.ts'
import type { RawSocket } from './raw-socket.ts'
import { until } from './until.ts'

/** How often a step breaks the connection in its middle. */
const BREAKS = 0.15
/** Tries of one send, after as many broken connections. */
const MOST_TRIES = 50

export interface DeviceOptions {
  readonly person: Person
  readonly random: Random
  /** Where every send of every device is written down. */
  readonly sends: SendRecord[]
  readonly messageId: () => string
}

/** Device is one client of somebody's that writes, breaks its connection, resumes from its integers and retries. */
export class Device {
  readonly person: Person
  readonly copies = new Map<string, ChatCopy>()
  readonly faults: string[] = []
  breaks = 0
  onFrame: ((frame: ServerFrame) => void) | undefined
  readonly #options: DeviceOptions
  #socket: RawSocket | undefined

  constructor(options: DeviceOptions) {
    this.person = options.person
    this.#options = options
  }

  /** Connects and reads those of the chats that are the person's, from their beginning. */
  async start(chatIds: readonly string[]): Promise<void> {
    const socket = await this.person.connect()
    const { chats } = await socket.ask('sync', { chats: {} })
    socket.close()
    for (const chatId of chatIds) {
      if (chats[chatId] !== undefined) this.copies.set(chatId, new ChatCopy(chatId, this.person.id))
    }
    await this.#resume()
  }

  /** Does so many things, one after another: mostly sends, some reactions, edits and receipts. */
  async write(steps: number): Promise<void> {
    const { random } = this.#options
    for (let step = 0; step < steps; step += 1) {
      const copies = [...this.copies.values()] as [ChatCopy, ...ChatCopy[]]
      const copy = random.pick(copies)
      if (random.chance(0.7)) await this.#send(copy.chatId, `${this.person.me.username} ${step}`)
      else await this.#touch(copy)
    }
  }

  /** Asks for what is missing until every copy is at its chat's head, or the time is over. */
  async catchUp(within: number): Promise<void> {
    const ask = async () => (await this.#connected()).ask('sync', { chats: this.#applied() })
    const copies = [...this.copies.values()]
    const isWhole = ({ chats }: { chats: Record<string, number> }) =>
      copies.every(({ chatId, seq, hasHole }) => chats[chatId] === seq && !hasHole)
    await until(ask, isWhole, within)
  }

  /** Sends until it is acknowledged, with one id, over as many connections as it takes. */
  async #send(chatId: string, content: string): Promise<void> {
    const id = this.#options.messageId()
    const invokedAt = performance.now()
    const record: SendRecord = {
      ...{ chatId, messageId: id, content, invokedAt },
      ...{ settledAt: undefined, outcome: 'unknown', seq: undefined },
    }
    this.#options.sends.push(record)
    for (let tries = 1; record.outcome === 'unknown' && tries <= MOST_TRIES; tries += 1) {
      const socket = await this.#connected()
      const answer = socket.ask('message:send', { chatId, id, content })
      if (this.#options.random.chance(BREAKS)) this.#break(socket)
      try {
        const { seq } = await answer
        Object.assign(record, { outcome: 'ok', seq, settledAt: performance.now() })
      } catch (error) {
        if (socket.isOpen) this.faults.push(`${this.person.me.username}: ${String(error)}`)
      }
    }
  }

  /** Something whose answer is not waited for. */
  async #touch(copy: ChatCopy): Promise<void> {
    const { random } = this.#options
    const { chatId, seq } = copy
    const { messages } = copy.view()
    const message = messages[random.below(messages.length)]
    const socket = await this.#connected()
    if (random.chance(0.4) || !message) {
      socket.send(random.chance(0.7) ? 'message:read' : 'message:delivered', { chatId, seq })
    } else if (message.senderId === this.person.id) {
      socket.send('message:edit', { chatId, messageId: message.id, content: `${message.content}.` })
    } else {
      const emoji = random.pick(['👍', '🎉', '🚀'])
      socket.send(random.chance(0.7) ? 'reaction:add' : 'reaction:remove', {
        ...{ chatId, messageId: message.id, emoji },
      })
    }
    if (random.chance(BREAKS)) this.#break(socket)
    else await socket.settled().catch((error: unknown) => this.faults.push(String(error)))
  }

  #break(socket: RawSocket): void {
    this.breaks += 1
    socket.onFrame = undefined
    socket.close()
  }

  async #connected(): Promise<RawSocket> {
    return this.#socket?.isOpen ? this.#socket : this.#resume()
  }

  /** A connection that breaks while it catches up is made again. */
  async #resume(): Promise<RawSocket> {
    for (const copy of this.copies.values()) copy.forgetHeld()
    const socket = await this.person.connect()
    socket.onFrame = (frame) => {
      for (const copy of this.copies.values()) copy.take(frame)
      this.onFrame?.(frame)
    }
    await socket.ask('sync', { chats: this.#applied() })
    if (!socket.isOpen) throw new Broken('The connection ended while it caught up')
    this.#socket = socket
    return socket
  }

  #applied(): Record<string, number> {
    return Object.fromEntries([...this.copies.values()].map(({ chatId, seq }) => [chatId, seq]))
  }
}
