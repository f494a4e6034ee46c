import type { Command } from 'commander'
import { openDatabase } from '../database.ts'
import { createLogger } from '../logger.ts'
import { configOrExit } from './start.ts'

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema of the database up to date, and end; `start` does it as well')
    .action(async () => {
      const config = configOrExit()
      const logger = createLogger(config)
      const database = await openDatabase(config, {
        onFault: (error) => logger.error({ err: error }, 'database connection lost'),
      })
      await database.close()
      process.stdout.write('The schema is up to date.\n')
    })
}
