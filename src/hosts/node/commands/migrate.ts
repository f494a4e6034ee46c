import type { Command } from 'commander'
import { createLogger } from '../logger.ts'
import { configOrExit } from './start.ts'

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .description('bring the schema of the database up to date, and end; `start` does it as well')
    .option(
      '--pooled',
      'for a service behind Hyperdrive or another pooler: its role keeps the settings of a session',
    )
    .action(async ({ pooled }: { pooled?: boolean }) => {
      const { openDatabase } = await import('../database.ts')
      const config = configOrExit()
      const logger = createLogger(config)
      const database = await openDatabase(config, {
        onFault: (error) => logger.error({ err: error }, 'database connection lost'),
      })
      await database.close()
      if (pooled && config.DATABASE_URL !== undefined) {
        const { keepSettings } = await import('../../../db/pooled-role.ts')
        await keepSettings(config.DATABASE_URL)
      }
      process.stdout.write('The schema is up to date.\n')
    })
}
