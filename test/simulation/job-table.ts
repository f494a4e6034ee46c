import type { Claim, Claimed, Job, JobStore, NewJob } from '../../src/workers/ports.ts'
import type { Cluster } from './cluster.ts'
import type { Machine, World } from './world.ts'

/** Negative controls: each breaks one thing that the outbox rests on. */
export interface JobSabotage {
  /** A job that was claimed is anybody's at once. */
  readonly noLease?: boolean
  /** What was claimed is forgotten, done or not. */
  readonly atMostOnce?: boolean
}

interface Row {
  readonly id: string
  readonly kind: string
  readonly payload: unknown
  readonly key: string | null
  runAt: number
  attempts: number
  isDead: boolean
}

/** JobTable is the table `jobs` as `db/jobs.ts` keeps it, at the time of the store's own clock. */
export class JobTable {
  /** Every job that was ever stored, in order. */
  readonly stored: NewJob[] = []
  readonly #world: World
  readonly #sabotage: JobSabotage
  readonly #rows = new Map<string, Row>()

  constructor(world: World, sabotage: JobSabotage) {
    this.#world = world
    this.#sabotage = sabotage
  }

  /** What is not done, dead letters included. */
  get left(): readonly string[] {
    return [...this.#rows.values()].map(({ kind, attempts, isDead }) =>
      isDead ? `a dead ${kind}` : `a ${kind} of ${attempts} tries`,
    )
  }

  insert(jobs: readonly NewJob[]): void {
    for (const job of jobs) {
      const { kind, payload, delay = 0, key = null } = job
      const isWaiting = (row: Row) => row.key === key && row.attempts === 0 && !row.isDead
      if (key !== null && [...this.#rows.values()].some(isWaiting)) continue
      const id = this.#world.uuid()
      // As from a database: nobody shares an object with it.
      const copy = JSON.parse(JSON.stringify(payload))
      this.stored.push(job)
      const runAt = this.#world.now + delay
      this.#rows.set(id, { id, kind, payload: copy, key, runAt, attempts: 0, isDead: false })
    }
  }

  /** The table as a machine reaches it: with round trips, whose answers are lost when the machine ends. */
  of(cluster: Cluster, machine: Machine, onAdded: (delay: number) => void): JobStore {
    const trip = <T>(run: () => T): Promise<T> => cluster.trip(machine, run)
    const told = (jobs: readonly NewJob[]) => {
      if (jobs.length > 0) onAdded(Math.min(...jobs.map(({ delay = 0 }) => delay)))
    }
    return {
      add: async (jobs) => {
        await trip(() => this.insert(jobs))
        told(jobs)
      },
      claim: (claim) => trip(() => this.#claim(claim)),
      finish: async (job, next) => {
        await trip(() => this.#finish(job, next))
        told(next)
      },
      fail: async (job, { retryIn }) => {
        await trip(() => this.#fail(job, retryIn))
        if (retryIn !== null) onAdded(retryIn)
      },
    }
  }

  #finish(job: Job, next: readonly NewJob[]): void {
    if (!this.#isHeld(job)) return
    this.#rows.delete(job.id)
    this.insert(next)
  }

  #fail(job: Job, retryIn: number | null): void {
    const row = this.#rows.get(job.id)
    if (!row || !this.#isHeld(job)) return
    row.isDead = retryIn === null
    row.runAt = this.#world.now + (retryIn ?? 0)
  }

  #isHeld({ id, attempts }: Job): boolean {
    const row = this.#rows.get(id)
    return row !== undefined && !row.isDead && row.attempts === attempts
  }

  #claim({ free, lease, mostAttempts }: Claim): Claimed {
    const { now } = this.#world
    const ready = [...this.#rows.values()].filter(({ kind, isDead }) => free.has(kind) && !isDead)
    const jobs: Job[] = []
    for (const [kind, most] of free) {
      const due = ready.filter((row) => row.kind === kind && row.runAt <= now)
      for (const row of due.sort((a, b) => a.runAt - b.runAt).slice(0, most)) {
        if (row.attempts >= mostAttempts) row.isDead = true
        else jobs.push(this.#take(row, lease))
      }
    }
    const later = ready.map(({ runAt }) => runAt - now).filter((wait) => wait > 0)
    return { jobs, nextIn: later.length > 0 ? Math.min(...later) : null }
  }

  #take(row: Row, lease: number): Job {
    row.attempts += 1
    if (this.#sabotage.atMostOnce) this.#rows.delete(row.id)
    else if (!this.#sabotage.noLease) row.runAt = this.#world.now + lease
    const { id, kind, payload, attempts } = row
    return { id, kind, payload, attempts }
  }
}
