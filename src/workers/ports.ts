import type { Turn } from '../rooms/ports.ts'

/** NewJob is work for later. Its payload is JSON, and holds ids: never words of a message, a token or a secret. */
export interface NewJob {
  /** Names the handler. */
  readonly kind: string
  readonly payload: object
  /** Milliseconds until it is due; at once when left out. */
  readonly delay?: number
}

/** Job is a claimed job. `attempts` counts this one too, and is the claim: whoever has another number has lost it. */
export interface Job {
  readonly id: string
  readonly kind: string
  readonly payload: unknown
  readonly attempts: number
}

/**
 * JobQueue takes work that must be done even if this instance ends now.
 * Atomicity: `add` stores all of them or none. Ordering: none. Delivery: at least once, so handlers are idempotent.
 * Failure: `add` rejects when the store cannot be reached; they may be stored nevertheless.
 */
export interface JobQueue {
  add(jobs: readonly NewJob[]): Promise<void>
  /** Looks for work now: something else has made a job due. */
  wake(): void
}

/** Outbox names the jobs that a turn causes. They are stored by the statement that commits the turn, or not at all. Pure. */
export type Outbox = (turn: Turn) => readonly NewJob[]

/** Claim asks for jobs that are due: of each kind no more than there are hands for it. */
export interface Claim {
  readonly free: ReadonlyMap<string, number>
  /** Milliseconds for which nobody else gets them; after that they are due again. */
  readonly lease: number
  /** A job that was claimed so often and never came to an end is dead. */
  readonly mostAttempts: number
}

export interface Claimed {
  readonly jobs: readonly Job[]
  /** Milliseconds until the next one is due; null when none waits. */
  readonly nextIn: number | null
}

/**
 * JobStore keeps jobs until they are done. Each method is one statement; `finish` and `fail` of a claim that was lost
 * do nothing. All reject when the store cannot be reached.
 */
export interface JobStore extends Pick<JobQueue, 'add'> {
  claim(claim: Claim): Promise<Claimed>
  /** Removes the job, and stores what follows from it, together. */
  finish(job: Job, next: readonly NewJob[]): Promise<void>
  /** Has it tried again after so many milliseconds, or (null) never by itself: a dead letter. */
  fail(job: Job, why: { readonly error: string; readonly retryIn: number | null }): Promise<void>
}

/** JobHandler does the work of one kind, and answers what follows from it. */
export interface JobHandler {
  /** How many run at once in this instance. */
  readonly atOnce: number
  /** Rejects when it is to be tried again: with a JobError to say when, or that it never will succeed. */
  run(job: Job): Promise<readonly NewJob[]>
}

export type JobHandlers = Readonly<Record<string, JobHandler>>

/** JobError says more of a failure than that it was one. */
export class JobError extends Error {
  override readonly name = 'JobError'
  /** Milliseconds that the other side asks for; null when trying again is of no use. */
  readonly retryIn: number | null
  constructor(message: string, retryIn: number | null) {
    super(message)
    this.retryIn = retryIn
  }
}
