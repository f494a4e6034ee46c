import type { Duplex } from 'node:stream'
import { commitDeadlineOf } from '../../config.ts'
import { checkFlushes, type Database, open } from '../../db/connect.ts'
import type { Bindings } from './bindings.ts'
import { CorkedSocket } from './corked-socket.ts'
import { settings } from './settings.ts'

/**
 * Connections of one object, or of one request: a platform's limit is six that are being opened at once.
 */
const POOL_SIZE = 4

let isFit = false

/** openDatabase reaches Postgres through Hyperdrive, which keeps the connections that last. */
export function openDatabase(bindings: Bindings): Database {
  return open({
    url: bindings.POSTGRES.connectionString,
    deadline: commitDeadlineOf(settings(bindings)),
    poolSize: POOL_SIZE,
    commitSize: 1,
    isPooled: true,
    createStream: () => new CorkedSocket(false) as unknown as Duplex,
    // The driver calls the end of a connection that it ended itself, after its idle time, a fault.
    onFault() {},
  })
}

/** ensureFit asks once an isolate whether this Postgres may be used. Rejects when not, or when it is away. */
export async function ensureFit(db: Database): Promise<void> {
  if (isFit) return
  await checkFlushes(db)
  isFit = true
}
