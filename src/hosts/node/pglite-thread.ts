import { parentPort, workerData } from 'node:worker_threads'
import { PGlite } from '@electric-sql/pglite'
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin'
import { pg_trgm } from '@electric-sql/pglite/contrib/pg_trgm'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

/** What the thread is started with. */
export interface PgliteThreadData {
  readonly dataFolder: string
  readonly socketPath: string
}

/** The pool has one connection; the migration before it and a look from outside have theirs. */
const MOST_CONNECTIONS = 8

const { dataFolder, socketPath } = workerData as PgliteThreadData
const db = await PGlite.create(dataFolder, { extensions: { btree_gin, pg_trgm } })
const server = new PGLiteSocketServer({ db, path: socketPath, maxConnections: MOST_CONNECTIONS })
await server.start()
parentPort?.once('message', async () => {
  await server.stop()
  await db.close()
  parentPort?.close()
})
parentPort?.postMessage('ready')
