import type { Attachment } from '../protocol/model.ts'
import { pauseAfter } from './backoff.ts'
import { toParleyError } from './error.ts'
import type { Edges } from './ports.ts'

/** Tries of one file before its error is the caller's. */
const TRIES = 5

/** Bytes that have left this device, of all files together. */
export interface UploadProgress {
  readonly sent: number
  readonly total: number
}

export interface UploadOptions {
  readonly onProgress?: (progress: UploadProgress) => void
  /** Ends it: files that are there already are removed by the service. */
  readonly signal?: AbortSignal
}

/** SendFile sends one file, and tells how much of it has gone. Rejects with a `ParleyError`. */
export type SendFile = (
  file: File,
  options: { readonly onSent: (bytes: number) => void; readonly signal: AbortSignal | undefined },
) => Promise<Attachment>

/**
 * uploadAll sends each file by itself, one after another, and again where only it failed: what has arrived is not
 * sent twice. Rejects with the error of the first file that is refused for good.
 */
export async function uploadAll(
  send: SendFile,
  files: readonly File[],
  { clock, random, onProgress = () => {}, signal }: UploadOptions & Pick<Edges, 'clock' | 'random'>,
): Promise<Attachment[]> {
  const total = files.reduce((sum, { size }) => sum + size, 0)
  const attachments: Attachment[] = []
  let before = 0
  for (const file of files) {
    const onSent = (bytes: number) => onProgress({ sent: before + Math.min(bytes, file.size), total })
    for (let failures = 0; ; ) {
      signal?.throwIfAborted()
      try {
        attachments.push(await send(file, { onSent, signal }))
        break
      } catch (thrown) {
        signal?.throwIfAborted()
        const error = toParleyError(thrown)
        failures += 1
        if (!error.retryable || failures === TRIES) throw error
        onSent(0)
        await new Promise<void>((resolve) => clock.after(pauseAfter(error, failures, random), resolve))
      }
    }
    before += file.size
    onProgress({ sent: before, total })
  }
  return attachments
}
