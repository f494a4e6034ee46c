import { Piscina } from 'piscina'
import type { FileChecked, FileChecker } from '../../../attachments/ports.ts'
import { RefusalError } from '../../../protocol/errors.ts'
import type { CheckAnswer, CheckTask } from './check-thread.ts'
import { DiskFile } from './disk-spool.ts'

/** Files that may wait for a thread. More are refused, which holds their senders up and nobody else. */
const MOST_WAITING = 100
/** For one file, its wait included. */
const PATIENCE = 60_000
/** Megabytes of JavaScript's own; a picture's pixels are outside of it, and bounded by LIMITS.imagePixels. */
const THREAD_MEMORY = 256
/** A thread that has nothing to do ends after this. */
const IDLE = 30_000

export interface CheckPoolOptions {
  readonly threads: number
  readonly mostWaiting?: number
  /** Milliseconds. */
  readonly patience?: number
  /** What the threads run. */
  readonly thread?: URL
  /** Told of threads that broke. */
  readonly onFault: (error: unknown) => void
}

/** CheckPool checks files in threads of its own. */
export interface CheckPool extends FileChecker {
  close(): Promise<void>
}

/**
 * createCheckPool looks at files in threads that begin with the first of them. A file whose thread breaks, runs out
 * of memory or takes too long is refused as retryable; the others are not touched by it.
 */
export function createCheckPool(options: CheckPoolOptions): CheckPool {
  const { threads, mostWaiting = MOST_WAITING, patience = PATIENCE, onFault } = options
  const { thread = new URL('./check-thread.ts', import.meta.url) } = options
  const pool = new Piscina<CheckTask, CheckAnswer>({
    filename: thread.href,
    minThreads: 0,
    maxThreads: threads,
    maxQueue: mostWaiting,
    idleTimeout: IDLE,
    // A thread that waits for its next file asleep holds nothing up.
    atomics: 'disabled',
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: THREAD_MEMORY },
  })
  // Told to whoever has the file as well.
  pool.on('error', onFault)

  async function run(task: CheckTask): Promise<CheckAnswer> {
    try {
      return await pool.run(task, { signal: AbortSignal.timeout(patience) })
    } catch (error) {
      onFault(error)
      const message = 'The file could not be checked now: try again'
      throw new RefusalError({ code: 'SERVICE_UNAVAILABLE', message, retryAfter: 5 })
    }
  }

  return {
    async check({ file, fileName, allowed }): Promise<FileChecked> {
      if (!(file instanceof DiskFile)) throw new Error('Threads read files from disk')
      const answer = await run({ path: file.path, fileName, allowed })
      switch (answer.kind) {
        case 'refused':
          throw new RefusalError(answer.refusal)
        case 'file':
          return { ...answer, original: file }
        case 'image': {
          const { original, medium, thumbnail } = answer
          await file.remove()
          return {
            ...answer,
            original: new DiskFile(original.path, original.bytes),
            medium: new DiskFile(medium.path, medium.bytes),
            thumbnail: new DiskFile(thumbnail.path, thumbnail.bytes),
          }
        }
        default:
          return answer satisfies never
      }
    },
    close: () => pool.destroy(),
  }
}
