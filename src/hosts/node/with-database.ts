import type { Database } from '../../db/connect.ts'
import { configOrExit } from './commands/start.ts'
import { openDatabase } from './database.ts'
import { createLogger } from './logger.ts'

/** withDatabase opens the database of the settings for one command; an embedded one only while the service is stopped. */
export async function withDatabase(use: (db: Database) => Promise<void>): Promise<void> {
  const config = configOrExit()
  const logger = createLogger(config)
  const database = await openDatabase(config, {
    onFault: (error) => logger.error({ err: error }, 'database connection lost'),
  })
  try {
    await use(database.db)
  } finally {
    await database.close()
  }
}
