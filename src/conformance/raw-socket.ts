import type { z } from 'zod'
import type { ErrorBody, ErrorCode } from '../protocol/errors.ts'
import type { ChatEventOf, ChatEventType, Signal } from '../protocol/events.ts'
import { type ClientFrame, FrameAcks, type Hello, ServerFrame } from '../protocol/frames.ts'
import { PING, PONG } from '../protocol/version.ts'
import { Broken, claim, shorten } from './claims.ts'

/** How long a service may take for what it should do at once: generous, as it may be far away and busy. */
export const PATIENCE = 30_000
/** Pauses after which a frame that hit a rate limit is sent again. */
const LIMIT_PAUSE = 1_000
const LIMIT_TRIES = 60

type FrameType = ClientFrame['type']
type Acked = keyof typeof FrameAcks
export type DataOf<T extends FrameType> = z.input<
  Extract<(typeof ClientFrame)['options'][number], { shape: { type: { value: T } } }>
>['data']
type AckOf<T extends Acked> = z.infer<(typeof FrameAcks)[T]>
type SignalData<T extends Signal['type']> = Extract<Signal, { type: T }>['data']
type DownType = 'sync:batch' | 'sync:reset'
type Reply = Extract<ServerFrame, { type: 'ack' | 'error' }>
type Down<T extends DownType> = Extract<ServerFrame, { type: T }>['data']

export interface Closing {
  readonly code: number
  readonly reason: string
}

export interface SocketOptions {
  readonly protocols?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

interface Waiting {
  take(frame: ServerFrame): boolean
  fail(error: Error): void
}

/**
 * RawSocket is a socket without a client behind it: it parses every frame by the contract, keeps each until it is
 * asked for, and repairs nothing.
 */
export class RawSocket {
  readonly #ws: WebSocket
  readonly #heard: ServerFrame[] = []
  readonly #waiting = new Set<Waiting>()
  /** What waits for a `pong`. */
  readonly #pings = new Set<() => void>()
  readonly #takesLines: boolean
  #fault: Error | undefined
  #frames = 0
  /** Told of every frame as it arrives, whoever waits for it. */
  onFrame: ((frame: ServerFrame) => void) | undefined
  /** Resolves when the upgrade was let through or refused. */
  readonly answered: Promise<void>
  readonly closed: Promise<Closing>
  /** The upgrade was let through. */
  wasOpen = false

  constructor(url: string, { protocols = [], headers = {} }: SocketOptions) {
    this.#ws = new WebSocket(url, { protocols: [...protocols], headers: { ...headers } })
    this.#ws.binaryType = 'arraybuffer'
    this.#takesLines = protocols.includes('parley.lines')
    this.#ws.addEventListener('message', ({ data }) => {
      const isMany = this.#takesLines && typeof data === 'string'
      for (const one of isMany ? data.split('\n') : [data]) this.#receive(one)
    })
    this.answered = new Promise((resolve) => {
      this.#ws.addEventListener('open', () => {
        this.wasOpen = true
        resolve()
      })
      this.#ws.addEventListener('close', () => resolve())
    })
    this.closed = new Promise((resolve) => {
      this.#ws.addEventListener('close', ({ code, reason }) => {
        this.#end(new Broken(`The socket was closed with ${code} ${reason}`))
        resolve({ code, reason })
      })
    })
  }

  /** The subprotocol that the server chose. */
  get protocol(): string {
    return this.#ws.protocol
  }

  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN
  }

  /** Frames that nobody has asked for. */
  get unheard(): readonly ServerFrame[] {
    return this.#heard
  }

  /** What went wrong below the rules: a frame that is not of the contract. */
  get fault(): Error | undefined {
    return this.#fault
  }

  async hello(): Promise<Hello['data']> {
    const frame = await this.next('hello', (it) => (it.type === 'hello' ? it : undefined))
    return frame.data
  }

  /** Sends a frame as it is, and answers its id. */
  send<T extends FrameType>(type: T, data: DataOf<T>): string {
    this.#frames += 1
    const id = `${type}-${this.#frames}`
    this.sendText(JSON.stringify({ type, id, data }))
    return id
  }

  sendText(text: string): void {
    this.#ws.send(text)
  }

  sendBytes(bytes: Uint8Array<ArrayBuffer>): void {
    this.#ws.send(bytes)
  }

  /** Sends a frame and answers the data of its ack. */
  async ask<T extends Acked>(type: T, data: DataOf<T>): Promise<AckOf<T>> {
    const reply = await this.#replyTo(type, data)
    if (reply.type === 'ack') return FrameAcks[type].parse(reply.data) as AckOf<T>
    throw new Broken(`${type} was refused: ${reply.error.code} ${reply.error.message}`)
  }

  /** Sends a frame that must be refused with this code, naming the field where one is given. */
  async refused<T extends FrameType>(
    type: T,
    data: unknown,
    expected: { readonly code: ErrorCode; readonly field?: string },
  ): Promise<ErrorBody> {
    const what = `${type} with ${shorten(JSON.stringify(data))}`
    const reply = await this.#replyTo(type, data as DataOf<T>)
    claim(reply.type === 'error', `${what} was done, not refused as ${expected.code}`)
    checkRefusal(reply.error, expected, what)
    return reply.error
  }

  /** Rate limits are waited for: they say nothing about the frame. */
  async #replyTo<T extends FrameType>(type: T, data: DataOf<T>): Promise<Reply> {
    for (let tries = 1; ; tries += 1) {
      const reply = await this.reply(this.send(type, data))
      const isLimited = reply.type === 'error' && reply.error.code === 'RATE_LIMIT_EXCEEDED'
      if (!isLimited || tries === LIMIT_TRIES) return reply
      await new Promise((resolve) => setTimeout(resolve, LIMIT_PAUSE))
    }
  }

  reply(id: string | null): Promise<Reply> {
    return this.next(`a reply to ${id}`, (frame) =>
      (frame.type === 'ack' || frame.type === 'error') && frame.id === id ? frame : undefined,
    )
  }

  event<T extends ChatEventType>(type: T, chatId: string): Promise<ChatEventOf<T>> {
    return this.next(`${type} of ${chatId}`, (frame) =>
      frame.type === type && frame.chatId === chatId ? (frame as ChatEventOf<T>) : undefined,
    )
  }

  signal<T extends Signal['type']>(
    type: T,
    match: (data: SignalData<T>) => boolean,
    within?: number,
  ): Promise<SignalData<T>> {
    const find = (frame: ServerFrame) => {
      if (frame.type !== type) return undefined
      const data = frame.data as SignalData<T>
      return match(data) ? data : undefined
    }
    return this.next(`${type} as expected`, find, within)
  }

  batch(chatId: string): Promise<Down<'sync:batch'>> {
    return this.next(`sync:batch of ${chatId}`, (frame) =>
      frame.type === 'sync:batch' && frame.data.chatId === chatId ? frame.data : undefined,
    )
  }

  reset(chatId: string): Promise<Down<'sync:reset'>> {
    return this.next(`sync:reset of ${chatId}`, (frame) =>
      frame.type === 'sync:reset' && frame.data.chatId === chatId ? frame.data : undefined,
    )
  }

  /** The first frame that matches and was not asked for before; what does not match stays. */
  next<R>(what: string, find: (frame: ServerFrame) => R | undefined, within = PATIENCE): Promise<R> {
    if (this.#fault) return Promise.reject(this.#fault)
    for (const [index, frame] of this.#heard.entries()) {
      const found = find(frame)
      if (found === undefined) continue
      this.#heard.splice(index, 1)
      return Promise.resolve(found)
    }
    if (this.#ws.readyState > WebSocket.OPEN) return Promise.reject(new Broken(`Closed before ${what}`))
    return new Promise((resolve, reject) => {
      const settle = (run: () => void) => {
        clearTimeout(timer)
        this.#waiting.delete(waiting)
        run()
      }
      const timer = setTimeout(() => settle(() => reject(this.#lateness(what, within))), within)
      const waiting: Waiting = {
        take: (frame) => {
          const found = find(frame)
          if (found !== undefined) settle(() => resolve(found))
          return found !== undefined
        },
        fail: (error) => settle(() => reject(new Broken(`${error.message}, before ${what}`))),
      }
      this.#waiting.add(waiting)
    })
  }

  /** Asks whether anybody is there, without a frame. Resolves with the answer. */
  ping(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (run: () => void) => {
        clearTimeout(timer)
        this.#pings.delete(answer)
        run()
      }
      const answer = () => settle(resolve)
      const timer = setTimeout(() => settle(() => reject(this.#lateness(PONG, PATIENCE))), PATIENCE)
      this.#pings.add(answer)
      void this.closed.then(() => settle(() => reject(new Broken(`Closed before ${PONG}`))))
      this.sendText(PING)
    })
  }

  /** Whatever the service had for this socket has arrived when this resolves: the reply stands behind it. */
  async settled(): Promise<void> {
    await this.ask('ping', {})
  }

  /** Frames about the chat that nobody has asked for. */
  about(chatId: string): ServerFrame[] {
    return this.#heard.filter((frame) => chatOf(frame) === chatId)
  }

  close(): void {
    this.#ws.close(1000)
  }

  #receive(data: unknown): void {
    const [answer] = data === PONG ? this.#pings : []
    if (answer) {
      answer()
      return
    }
    const frame = parseFrame(data)
    if (frame instanceof Error) {
      this.#end(frame)
      return
    }
    this.onFrame?.(frame)
    for (const waiting of this.#waiting) if (waiting.take(frame)) return
    this.#heard.push(frame)
  }

  #end(error: Error): void {
    if (this.isOpen) this.#fault ??= error
    for (const waiting of this.#waiting) waiting.fail(error)
  }

  #lateness(what: string, within: number): Broken {
    const heard = this.#heard.map(({ type }) => type).join(', ')
    return new Broken(`No ${what} within ${within / 1_000} s; heard: ${shorten(heard) || 'nothing else'}`)
  }
}

/** checkRefusal fails the rule unless the error has the code, and names the field. */
export function checkRefusal(
  { code, message, details }: ErrorBody,
  expected: { readonly code: ErrorCode; readonly field?: string },
  what: string,
): void {
  claim(code === expected.code, `${what} was refused as ${code} (${message}), not as ${expected.code}`)
  const { field } = expected
  claim(
    field === undefined || details.some((detail) => detail.field === field),
    `The refusal of ${what} does not name ${field}: ${JSON.stringify(details)}`,
  )
}

/** Acks keep their data as it came: which schema it has is known to who sent the frame. */
function parseFrame(data: unknown): ServerFrame | Broken {
  if (typeof data !== 'string') return new Broken('The server sent a frame that is no text')
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch {
    return new Broken(`The server sent a frame that is not JSON: ${shorten(data)}`)
  }
  const parsed = ServerFrame.safeParse(value)
  if (!parsed.success)
    return new Broken(`The server sent a frame that is not of the contract: ${shorten(data)}`)
  return parsed.data.type === 'ack' ? (value as ServerFrame) : parsed.data
}

function chatOf(frame: ServerFrame): string | undefined {
  if ('chatId' in frame) return frame.chatId
  return 'data' in frame && 'chatId' in frame.data ? frame.data.chatId : undefined
}
