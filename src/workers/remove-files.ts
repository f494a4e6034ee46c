import type { Leftover } from '../attachments/ports.ts'
import type { Turn } from '../rooms/ports.ts'
import type { JobHandler, NewJob } from './ports.ts'

/** The kind of the job that removes files which nobody needs any more. */
export const REMOVE_FILES = 'remove-files'

/** removeFiles is the job, due in so many milliseconds. It names no files: their rows say that they are to go. */
export function removeFiles(delay: number, leftover: Leftover = {}): NewJob {
  return { kind: REMOVE_FILES, payload: leftover, delay }
}

/** filesOutbox has the files of deleted messages and chats removed. */
export function filesOutbox({ chatId, events }: Turn): readonly NewJob[] {
  if (events.some(({ type }) => type === 'chat:deleted')) return [removeFiles(0, { chatId })]
  return events.some(({ type }) => type === 'message:deleted') ? [removeFiles(0)] : []
}

/** Files is what the job needs of the attachments. */
interface Files {
  abandon(leftover: Leftover): Promise<void>
  sweep(): Promise<number>
}

/** createRemoveFiles sweeps until nothing is left. What the store does not remove now is found again by the next. */
export function createRemoveFiles({ abandon, sweep }: Files): JobHandler {
  return {
    atOnce: 1,
    async run({ payload }) {
      await abandon(payload as Leftover)
      while ((await sweep()) > 0);
      return []
    },
  }
}
