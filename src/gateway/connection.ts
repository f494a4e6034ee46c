import type { CloseReason, Refusal } from '../protocol/errors.ts'
import { RefusalError, toErrorBody } from '../protocol/errors.ts'
import type { ClientFrame, ServerFrame } from '../protocol/frames.ts'
import { LIMITS, TIMES } from '../protocol/limits.ts'
import type { PresenceStatus } from '../protocol/model.ts'
import { PING, PONG } from '../protocol/version.ts'
import type { Clock, Ids } from '../rooms/ports.ts'
import type { Act } from './act.ts'
import { type Feed, type LocalUser, type News, toFrames } from './audience.ts'
import { type Beats, firstBeats, nextBeatAt, takeBeat } from './beats.ts'
import { idIn, parseFrame } from './parse-frame.ts'
import type { Authenticated, ChangesRead, ChangesWanted, Frames, Socket } from './ports.ts'
import { CatchUp } from './sync.ts'

/** Bad frames in a row after which the socket is closed. */
const BAD_FRAMES = 20
/** Characters of a catch-up after which it waits for the network: well below what makes a reader slow. */
const PACE = 65_536

export interface ConnectionPorts {
  readonly act: Act
  readonly clock: Clock
  readonly ids: Ids
  /** The store says that a chat is not the user's any more, and nobody had told it here. */
  readonly onLeft: (connection: Connection, chatId: string) => void
  readonly onFault: (fault: { connectionId: string; error: unknown }) => void
}

/** ConnectionState is all that a connection has to know again when it was asleep. Plain data. */
export interface ConnectionState extends Authenticated {
  readonly id: string
  /** How the client wants its user to be seen. */
  readonly status: PresenceStatus
  /** How others were last told that the user is. */
  readonly shownAs: PresenceStatus
  readonly beats: Beats
}

export interface ConnectionStart extends Authenticated {
  readonly socket: Socket
  /** What it was before it fell asleep; it is new when left out. */
  readonly past?: ConnectionState
  /** Milliseconds by which its first heartbeat comes sooner; 0 when left out. */
  readonly early?: number
  readonly onEnd: (connection: Connection) => void
}

/**
 * Connection is the state machine of one client's socket: `opening` until the gateway knows its chats (frames wait),
 * `open` from hello on, `closed` for good. Frames are taken in their order; each has one reply.
 */
export class Connection {
  readonly id: string
  readonly #ports: ConnectionPorts
  readonly #socket: Socket
  readonly #onEnd: (connection: Connection) => void
  /** How the client wants its user to be seen. */
  status: PresenceStatus
  /** Chats in which the client has said that its user types. */
  readonly typingIn = new Set<string>()
  #state: 'opening' | 'open' | 'closed' = 'opening'
  #authenticated: Authenticated
  #user: LocalUser | undefined
  #early: string[] | undefined
  /** The step of a frame that still waits (a look-up, a limit): the next frames wait behind it. */
  #step: Promise<void> | undefined
  #catchUp: CatchUp | undefined
  /** Characters of catch-ups since the network last took all. */
  #sinceDrained = 0
  #inFlight = 0
  #badFrames = 0
  #heardAt: number
  #beats: Beats

  constructor(
    { socket, onEnd, principal, expiresAt, past, early = 0 }: ConnectionStart,
    ports: ConnectionPorts,
  ) {
    this.id = past?.id ?? ports.ids.uuid()
    this.status = past?.status ?? 'online'
    this.#ports = ports
    this.#socket = socket
    this.#onEnd = onEnd
    this.#authenticated = { principal, expiresAt }
    const now = ports.clock.now()
    this.#heardAt = now
    this.#beats = past?.beats ?? firstBeats(now, early)
  }

  /** What to give back when it wakes up. */
  get state(): ConnectionState {
    return {
      ...this.#authenticated,
      id: this.id,
      status: this.status,
      shownAs: this.#user?.shownAs ?? 'offline',
      beats: this.#beats,
    }
  }

  /** When `tick` will next have something to do. */
  get dueAt(): number {
    return Math.min(nextBeatAt(this.#beats), this.#authenticated.expiresAt)
  }

  get principal() {
    return this.#authenticated.principal
  }

  get isOpen() {
    return this.#state === 'open'
  }

  get isClosed() {
    return this.#state === 'closed'
  }

  /** Hello has to be the first frame, unless the client had it before; what the client sent until now is acted on. */
  open(user: LocalUser, hello?: ServerFrame): void {
    if (this.#state !== 'opening') return
    this.#state = 'open'
    this.#user = user
    user.connections.add(this)
    if (hello) this.send(hello)
    if (user.missed.size > 0)
      void this.catchUp([...user.missed].map(([chatId, since]) => ({ chatId, since })))
    const early = this.#early ?? []
    this.#early = undefined
    for (const text of early) this.receive(text)
  }

  /** Refuses what waits for the connection to open, because that will take longer. */
  refuseEarly(refusal: Refusal): void {
    const early = this.#early ?? []
    this.#early = undefined
    for (const text of early) this.#socket.send({ texts: [this.#toError(idIn(text), refusal)] })
  }

  /** A frame of the client's, or a ping. Never throws: whatever is wrong with it is answered. */
  receive(text: string): void {
    this.#heardAt = this.#ports.clock.now()
    if (text === PING) {
      if (this.#state !== 'closed') this.#write({ texts: [PONG] })
      return
    }
    if (this.#state === 'opening') this.#keep(text)
    if (this.#state !== 'open') return
    const frame = this.#parse(text)
    if (!frame) return
    if (this.#inFlight >= LIMITS.commandsInFlight) {
      const message = `At most ${LIMITS.commandsInFlight} frames may wait for their reply`
      this.refuse(frame.id, { code: 'RATE_LIMIT_EXCEEDED', message, retryAfter: 1 })
      return
    }
    this.#inFlight += 1
    if (this.#step) this.#queue(this.#step.then(() => this.#act(frame)))
    else {
      const step = this.#act(frame)
      if (step) this.#queue(step)
    }
  }

  /** A frame that is no text. */
  receiveBinary(): void {
    this.#heardAt = this.#ports.clock.now()
    if (this.#state === 'closed') return
    this.#bad(null, { code: 'VALIDATION_ERROR', message: 'Frames are text: JSON in UTF-8' })
  }

  /** A sign of life below the protocol. */
  heard(): void {
    this.#heardAt = this.#ports.clock.now()
  }

  /** Passes news of a chat on. The origin of a change has its ack instead, unless it is catching up. */
  deliver(news: News, isOrigin: boolean): void {
    const events = this.#catchUp?.pass(news) ?? news.events
    const others = isOrigin ? events.filter(({ origin }) => origin !== this.id) : events
    if (others.length > 0) this.write(others === news.events ? news.frames : toFrames(others))
  }

  /** The chat's head for this client: never below what a batch has told it. */
  headOf({ chatId, head }: Feed): number {
    return Math.max(head, this.#catchUp?.aheadIn(chatId) ?? 0)
  }

  /** Reads what changed since, and sends it before anything newer of those chats. */
  async catchUp(wanted: readonly ChangesWanted[]): Promise<void> {
    const user = this.#user
    if (!user || this.#state !== 'open') return
    const catchUp = this.#catchUp ?? this.#createCatchUp(user)
    this.#catchUp = catchUp
    await catchUp.read(wanted)
    if (this.#catchUp === catchUp && catchUp.isDone) this.#catchUp = undefined
  }

  #createCatchUp(user: LocalUser): CatchUp {
    return new CatchUp({
      read: (chats) => this.#read(user, chats),
      send: (frame) => this.sendPaced(frame),
      forward: (events) => this.write(toFrames(events)),
      headOf: (chatId) => user.chats.get(chatId)?.head ?? 0,
      caughtUp: (chatId) => void user.missed.delete(chatId),
      leave: (chatId) => this.#ports.onLeft(this, chatId),
      giveUp: (error) => {
        if (error !== undefined) this.#ports.onFault({ connectionId: this.id, error })
        this.close('resync')
      },
    })
  }

  /** What is read must not be older than what the feed began with, or there would be a hole between the two. */
  async #read(user: LocalUser, wanted: readonly ChangesWanted[]): Promise<ChangesRead[]> {
    await Promise.all(wanted.map(({ chatId }) => user.chats.get(chatId)?.ready))
    return this.isOpen ? this.#ports.act.changes.readChanges(user.id, wanted) : []
  }

  /** Sends one of many frames; resolves when the next may be sent, so that a large catch-up makes nobody slow. */
  async sendPaced(frame: ServerFrame): Promise<void> {
    const text = JSON.stringify(frame)
    this.write({ texts: [text] })
    this.#sinceDrained += text.length
    if (this.#sinceDrained < PACE) return
    this.#sinceDrained = 0
    await this.#socket.drained()
  }

  send(frame: ServerFrame): void {
    this.write({ texts: [JSON.stringify(frame)] })
  }

  /** Writes frames that may have been encoded for many; a reader that is too slow is closed instead. */
  write(frames: Frames): void {
    if (this.#state === 'open') this.#write(frames)
  }

  #write(frames: Frames): void {
    if (this.#socket.isSlow()) this.close('slow')
    else this.#socket.send(frames)
  }

  refuse(id: string | null, refusal: Refusal): void {
    this.write({ texts: [this.#toError(id, refusal)] })
  }

  #toError(id: string | null, refusal: Refusal): string {
    const request = { now: this.#ports.clock.now(), requestId: this.#ports.ids.uuid() }
    const frame: ServerFrame = { type: 'error', id, error: toErrorBody(refusal, request) }
    return JSON.stringify(frame)
  }

  renew(authenticated: Authenticated): void {
    this.#authenticated = authenticated
  }

  /** Called every second, or when `dueAt` says: closes what is silent or expired, and says what is due. */
  tick(now: number): { isHeartbeatDue: boolean; isCheckDue: boolean } {
    const nothing = { isHeartbeatDue: false, isCheckDue: false }
    if (now - this.#heardAt > TIMES.silence) this.close('silent')
    else if (now >= this.#authenticated.expiresAt) this.close('notAuthenticated')
    if (this.#state !== 'open') return nothing
    const taken = takeBeat(this.#beats, now)
    if (!taken) return nothing
    this.#beats = taken.beats
    return { isHeartbeatDue: true, isCheckDue: taken.isCheckDue }
  }

  ping(): void {
    this.#socket.ping()
  }

  /** Tells the heads of the user's chats that changed since they were told last. */
  tellHeads(logId: string, { chats }: LocalUser): void {
    const changed = [...chats.values()].filter(({ changedAt }) => changedAt >= this.#beats.toldAt)
    this.#beats = { ...this.#beats, toldAt: this.#ports.clock.now() }
    const heads = Object.fromEntries(changed.map((feed) => [feed.chatId, this.headOf(feed)]))
    this.send({ type: 'heads', data: { logId, chats: heads } })
  }

  bye(retryAfter: number): void {
    this.send({ type: 'bye', data: { code: 1012, retryAfter } })
    this.close('restart')
  }

  close(reason: CloseReason): void {
    if (this.#state === 'closed') return
    this.#socket.close(reason)
    this.disconnect()
  }

  /** The socket has ended. */
  disconnect(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#early = undefined
    this.#catchUp = undefined
    this.#user?.connections.delete(this)
    this.#onEnd(this)
  }

  /** Keeps a frame until hello: no more of them than what may wait later on. */
  #keep(text: string): void {
    this.#early ??= []
    const count = this.#early.push(text)
    const size = this.#early.reduce((sum, { length }) => sum + length, 0)
    if (count > LIMITS.commandsInFlight || size > LIMITS.queuedBytes) this.close('badFrame')
  }

  #parse(text: string): ClientFrame | undefined {
    const parsed = parseFrame(text)
    if ('frame' in parsed) {
      this.#badFrames = 0
      return parsed.frame
    }
    this.#bad(parsed.id, parsed.refusal)
    return undefined
  }

  #bad(id: string | null, refusal: Refusal): void {
    this.refuse(id, refusal)
    this.#badFrames += 1
    if (this.#badFrames >= BAD_FRAMES) this.close('badFrame')
  }

  /** Runs the frame up to where its command is on its way; the reply follows when the outcome is known. */
  #act(frame: ClientFrame): Promise<void> | undefined {
    const user = this.#user
    if (!user || this.#state !== 'open') return undefined
    return this.#ports.act.run({ connection: this, user, frame }, (reply) => {
      this.#inFlight -= 1
      if (reply instanceof RefusalError) this.refuse(frame.id, reply.refusal)
      else if (reply !== undefined)
        this.write({ texts: [JSON.stringify({ type: 'ack', id: frame.id, data: reply })] })
    })
  }

  #queue(step: Promise<void>): void {
    const done = step
      .catch((error: unknown) => this.#ports.onFault({ connectionId: this.id, error }))
      .then(() => {
        if (this.#step === done) this.#step = undefined
      })
    this.#step = done
  }
}
