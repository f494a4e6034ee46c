import { join } from 'node:path'
import { type Attachments, createAttachments } from '../../../attachments/attachments.ts'
import type { BlobStore, FileChecker, Spool } from '../../../attachments/ports.ts'
import type { Config } from '../../../config.ts'
import type { Database } from '../../../db/connect.ts'
import type { Clock, Ids } from '../../../rooms/ports.ts'
import type { JobQueue } from '../../../workers/ports.ts'
import { removeFiles } from '../../../workers/remove-files.ts'
import { createDiskSpool } from './disk-spool.ts'
import type { CheckPool } from './pool.ts'
import type { S3Settings } from './s3.ts'

export interface FilesDeps {
  readonly config: Config
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly jobs: JobQueue
  /** Signs the URLs of the disk store. */
  readonly secret: string
  readonly onFault: (fault: { readonly error: unknown }) => void
}

/** Files is what an instance does with files. */
export interface Files {
  /** undefined where there is no store that all instances share. */
  readonly attachments: Attachments | undefined
  close(): Promise<void>
}

/** openFiles chooses the store by the settings. Processes, pictures and S3 are loaded when they are first needed. */
export async function openFiles(deps: FilesDeps): Promise<Files> {
  const { config, clock, jobs, onFault } = deps
  const spool = createDiskSpool()
  const store = await openStore(deps, spool)
  if (!store) return { attachments: undefined, close: spool.close }
  const checker = createLazyChecker(config.UPLOAD_PROCESSES, (error) => onFault({ error }))
  const attachments = createAttachments({
    ...{ db: deps.db, store, spool, checker, clock, ids: deps.ids },
    scanner: await openScanner(config),
    hasDocumentsEverywhere: config.DOCUMENTS === 'everywhere',
    onGarbage: (delay, leftover) => jobs.add([removeFiles(delay, leftover)]),
  })
  return {
    attachments,
    async close() {
      await checker.close()
      await spool.close()
    },
  }
}

async function openStore({ config, clock, secret }: FilesDeps, spool: Spool): Promise<BlobStore | undefined> {
  if (config.S3_BUCKET !== undefined) {
    const { createS3Store } = await import('./s3.ts')
    return createS3Store(toS3Settings(config, config.S3_BUCKET), clock)
  }
  const isOneOfMany = config.REDIS_URL !== undefined || config.REDIS_NODES.length > 0
  const folder = config.BLOBS_DIR ?? (isOneOfMany ? undefined : join(config.DATA_DIR, 'blobs'))
  if (folder === undefined) return undefined
  const { createDiskStore } = await import('./disk.ts')
  return createDiskStore({ folder, spool, clock, secret })
}

async function openScanner({ CLAMAV_HOST: host, CLAMAV_PORT: port }: Config) {
  if (host === undefined) return undefined
  const { createClamd } = await import('./clamd.ts')
  return createClamd({ host, port })
}

function toS3Settings(config: Config, bucket: string): S3Settings {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    S3_ENDPOINT: endpoint,
  } = config
  const hasKeys = accessKeyId !== undefined && secretAccessKey !== undefined
  return {
    bucket,
    region: config.AWS_REGION,
    endpoint,
    publicEndpoint: config.S3_PUBLIC_ENDPOINT ?? endpoint,
    isPathStyle: (config.S3_PATH_STYLE ?? (endpoint === undefined ? 'off' : 'on')) === 'on',
    credentials: hasKeys ? { accessKeyId, secretAccessKey } : undefined,
  }
}

function createLazyChecker(processes: number, onFault: (error: unknown) => void) {
  let pool: Promise<CheckPool> | undefined
  const open = async () => {
    const { createCheckPool } = await import('./pool.ts')
    return createCheckPool({ processes, onFault })
  }
  return {
    async check(file) {
      pool ??= open()
      return (await pool).check(file)
    },
    close: async () => (await pool)?.close(),
  } satisfies FileChecker & { close(): Promise<void> }
}
