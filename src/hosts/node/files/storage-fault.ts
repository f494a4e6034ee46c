import { RefusalError } from '../../../protocol/errors.ts'

/** Disk full, quota used up, file too large for its file system. */
const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG']

/** toStorageFault is what a client is told when a disk does not take a file. The cause is for the log. */
export function toStorageFault(error: unknown): RefusalError {
  if (error instanceof RefusalError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const refusal = FULL.includes(code)
    ? new RefusalError({
        code: 'INSUFFICIENT_STORAGE',
        message: 'There is no room for the file. Messages without files are not affected',
        retryAfter: 60,
      })
    : new RefusalError({
        code: 'SERVICE_UNAVAILABLE',
        message: 'The file could not be stored: try again. Messages without files are not affected',
        retryAfter: 5,
      })
  refusal.cause = error
  return refusal
}
