import type { Clock } from '../rooms/ports.ts'
import { type Job, JobError, type JobHandlers, type JobStore } from './ports.ts'

/** Tries of a job before it is a dead letter. */
const MOST_ATTEMPTS = 8
/** Milliseconds that a job may take. One that was begun by an instance that ended is due again after it. */
const LEASE = 30_000
/** How often the store is asked without a reason: for jobs of instances that are gone. Milliseconds. */
const POLL = 5_000
/** Before the store is asked again after it failed. */
const STORE_PAUSE = 1_000
/** Each pause is so many times the one before, up to the longest: with 2 s at first, all tries take an hour and a half. */
const BACKOFF = 4
const LONGEST_PAUSE = 3_600_000
/** What a provider may ask for at most. */
const MOST_ASKED = 86_400_000
/** What a stop waits for jobs under way; the others are done by somebody else when their lease ends. */
const PATIENCE = 12_000
const ERROR_CHARACTERS = 500

export interface RunOptions {
  readonly store: JobStore
  readonly handlers: JobHandlers
  /** Between 0 and 1: spreads retries. */
  readonly random: () => number
  /** Milliseconds until the second try. */
  readonly firstPause: number
  readonly onFault: (fault: { readonly error: unknown; readonly jobId?: string }) => void
}

export interface RunnerOptions extends RunOptions {
  readonly clock: Clock
}

/** Runner does the jobs of the store, together with the runners of all other instances. */
export interface Runner {
  /** There is a job that is due in so many milliseconds. */
  wake(delay: number): void
  /** Claims no more; resolves when what was begun is done, or has been waited for. */
  close(): Promise<void>
}

/**
 * createRunner claims what is due as soon as it is told of it or has a hand free, and asks every few seconds for what
 * nobody told it of. A job that fails is tried again later and later, and in the end kept as a dead letter.
 */
export function createRunner(options: RunnerOptions): Runner {
  const { store, handlers, clock, onFault } = options
  const running = new Map<string, number>(Object.keys(handlers).map((kind) => [kind, 0]))
  let dueAt = Number.POSITIVE_INFINITY
  let cancel = () => {}
  let claiming: Promise<void> | undefined
  let isAskedAgain = false
  let isClosed = false
  let onIdle = () => {}
  wake(0)

  function wake(delay: number): void {
    const at = clock.now() + delay
    if (isClosed || at >= dueAt) return
    cancel()
    dueAt = at
    cancel = clock.after(delay, () => {
      dueAt = Number.POSITIVE_INFINITY
      if (claiming) isAskedAgain = true
      else claiming = claim().then(rest)
    })
  }

  function rest(delay: number): void {
    claiming = undefined
    wake(isAskedAgain ? 0 : delay)
    isAskedAgain = false
  }

  /** Answers in how many milliseconds to ask again. */
  async function claim(): Promise<number> {
    const free = new Map(
      [...running].flatMap(([kind, count]): [string, number][] => {
        const left = (handlers[kind]?.atOnce ?? 0) - count
        return left > 0 ? [[kind, left]] : []
      }),
    )
    if (free.size === 0) return POLL
    try {
      const { jobs, nextIn } = await store.claim({ free, lease: LEASE, mostAttempts: MOST_ATTEMPTS })
      for (const job of jobs) void begin(job)
      return Math.min(nextIn ?? POLL, POLL)
    } catch (error) {
      onFault({ error })
      return STORE_PAUSE
    }
  }

  async function begin(job: Job): Promise<void> {
    count(job.kind, 1)
    await runJob(job, options).catch((error: unknown) => onFault({ error, jobId: job.id }))
    count(job.kind, -1)
    wake(0)
    if (isIdle()) onIdle()
  }

  function count(kind: string, more: number): void {
    running.set(kind, (running.get(kind) ?? 0) + more)
  }

  function isIdle(): boolean {
    return [...running.values()].every((count) => count === 0)
  }

  return {
    wake,
    async close() {
      isClosed = true
      cancel()
      await claiming
      if (isIdle()) return
      await new Promise<void>((resolve) => {
        const stopWaiting = clock.after(PATIENCE, resolve)
        onIdle = () => {
          stopWaiting()
          resolve()
        }
      })
    },
  }
}

/**
 * runDue does everything that is due, and answers in how many milliseconds the next job is; null when there is none.
 * For a host that has nobody who waits: something has to call it. Rejects when the store cannot be reached.
 */
export async function runDue(options: RunOptions): Promise<number | null> {
  const { store, handlers, onFault } = options
  const free = new Map(Object.entries(handlers).map(([kind, { atOnce }]) => [kind, atOnce]))
  for (;;) {
    const { jobs, nextIn } = await store.claim({ free, lease: LEASE, mostAttempts: MOST_ATTEMPTS })
    if (jobs.length === 0) return nextIn
    const run = (job: Job) =>
      runJob(job, options).catch((error: unknown) => onFault({ error, jobId: job.id }))
    await Promise.all(jobs.map(run))
  }
}

/** runJob does one claimed job and says in the store what became of it. Rejects when the store cannot be told. */
async function runJob(
  job: Job,
  { store, handlers, random, firstPause }: Omit<RunOptions, 'onFault'>,
): Promise<void> {
  const handler = handlers[job.kind]
  if (!handler) return
  let next: Awaited<ReturnType<typeof handler.run>>
  try {
    next = await handler.run(job)
  } catch (error) {
    const pause = toPause(error, () => backoff(job.attempts, { firstPause, random }))
    const retryIn = job.attempts >= MOST_ATTEMPTS ? null : pause
    return store.fail(job, { error: String(error).slice(0, ERROR_CHARACTERS), retryIn })
  }
  await store.finish(job, next)
}

function toPause(error: unknown, own: () => number): number | null {
  if (!(error instanceof JobError)) return own()
  return error.retryIn === null ? null : Math.max(Math.min(error.retryIn, MOST_ASKED), own())
}

/** Half of the pause is sure and half is chance, so that what failed together does not come back together. */
function backoff(
  attempts: number,
  { firstPause, random }: Pick<RunOptions, 'firstPause' | 'random'>,
): number {
  const pause = Math.min(firstPause * BACKOFF ** (attempts - 1), LONGEST_PAUSE)
  return Math.round(pause * (0.5 + random() / 2))
}
