import { setTimeout as sleep } from 'node:timers/promises'
import { v7 } from 'uuid'
import { WebSocket } from 'ws'
import { type Client, createClient } from '../../../client/client.ts'
import { ChatCopy } from '../../../conformance/chat-copy.ts'
import type { ChatView, ClientHistory, SendRecord } from '../../../conformance/history.ts'
import type { ServerFrame } from '../../../protocol/frames.ts'
import { PONG } from '../../../protocol/version.ts'
import { enter } from '../enter.ts'
import { patiently } from '../patiently.ts'
import { Resumes } from './resumes.ts'

/** Tries over REST, and milliseconds between two of them. */
const INSISTS = 60
const INSIST_PAUSE = 500
const PASSWORD = 'Faults-are-1!'

/** What all voices of a run write into. Times are those of `performance.now`. */
export interface Notes {
  readonly sends: SendRecord[]
  /** By the content of the message. */
  readonly byContent: Map<string, SendRecord>
  /** Milliseconds from the wish to send to the arrival at somebody else. */
  readonly deliveries: number[]
  /** Milliseconds from the loss of a connection to being caught up again. */
  readonly reconnects: number[]
  /** Holes that clients had to ask for. */
  repairs: number
}

export function createNotes(): Notes {
  return { sends: [], byContent: new Map(), deliveries: [], reconnects: [], repairs: 0 }
}

/** Voice is one user with one resuming client, and a witness of every frame that comes to it. */
export class Voice {
  readonly name: string
  readonly client: Client
  readonly url: string
  #userId = ''
  #notes = createNotes()
  #copies = new Map<string, ChatCopy>()
  #resumes = new Resumes()
  #lostAt: number | undefined
  #count = 0
  accessToken = ''

  constructor(url: string, name: string) {
    this.name = name
    this.url = url
    this.client = createClient({
      url,
      WebSocket: witnessed({
        see: (text) => this.#witness(text),
        say: (text) => this.#resumes.ask(text),
      }),
      fetch: (input, init) => {
        if (String(input).includes('/changes?')) this.#notes.repairs += 1
        return fetch(input, init)
      },
    })
    this.client.onSession((session) => {
      this.accessToken = session?.accessToken ?? ''
    })
    this.client.on('message', ({ message }) => {
      const send = this.#notes.byContent.get(message.content)
      if (send && message.senderId !== this.#userId) {
        this.#notes.deliveries.push(performance.now() - send.invokedAt)
      }
    })
    this.client.on('status', ({ state }) => {
      if (state === 'live') {
        if (this.#lostAt !== undefined) this.#notes.reconnects.push(performance.now() - this.#lostAt)
        this.#lostAt = undefined
      } else this.#lostAt = state === 'offline' ? undefined : (this.#lostAt ?? performance.now())
    })
  }

  get userId(): string {
    return this.#userId
  }

  /** What it is told whenever it asks what it missed: its client, or another device of its user. */
  get resumes(): Resumes {
    return this.#resumes
  }

  get chatIds(): readonly string[] {
    return [...this.#copies.keys()]
  }

  async enter(): Promise<void> {
    const account = { username: this.name, password: PASSWORD, displayName: this.name }
    this.#userId = (await enter(this.client, account)).id
  }

  /** Connects anew: the balancer chooses again. */
  async connect(): Promise<void> {
    this.client.disconnect()
    const live = Promise.withResolvers<void>()
    const end = this.client.on('status', ({ state }) => state === 'live' && live.resolve())
    this.client.connect()
    await live.promise
    end()
  }

  /** Begins with fresh notes, about these chats, on a new connection: after some faults all are on one instance. */
  async begin(chatIds: readonly string[], notes: Notes): Promise<void> {
    this.#resumes = new Resumes()
    await this.connect()
    this.#notes = notes
    this.#copies = new Map(chatIds.map((chatId) => [chatId, new ChatCopy(chatId, this.#userId)]))
    for (const chatId of chatIds) await patiently(() => this.client.load(chatId))
  }

  /** Resolves when it is acknowledged, however often the client has to try; a refusal is written down. */
  async say(chatId: string, { id = v7(), padding = '' } = {}): Promise<void> {
    const record = this.#note(chatId, id, padding)
    try {
      settle(record, await this.client.send(chatId, { id, content: record.content }))
    } catch {
      settle(record, undefined)
    }
  }

  /** The same as another device of the same user would say it, at one instance and once. */
  async sayBeside(chatId: string, messageId: string, url: string): Promise<void> {
    const { content } = this.#notes.sends.findLast((send) => send.messageId === messageId) ?? {}
    if (content === undefined) throw new Error('It was not said at all')
    const record = newRecord(chatId, messageId, content)
    this.#notes.sends.push(record)
    const json = { id: messageId, content }
    const response = await this.call('POST', `/api/chats/${chatId}/messages`, { url, json })
    if (response.ok) settle(record, (await response.json()) as { seq: number })
  }

  /**
   * Says it over REST at one instance, again and again until it is stored; answers what came of the first try, and
   * after how long.
   */
  async insist(chatId: string, url: string): Promise<{ status: number; milliseconds: number }> {
    const record = this.#note(chatId, v7(), '')
    const json = { id: record.messageId, content: record.content }
    const answer = () => this.call('POST', `/api/chats/${chatId}/messages`, { url, json })
    let last = await answer()
    const first = { status: last.status, milliseconds: performance.now() - record.invokedAt }
    for (let tries = 1; !last.ok && tries < INSISTS; tries += 1) {
      await sleep(INSIST_PAUSE)
      last = await answer()
    }
    if (last.ok) settle(record, (await last.json()) as { seq: number })
    return first
  }

  /** A request of its user; without an answer it is one of status 503. */
  async call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    { url = this.url, json }: { url?: string; json?: object } = {},
  ): Promise<Response> {
    const headers = { Authorization: `Bearer ${this.accessToken}`, 'Content-Type': 'application/json' }
    const body = json && { body: JSON.stringify(json) }
    const answered = fetch(new URL(path, url), { method, headers, ...body })
    return answered.catch(() => new Response(null, { status: 503 }))
  }

  #note(chatId: string, id: string, padding: string): SendRecord {
    this.#count += 1
    const record = newRecord(chatId, id, `${this.name} ${this.#count}${padding}`)
    this.#notes.sends.push(record)
    this.#notes.byContent.set(record.content, record)
    return record
  }

  /** What it did and saw, for the checker. */
  history(): ClientHistory {
    const seen = [...this.#copies.values()].flatMap((copy) => copy.seen)
    const state = new Map(this.chatIds.flatMap((chatId) => this.#viewOf(chatId)))
    return { clientId: this.name, userId: this.#userId, seen, resumes: this.#resumes.records, state }
  }

  applied(chatId: string): number {
    return this.client.findChat(chatId)?.applied ?? 0
  }

  #viewOf(chatId: string): [string, ChatView][] {
    const chat = this.client.findChat(chatId)
    if (!chat) return []
    const participants = [...chat.participants.values()]
    return [
      [
        chatId,
        { seq: chat.applied, messages: chat.messages.toArray(), participants, unread: chat.me.unread },
      ],
    ]
  }

  #witness(text: string): void {
    if (text === PONG) return
    const frame: ServerFrame = JSON.parse(text)
    this.#resumes.hear(frame)
    if (frame.type === 'hello') for (const copy of this.#copies.values()) copy.forgetHeld()
    for (const copy of this.#copies.values()) copy.take(frame)
  }
}

function newRecord(chatId: string, messageId: string, content: string): SendRecord {
  const invokedAt = performance.now()
  return {
    ...{ chatId, messageId, content, invokedAt },
    ...{ settledAt: undefined, outcome: 'unknown', seq: undefined },
  }
}

function settle(record: SendRecord, ack: { readonly seq: number } | undefined): void {
  record.settledAt = performance.now()
  record.outcome = ack ? 'ok' : 'failed'
  record.seq = ack?.seq
}

interface Witness {
  see(text: string): void
  say(text: string): void
}

/** A socket that shows each text to somebody before the client has it, or the server. */
function witnessed({ see, say }: Witness) {
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { perMessageDeflate: false })
      this.on('message', (data) => see(String(data)))
    }

    override send(text: string): void {
      say(text)
      super.send(text)
    }
  }
}
