import type { Database } from '../../db/connect.ts'
import type { Clock } from '../../rooms/ports.ts'
import type { Logger } from '../../routes/deps.ts'

/** Milliseconds after which an instance knows the others: they are heard every second. */
const SETTLED = 5_000

interface BudgetPorts {
  readonly connections: Database['connections']
  /** How many instances there are, this one included. */
  readonly instances: () => number
  readonly clock: Clock
  readonly logger: Pick<Logger, 'warn'>
}

/**
 * checkConnections warns, once the other instances are known, when all of them together may want more connections
 * than Postgres has. Whoever starts last knows of all. The result cancels.
 */
export function checkConnections({ connections, instances, clock, logger }: BudgetPorts): () => void {
  return clock.after(SETTLED, () => {
    if (!connections) return
    const count = instances()
    const needed = count * connections.needed
    if (needed <= connections.available) return
    const fields = { instances: count, needed, available: connections.available }
    logger.warn(fields, 'all instances may want more connections than Postgres has: lower DATABASE_POOL')
  })
}
