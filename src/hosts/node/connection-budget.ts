import type { Database } from '../../db/connect.ts'
import type { Clock } from '../../rooms/ports.ts'
import type { Logger } from '../../routes/deps.ts'

/** Milliseconds after which an instance knows the others: they are heard every second. */
const SETTLED = 5_000

interface BudgetPorts {
  readonly db: Pick<Database, 'connections' | 'replica'>
  /** How many instances there are, this one included. */
  readonly instances: () => number
  readonly clock: Clock
  readonly logger: Pick<Logger, 'warn'>
}

/**
 * checkConnections warns, once the other instances are known, when all of them together may want more connections
 * than Postgres or its replica has. Whoever starts last knows of all. The result cancels.
 */
export function checkConnections({ db, instances, clock, logger }: BudgetPorts): () => void {
  return clock.after(SETTLED, () => {
    const count = instances()
    for (const [server, connections] of [
      ['Postgres', db.connections],
      ['the replica', db.replica?.connections],
    ] as const) {
      if (!connections || count * connections.needed <= connections.available) continue
      const fields = {
        instances: count,
        needed: count * connections.needed,
        available: connections.available,
      }
      logger.warn(fields, `all instances may want more connections than ${server} has: lower DATABASE_POOL`)
    }
  })
}
