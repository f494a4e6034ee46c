import type { Config } from '../../config.ts'
import { connect, type Database, type DatabaseOptions } from '../../db/connect.ts'
import { migrate } from '../../db/migrate.ts'

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
export async function openDatabase(
  config: Config,
  told: Pick<DatabaseOptions, 'onQuery' | 'onFault'>,
): Promise<OpenDatabase> {
  if (config.DATABASE_URL !== undefined) {
    await migrate(config.DATABASE_URL)
    const db = await connect({ url: config.DATABASE_URL, poolSize: config.DATABASE_POOL, ...told })
    return { db, failed: new Promise(() => {}), close: () => db.close() }
  }
  const { startPglite } = await import('./pglite.ts')
  const pglite = startPglite(config.DATA_DIR)
  await pglite.ready
  await migrate(pglite.url)
  const db = await connect({ url: pglite.url, isEmbedded: true, ...told })
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
