import type pg from 'pg'
import { v7 as uuidv7 } from 'uuid'
import type { ChatEvent } from '../protocol/events.ts'
import type { CommitResult, Turn } from '../rooms/ports.ts'
import type { NewJob, Outbox } from '../workers/ports.ts'
import { createBreaker, DatabaseAwayError } from './breaker.ts'
import { toCommitFault, toRefusal } from './commit-fault.ts'
import type { Database } from './connect.ts'
import { hotStatement, isHot } from './hot-statement.ts'
import { rareStatement } from './rare-statement.ts'

/** Changes of one statement, about: what is more waits for the next, so that no statement is long. */
const BATCH_EVENTS = 1_000
/**
 * Turns of a statement beside which another one is begun. Under load one at a time is cheaper for everybody, as what
 * waits goes together; without load nobody is to wait for a flush that is slow.
 */
const SMALL = 4

const COMMITTED: CommitResult = { status: 'committed' }
const STALE: CommitResult = { status: 'stale' }
const UNAVAILABLE: CommitResult = { status: 'unavailable' }

export interface CommitterOptions {
  /** Names the jobs that a turn causes, which are stored with it; none when left out. */
  readonly outbox?: Outbox
  /** Told in how many milliseconds the first of the jobs that were stored is due. */
  readonly onJobs?: (delay: number) => void
  /** Told of every chat whose messages changed, after the commit. */
  readonly onMessages?: (chatId: string) => void
  /** Told how long each statement took. */
  readonly onStatement?: (milliseconds: number) => void
  /** Told of what Postgres said when it refused a turn that breaks no rule of ours, and of broken connections. */
  readonly onFault: (error: unknown) => void
}

/** Committer is the group commit: it merges the turns that wait, of whatever rooms, into one statement. */
export interface Committer {
  /** As in RoomStore. */
  commit(turn: Turn): Promise<CommitResult>
  /** Resolves when nothing is in flight. What comes later is `unavailable`. */
  close(): Promise<void>
}

interface Waiting {
  readonly turn: Turn
  readonly jobs: readonly NewJob[]
  readonly settle: (result: CommitResult) => void
}

/**
 * createCommitter commits at once while little is in flight; while much is, turns wait, and go together when it comes
 * back. So the batch grows with the load, and no timer is ever in the way. One round trip a batch, and never a
 * transaction of several statements: an owner that freezes in between would hold the rows. Changes that take a
 * statement each have a lane of their own, so that no message waits behind them.
 */
export function createCommitter(db: Database, options: CommitterOptions): Committer {
  const { outbox = () => [], onJobs = () => {}, onMessages = () => {}, onStatement = () => {} } = options
  const { onFault } = options
  // Another one per connection, because PGlite's one session outlives its connections with all that they prepared.
  const names = new WeakMap<pg.PoolClient, string>()
  // Every room tries again and again: neither the server nor the log is to hear of each time.
  const breaker = createBreaker()
  const hot = createLane(takeBatch)
  const rare = createLane((queue) => [queue.slice(0, 1), queue.slice(1)])
  let isClosed = false

  /** A lane has one statement in flight, or two while the first is small. */
  function createLane(take: (queue: readonly Waiting[]) => [batch: Waiting[], rest: Waiting[]]) {
    let queue: Waiting[] = []
    let running = 0
    let inFlight = 0
    let onIdle = () => {}

    const isSmall = () => inFlight > 0 && inFlight <= SMALL

    async function run(): Promise<void> {
      running += 1
      do {
        const client = await breaker.run(() => db.commits.connect()).catch(onUnconnected)
        // Whoever waits is not made to wait for the next attempt to fail as well.
        if (!client) settleAll(queue.splice(0), UNAVAILABLE)
        else {
          const [batch, rest] = take(queue)
          queue = rest
          inFlight += batch.length
          client.release(!(await commitBatch(client, batch)))
          inFlight -= batch.length
        }
      } while (queue.length > 0 && (running === 1 || isSmall()))
      running -= 1
      if (running === 0) onIdle()
    }

    return {
      push(waiting: Waiting): void {
        queue.push(waiting)
        if (running === 0 || (running === 1 && isSmall())) void run()
      },
      async drain(): Promise<void> {
        if (running > 0) await new Promise<void>((resolve) => (onIdle = resolve))
      },
    }
  }

  function onUnconnected(error: unknown): undefined {
    if (!(error instanceof DatabaseAwayError)) onFault(error)
  }

  /** Commits a batch and settles it; answers whether the connection is still good. */
  async function commitBatch(client: pg.PoolClient, batch: readonly Waiting[]): Promise<boolean> {
    if (batch.length === 0) return true
    const begin = performance.now()
    try {
      const { rows } = await client.query<[string]>({ ...statementOf(client, batch), rowMode: 'array' })
      onStatement(performance.now() - begin)
      const committed = new Set(rows.map(([chatId]) => chatId))
      for (const { turn, jobs, settle } of batch) {
        const isCommitted = committed.has(turn.chatId)
        if (isCommitted && jobs.length > 0) onJobs(Math.min(...jobs.map(({ delay = 0 }) => delay)))
        if (isCommitted && turn.events.some(isOfMessage)) onMessages(turn.chatId)
        settle(isCommitted ? COMMITTED : STALE)
      }
      return true
    } catch (error) {
      return afterFault(client, batch, error)
    }
  }

  /** A poison turn is searched by halves, until it stands alone; the others are committed on the way. */
  async function afterFault(
    client: pg.PoolClient,
    batch: readonly Waiting[],
    error: unknown,
  ): Promise<boolean> {
    const fault = toCommitFault(error)
    if (fault.kind === 'whole') {
      onFault(error)
      settleAll(batch, fault.result)
      return !fault.isBroken
    }
    if (batch.length === 1) {
      const result = toRefusal(error)
      if (result.status === 'refused' && result.refusal.code !== 'CONFLICT') onFault(error)
      settleAll(batch, result)
      return true
    }
    const middle = batch.length >> 1
    const isGood = await commitBatch(client, batch.slice(0, middle))
    if (isGood) return commitBatch(client, batch.slice(middle))
    settleAll(batch.slice(middle), UNAVAILABLE)
    return false
  }

  function statementOf(client: pg.PoolClient, batch: readonly Waiting[]) {
    const turns = batch.map(({ turn }) => turn)
    const [first] = batch
    if (first && !isHot(first.turn)) return rareStatement(first.turn, first.jobs)
    const jobs = batch.flatMap(({ turn: { chatId }, jobs }) => jobs.map((job) => ({ ...job, chatId })))
    const name = names.get(client) ?? `commit-${uuidv7()}`
    names.set(client, name)
    return hotStatement(turns.filter(isHot), jobs, name)
  }

  return {
    commit(turn) {
      if (isClosed) return Promise.resolve(UNAVAILABLE)
      const lane = isHot(turn) ? hot : rare
      return new Promise((settle) => lane.push({ turn, jobs: outbox(turn), settle }))
    },
    async close() {
      isClosed = true
      await Promise.all([hot.drain(), rare.drain()])
    },
  }
}

/**
 * The next batch, and what is left, in the order of arrival: all up to the bound. Two turns of one chat (a room and
 * its successor) must not meet in a statement: the fence tells them apart only one after the other.
 */
function takeBatch(queue: readonly Waiting[]): [batch: Waiting[], rest: Waiting[]] {
  const batch: Waiting[] = []
  const rest: Waiting[] = []
  const chatIds = new Set<string>()
  let events = 0
  for (const waiting of queue) {
    const { turn } = waiting
    const fits = events < BATCH_EVENTS && !chatIds.has(turn.chatId)
    if (fits) {
      chatIds.add(turn.chatId)
      events += turn.events.length
    }
    ;(fits ? batch : rest).push(waiting)
  }
  return [batch, rest]
}

function isOfMessage({ type }: ChatEvent): boolean {
  return type === 'message:new' || type === 'message:edited' || type === 'message:deleted'
}

function settleAll(waiting: readonly Waiting[], result: CommitResult): void {
  for (const { settle } of waiting) settle(result)
}
