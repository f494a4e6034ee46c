import type { FileChecked, FileChecker } from '../../../attachments/ports.ts'
import { RefusalError } from '../../../protocol/errors.ts'
import type { CheckAnswer, CheckTask } from './check-process.ts'
import { DiskFile } from './disk-spool.ts'
import { createProcessPool } from './process-pool.ts'

/** Files that may wait for a process. More are refused, which holds their senders up and nobody else. */
const MOST_WAITING = 100
/** For one file, its wait included, in milliseconds. */
const PATIENCE = 60_000
/** Megabytes of JavaScript's own; a picture's pixels are outside of it, and bounded by LIMITS.imagePixels. */
const PROCESS_MEMORY = 256

export interface CheckPoolOptions {
  readonly processes: number
  readonly mostWaiting?: number
  /** Milliseconds. */
  readonly patience?: number
  /** What the processes run. */
  readonly program?: URL
  /** Told of processes that broke. */
  readonly onFault: (error: unknown) => void
}

/** CheckPool checks files in processes of its own. */
export interface CheckPool extends FileChecker {
  close(): Promise<void>
}

/**
 * createCheckPool looks at files in processes that begin with the first of them and end when there are none. A file
 * whose process breaks, runs out of memory or takes too long is refused as retryable; the others, and the chats, are
 * not touched by it.
 */
export function createCheckPool(options: CheckPoolOptions): CheckPool {
  const { processes, mostWaiting = MOST_WAITING, patience = PATIENCE, onFault } = options
  const { program = new URL('./check-process.ts', import.meta.url) } = options
  const pool = createProcessPool<CheckTask, CheckAnswer>({
    ...{ program, processes, mostWaiting, patience },
    execArgv: [`--max-old-space-size=${PROCESS_MEMORY}`],
  })

  async function run(task: CheckTask): Promise<CheckAnswer> {
    try {
      return await pool.run(task)
    } catch (error) {
      onFault(error)
      const message = 'The file could not be checked now: try again'
      throw new RefusalError({ code: 'SERVICE_UNAVAILABLE', message, retryAfter: 5 })
    }
  }

  return {
    async check({ file, fileName, allowed }): Promise<FileChecked> {
      if (!(file instanceof DiskFile)) throw new Error('Processes read files from disk')
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
    close: pool.close,
  }
}
