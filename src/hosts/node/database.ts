import { type Config, commitDeadlineOf } from '../../config.ts'
import { connect, type Database, type DatabaseOptions } from '../../db/connect.ts'
import { migrate } from '../../db/migrate.ts'
import { openReplica, type ReplicaOptions } from '../../db/replica.ts'

type Told = Pick<DatabaseOptions, 'onQuery' | 'onFault'> & Pick<ReplicaOptions, 'onState'>

export interface OpenDatabase {
  readonly db: Database
  /** Resolves when the embedded database has ended by itself, which nothing survives. */
  readonly failed: Promise<Error>
  close(): Promise<void>
}

/**
 * openDatabase connects to `DATABASE_URL`, or starts the embedded database of the data folder, and migrates it.
 * The embedded one is loaded only when it is used. Rejects when the database cannot be reached or must not be used.
 */
export async function openDatabase(config: Config, told: Told): Promise<OpenDatabase> {
  if (config.DATABASE_URL !== undefined) return openPostgres(config.DATABASE_URL, config, told)
  const { startPglite } = await import('./pglite.ts')
  const pglite = startPglite(config.DATA_DIR)
  await pglite.ready
  await migrate(pglite.url)
  const db = await connect({ url: pglite.url, isEmbedded: true, deadline: commitDeadlineOf(config), ...told })
  let isClosing = false
  const failed = new Promise<Error>((resolve) => {
    void pglite.ended.then((error) => {
      if (!isClosing) resolve(error ?? new Error('The embedded database has ended'))
    })
  })
  return {
    db,
    failed,
    async close() {
      isClosing = true
      await db.close()
      await pglite.close()
    },
  }
}

async function openPostgres(url: string, config: Config, told: Told): Promise<OpenDatabase> {
  await migrate(url)
  const own = { poolSize: config.DATABASE_POOL, deadline: commitDeadlineOf(config), ...told }
  const primary = await connect({ url, ...own })
  const replicaUrl = config.DATABASE_REPLICA_URL
  if (replicaUrl === undefined) return { db: primary, failed: new Promise(() => {}), close: primary.close }
  try {
    const replica = await openReplica({
      ...{ url: replicaUrl, primary, mostLag: config.DATABASE_REPLICA_LAG * 1_000 },
      ...own,
    })
    const close = async () => void (await Promise.all([replica.close(), primary.close()]))
    return { db: { ...primary, replica }, failed: new Promise(() => {}), close }
  } catch (error) {
    await primary.close()
    throw error
  }
}
