import type { Config } from '../../config.ts'
import type { Database } from '../../db/connect.ts'
import { createJobStore } from '../../db/jobs.ts'
import type { Clock } from '../../rooms/ports.ts'
import type { JobHandlers, JobQueue } from '../../workers/ports.ts'
import { createRunner, type Runner } from '../../workers/runner.ts'

export interface Jobs {
  readonly queue: JobQueue
  /** Told that a commit has stored a job that is due in so many milliseconds. */
  readonly onJobs: (delay: number) => void
  /** Begins to do jobs. */
  start(handlers: JobHandlers): void
  /** Finishes what was begun. */
  close(): Promise<void>
}

interface JobsDeps {
  readonly config: Config
  readonly db: Database
  readonly clock: Clock
  readonly onFault: (fault: { readonly error: unknown }) => void
}

/** createJobs is the background work of this instance: woken by its own commits, and every few seconds for others'. */
export function createJobs({ config, db, clock, onFault }: JobsDeps): Jobs {
  let runner: Runner | undefined
  const wake = (delay: number) => runner?.wake(delay)
  const store = createJobStore(db, { onAdded: wake })
  return {
    queue: { add: store.add, wake: () => wake(0) },
    onJobs: wake,
    start(handlers) {
      if (Object.keys(handlers).length === 0) return
      const firstPause = config.JOB_RETRY_SECONDS * 1_000
      runner = createRunner({ store, handlers, clock, random: Math.random, firstPause, onFault })
    },
    close: async () => runner?.close(),
  }
}
