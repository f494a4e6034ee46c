import type { CommandType } from '../protocol/commands.ts'
import type { Refusal } from '../protocol/errors.ts'
import { LIMITS, TIMES } from '../protocol/limits.ts'
import { followSession } from './follow-session.ts'
import type {
  Clock,
  CommitResult,
  Envelope,
  Ids,
  Known,
  Outcome,
  Principal,
  Publisher,
  RoomDirectory,
  RoomHandle,
  RoomState,
  RoomStore,
} from './ports.ts'
import { tell } from './tell.ts'
import { isWatermark, needsOf, planTurn, sharedBy, type TurnPlan } from './turn.ts'
import { createTyping, type Typing } from './typing.ts'

/** Commands of one turn at most; what is more waits for the next, so that a statement stays small. */
const TURN_COMMANDS = 256
/** Between tries when the store is away. */
const RETRY_PAUSE = 50

const UNAVAILABLE: Refusal = {
  code: 'SERVICE_UNAVAILABLE',
  message: 'Not confirmed in time. Retry it as it is, with the same id: it is done at most once',
  retryAfter: 1,
}
const BUSY: Refusal = { ...UNAVAILABLE, message: 'Too many commands wait in this chat. Retry' }

export interface RoomPorts {
  readonly store: RoomStore
  readonly broadcast: Publisher
  readonly clock: Clock
  readonly ids: Ids
  /** The other rooms, wherever their owners are: the notes of a session follow its staff. */
  readonly rooms: RoomDirectory
  /** Told of what no outcome shows: a turn that failed for a reason of the store's. */
  readonly onFault: (fault: { chatId: string; error: unknown }) => void
  /** Milliseconds in which a command is committed or refused; `TIMES.commitDeadline` when left out. */
  readonly commitDeadline?: number
}

interface Waiting {
  readonly envelope: Envelope
  readonly deadline: number
  readonly settle: (outcome: Outcome) => void
}

/**
 * Room is the live owner of one chat: it takes commands from its mailbox in turns, one turn in flight at a time.
 * A turn decides on a draft, commits, and only then answers and tells. Being an owner is no right: the store's
 * fence makes a stale room commit nothing, and it then loads afresh and decides the same commands again.
 */
export class Room implements RoomHandle {
  readonly #chatId: string
  readonly #ports: RoomPorts
  readonly #typing: Typing
  readonly #commitDeadline: number
  #state: RoomState | undefined
  #isLoaded = false
  #reloads = 0
  /** A commit's answer was lost: what it stored, if it did, was told to nobody. */
  #isUntold = false
  #isLookDue = false
  #mailbox: Waiting[] = []
  /** The commands of the turn that runs now. */
  #inTurn: readonly Waiting[] = []
  /** Watermarks of a group that wait for the end of their second. */
  #held: Waiting[] = []
  #receiptsDue = 0
  #isRunning = false
  #isWatched = false
  #usedAt: number

  constructor(chatId: string, ports: RoomPorts) {
    this.#chatId = chatId
    this.#ports = ports
    this.#usedAt = ports.clock.now()
    this.#commitDeadline = ports.commitDeadline ?? TIMES.commitDeadline
    this.#typing = createTyping(chatId, ports)
  }

  /** Nothing waits, and nobody has used the room since `moment`. */
  isIdleSince(moment: number): boolean {
    return !this.#isRunning && this.waiting === 0 && this.#usedAt < moment
  }

  /** Commands that no turn has taken yet. */
  get waiting(): number {
    return this.#mailbox.length + this.#held.length
  }

  dispatch<T extends CommandType>(envelope: Envelope<T>): Promise<Outcome<T>> {
    if (this.waiting >= LIMITS.roomMailbox) return Promise.resolve({ ok: false, refusal: BUSY })
    return new Promise((resolve) => {
      const now = this.#ports.clock.now()
      this.#usedAt = now
      const settle = resolve as (outcome: Outcome) => void
      const named = withId(envelope as Envelope, this.#ports.ids)
      this.#mailbox.push({ envelope: named, deadline: now + this.#commitDeadline, settle })
      this.#watch(this.#commitDeadline)
      if (!this.#isRunning) void this.#run()
    })
  }

  typing(principal: Principal, isTyping: boolean): void {
    this.#usedAt = this.#ports.clock.now()
    this.#typing.set(principal, isTyping, () => this.#stateForTyping())
  }

  async reload(): Promise<void> {
    this.#reloads += 1
    this.#isLoaded = false
  }

  /** Commits every held watermark now: part of a drain. */
  flush(): void {
    this.#receiptsDue = 0
    this.#releaseHeld()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#mailbox.length > 0) {
      this.#hold()
      this.#inTurn = takeBatch(this.#mailbox)
      try {
        await this.#turn(this.#inTurn)
      } catch (error) {
        this.#isLoaded = false
        this.#ports.onFault({ chatId: this.#chatId, error })
        refuseAll(this.#inTurn, UNAVAILABLE)
      }
    }
    this.#inTurn = []
    this.#isRunning = false
    if (this.#isUntold) this.#lookLater()
  }

  async #turn(batch: readonly Waiting[]): Promise<void> {
    let waiting = this.#dropLate(batch)
    for (let attempt = 0; waiting.length > 0; attempt += 1) {
      const result = await this.#attempt(waiting, attempt)
      if (result.status === 'committed') return
      this.#isLoaded = false
      if (result.status === 'unknown') this.#isUntold = true
      if (result.status === 'refused') return this.#isolate(waiting, result.refusal)
      // Once stale is another owner's commit; stale again may be a row that somebody holds.
      if (result.status !== 'stale' || attempt > 1) await this.#pause()
      waiting = this.#dropLate(waiting)
    }
  }

  /** Decides and commits; when that is done, answers and tells. */
  async #attempt(waiting: readonly Waiting[], attempt: number): Promise<CommitResult> {
    let plan: TurnPlan
    try {
      plan = await this.#plan(waiting, attempt > 0)
    } catch (error) {
      if (attempt === 0) this.#ports.onFault({ chatId: this.#chatId, error })
      return UNREADABLE
    }
    const result = plan.turn.events.length === 0 ? COMMITTED : await this.#ports.store.commit(plan.turn)
    if (result.status === 'committed') this.#finish(waiting, plan)
    return result
  }

  /**
   * Decides what waits. What is answered without a commit (a refusal, nothing to do) is worth as much as what it
   * rests on: it is decided again on a state loaded for this turn, with the ids of sends looked up, since a retry of
   * what was stored is no failure, whatever has changed since.
   */
  async #plan(waiting: readonly Waiting[], isRetry: boolean): Promise<TurnPlan> {
    const { store, clock, ids } = this.#ports
    const envelopes = waiting.map(({ envelope }) => envelope)
    let isFresh = false
    for (let isLookedUp = isRetry; ; isLookedUp = true) {
      if (!this.#isLoaded) {
        await this.#load()
        isFresh = true
      }
      const needs = needsOf(envelopes, isLookedUp)
      const { messageIds, userIds, uploadIds, sessions } = needs
      const isEmpty = messageIds.length + userIds.length + uploadIds.length === 0 && !sessions
      const plan = planTurn({
        chatId: this.#chatId,
        state: this.#state,
        envelopes,
        known: isEmpty ? NOTHING_KNOWN : await store.read(needs),
        at: new Date(clock.now()).toISOString(),
        freshId: () => ids.uuid(),
      })
      if (!plan.isDoubtful || (isLookedUp && isFresh)) return plan
      if (!isFresh) this.#isLoaded = false
    }
  }

  async #load(): Promise<void> {
    const reloads = this.#reloads
    this.#state = await this.#ports.store.load(this.#chatId)
    this.#isLoaded = reloads === this.#reloads
    this.#tellUntold(this.#state)
  }

  /** What may have been stored is told if nobody writes any more, too: by then the store has done it or given it up. */
  #lookLater(): void {
    if (this.#isLookDue) return
    this.#isLookDue = true
    this.#ports.clock.after(this.#commitDeadline, async () => {
      this.#isLookDue = false
      if (!this.#isUntold || this.#isRunning) return
      try {
        this.#tellUntold(await this.#ports.store.load(this.#chatId))
      } catch {
        this.#lookLater()
      }
    })
  }

  #tellUntold(state: RoomState | undefined): void {
    if (!this.#isUntold || !state) return
    this.#isUntold = false
    this.#tellHead(state.seq)
  }

  #tellHead(seq: number): void {
    this.#ports.broadcast.publish(`chat:${this.#chatId}`, { kind: 'head', seq })
  }

  #finish(waiting: readonly Waiting[], plan: TurnPlan): void {
    const before = this.#state
    this.#state = plan.next
    waiting.forEach(({ settle }, index) => {
      const outcome = plan.outcomes[index]
      if (outcome) settle(outcome)
    })
    // Only what was there before: told of more than it heard, every gateway would read what comes next anyway.
    if (plan.hasReplay) this.#tellHead(plan.turn.prevSeq)
    if (plan.events.length === 0) return
    tell(this.#ports.broadcast, plan)
    const principal = plan.by
    if (principal && plan.next?.chat.kind === 'session')
      followSession(this.#ports, { before, plan, principal })
    for (const { event } of plan.events) {
      if (event.type === 'message:new') this.#typing.stop(event.data.sender.id)
      else if (event.type === 'participant:left') this.#typing.stop(event.data.userId)
      else if (event.type === 'receipts') this.#receiptsDue = this.#ports.clock.now() + TIMES.receiptsInterval
    }
  }

  /** In a group, watermarks wait until a second has passed since the last receipts, and then go as one change. */
  #hold(): void {
    const wait = this.#receiptsDue - this.#ports.clock.now()
    if (this.#state?.chat.kind !== 'group' || wait <= 0) return
    const [held, others] = partition(this.#mailbox, ({ envelope }) => isWatermark(envelope.command.type))
    if (held.length === 0) return
    if (this.#held.length === 0) this.#ports.clock.after(wait, () => this.#releaseHeld())
    this.#held.push(...held)
    this.#mailbox = others
  }

  #releaseHeld(): void {
    const deadline = this.#ports.clock.now() + this.#commitDeadline
    this.#mailbox.push(...this.#held.map((waiting) => ({ ...waiting, deadline })))
    this.#held = []
    if (!this.#isRunning) void this.#run()
  }

  /** The store refused the turn: a command that was alone is refused; of many, each half tries by itself. */
  async #isolate(waiting: readonly Waiting[], refusal: Refusal): Promise<void> {
    if (waiting.length === 1) return refuseAll(waiting, refusal)
    const middle = Math.ceil(waiting.length / 2)
    await this.#turn(waiting.slice(0, middle))
    await this.#turn(waiting.slice(middle))
  }

  #dropLate(waiting: readonly Waiting[]): readonly Waiting[] {
    const now = this.#ports.clock.now()
    const [late, inTime] = partition(waiting, ({ deadline }) => deadline <= now)
    refuseAll(late, UNAVAILABLE)
    return inTime
  }

  /** Answers whoever has waited too long, also while the store hangs. One timer a room, not one a command. */
  #watch(milliseconds: number): void {
    if (this.#isWatched) return
    this.#isWatched = true
    this.#ports.clock.after(milliseconds, () => {
      this.#isWatched = false
      this.#mailbox = [...this.#dropLate(this.#mailbox)]
      const waiting = [...this.#dropLate(this.#inTurn), ...this.#mailbox]
      if (waiting.length === 0) return
      this.#watch(Math.min(...waiting.map(({ deadline }) => deadline)) - this.#ports.clock.now())
    })
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => this.#ports.clock.after(RETRY_PAUSE, resolve))
  }

  /** A room that is not in memory is read and not kept: a turn may begin meanwhile, and know more. */
  async #stateForTyping(): Promise<RoomState | undefined> {
    return this.#isLoaded ? this.#state : this.#ports.store.load(this.#chatId)
  }
}

/** The store cannot be read, so nothing was done. */
const UNREADABLE: CommitResult = { status: 'unavailable' }
const COMMITTED: CommitResult = { status: 'committed' }
const NOTHING_KNOWN: Known = { messages: new Map(), users: new Map(), uploads: new Map() }

/** withId names a send that has no id before its first try: another try must be the same message. */
export function withId(envelope: Envelope, ids: Ids): Envelope {
  const { command } = envelope
  if (command.type !== 'message:send' || command.id !== undefined) return envelope
  return { ...envelope, command: { ...command, id: ids.uuid() } }
}

/** The next turn's commands: a run of those that share turns, or one other. */
function takeBatch(mailbox: Waiting[]): Waiting[] {
  const type = mailbox[0]?.envelope.command.type
  const by = type && sharedBy(type)
  const end = mailbox.findIndex(({ envelope }) => by === undefined || sharedBy(envelope.command.type) !== by)
  const shared = end === -1 ? mailbox.length : end
  return mailbox.splice(0, Math.max(1, Math.min(shared, TURN_COMMANDS)))
}

function partition<T>(all: readonly T[], belongs: (one: T) => boolean): [T[], T[]] {
  const yes: T[] = []
  const no: T[] = []
  for (const one of all) (belongs(one) ? yes : no).push(one)
  return [yes, no]
}

function refuseAll(waiting: readonly Waiting[], refusal: Refusal): void {
  for (const { settle } of waiting) settle({ ok: false, refusal })
}
