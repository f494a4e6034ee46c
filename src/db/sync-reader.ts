import type { ChangesRead, ChangesReader, UserHead } from '../gateway/ports.ts'
import { createBatch } from './batch.ts'
import type { Database } from './connect.ts'
import { type ChangesAsked, listHeads, readChanges, readLogId } from './queries/changes.ts'
import { locateMessage } from './queries/messages.ts'

/** Reads of changes under way at once, since one may be large: a small share of the pool, however many come back. */
const READS_AT_ONCE = 2
/** Users, or chats of which changes are wanted, in one statement: what comes of it is worked off in some milliseconds. */
const MOST = 100

/**
 * createSyncReader reads what gateways must know, from the primary, for many connections in one statement. After a
 * crash thousands of clients come back at once: they take turns, in the order in which they asked, and everything
 * else has the rest of the connections.
 */
export function createSyncReader(db: Database): ChangesReader {
  const logId = createBatch(
    async (asked: readonly null[]) => {
      const id = await readLogId(db)
      return asked.map(() => id)
    },
    { atOnce: 1, most: Number.POSITIVE_INFINITY },
  )
  const heads = createBatch((asked: readonly (readonly string[])[]) => listAllHeads(db, asked), {
    atOnce: 1,
    most: MOST,
    weigh: (userIds) => userIds.length,
  })
  const changes = createBatch<ChangesAsked, ChangesRead[]>((asked) => readChanges(db, asked), {
    atOnce: READS_AT_ONCE,
    most: MOST,
    weigh: ({ wanted }) => wanted.length,
  })
  return {
    logId: () => logId(null),
    listHeads: heads,
    readChanges: (userId, wanted) => changes({ userId, wanted }),
    locate: (userId, messageId) => locateMessage(db, { userId, messageId }),
  }
}

async function listAllHeads(db: Database, asked: readonly (readonly string[])[]): Promise<UserHead[][]> {
  const rows = await listHeads(db, [...new Set(asked.flat())])
  const found = Map.groupBy(rows, ({ userId }) => userId)
  return asked.map((userIds) => userIds.flatMap((userId) => found.get(userId) ?? []))
}
