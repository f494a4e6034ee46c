import { type Attachments, createAttachments } from '../../attachments/attachments.ts'
import type { Database } from '../../db/connect.ts'
import type { JobQueue } from '../../workers/ports.ts'
import { removeFiles } from '../../workers/remove-files.ts'
import { clock, ids } from '../shared/clock.ts'
import type { Bindings } from './bindings.ts'
import { createImageChecker } from './image-checker.ts'
import { createMemorySpool } from './memory-spool.ts'
import { createR2Store } from './r2-store.ts'
import type { EdgeConfig } from './settings.ts'

export interface FilesDeps {
  readonly config: EdgeConfig
  readonly db: Database
  readonly jobs: Pick<JobQueue, 'add'>
}

/** openFiles keeps files where the deployment has a bucket, and the platform's images to check them. */
export async function openFiles(
  { FILES, IMAGES }: Bindings,
  { config, db, jobs }: FilesDeps,
): Promise<Attachments | undefined> {
  if (!FILES || !IMAGES) return undefined
  const spool = createMemorySpool(clock)
  const store = await createR2Store({ bucket: FILES, spool, clock, secret: config.JWT_SECRET })
  return createAttachments({
    ...{ db, store, spool, clock, ids, checker: createImageChecker(IMAGES) },
    hasDocumentsEverywhere: config.DOCUMENTS === 'everywhere',
    onGarbage: (delay, leftover) => jobs.add([removeFiles(delay, leftover)]),
  })
}
