import { ConfigError } from '../../config.ts'
import type { Database } from '../../db/connect.ts'
import { createIndexer } from '../../db/indexer.ts'
import type { Authenticated } from '../../gateway/ports.ts'
import { clock } from '../shared/clock.ts'
import type { Bindings } from './bindings.ts'
import { openDatabase } from './database.ts'
import { createFront, type Front } from './front.ts'
import { handOver } from './handover.ts'
import { runJobs } from './jobs.ts'
import { createLogger, logFaults } from './logger.ts'
import { gatewayOf } from './objects.ts'
import { runInScope, type Scope } from './scope.ts'
import { settings } from './settings.ts'

export { GatewayObject } from './gateway-object.ts'
export { RoomObject } from './room-object.ts'

/** Of this isolate; a promise of it would belong to the request that made it. */
let front: Front | undefined

export default {
  async fetch(request, bindings, context) {
    try {
      settings(bindings)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      createLogger({ LOG_LEVEL: 'error', NODE_ENV: 'production' }).error({ fault: error.message }, 'settings')
      return new Response('The service is not configured: its log says what is missing\n', { status: 503 })
    }
    const db = openDatabase(bindings)
    const kept = new Set<Promise<unknown>>()
    const scope: Scope = {
      db,
      waitUntil(promise) {
        context.waitUntil(promise)
        void keep(kept, promise)
      },
    }
    try {
      return await runInScope(scope, () => answer(request, bindings, scope))
    } finally {
      context.waitUntil(closeAfter(kept, db))
    }
  },

  /** Indexes and does what was left undone, because whoever was to do it was lost before. */
  async scheduled(_, bindings) {
    const config = settings(bindings)
    const onFault = (error: unknown) => logFaults(createLogger(config))({ error })
    const db = openDatabase(bindings)
    const indexer = createIndexer(db, { clock, language: config.SEARCH_LANGUAGE, isSweeping: false, onFault })
    try {
      await indexer.sweep()
      await indexer.close()
      await runJobs(bindings, db)
    } finally {
      await db.close()
    }
  },

  /** Somebody has stored jobs that are due now: one look finds them all, however many have told of them. */
  async queue(batch, bindings) {
    const db = openDatabase(bindings)
    try {
      await runJobs(bindings, db)
      batch.ackAll()
    } finally {
      await db.close()
    }
  },
} satisfies ExportedHandler<Bindings>

async function keep(kept: Set<Promise<unknown>>, promise: Promise<unknown>): Promise<void> {
  kept.add(promise)
  await promise.catch(() => {})
  kept.delete(promise)
}

/** What goes on after the answer may need the database, and may begin more of its kind. */
async function closeAfter(kept: ReadonlySet<Promise<unknown>>, db: Database): Promise<void> {
  while (kept.size > 0) await Promise.allSettled(kept)
  await db.close()
}

async function answer(request: Request, bindings: Bindings, scope: Scope): Promise<Response> {
  front ??= await createFront(bindings)
  const response = await front.fetch(uncompressed(request))
  return scope.accepted ? connect(request, bindings, scope.accepted) : response
}

/** The platform compresses what it sends, and would do so again with what came compressed. */
function uncompressed(request: Request): Request {
  const headers = new Headers(request.headers)
  headers.delete('Accept-Encoding')
  return new Request(request, { headers })
}

/** Hands the upgrade to the user's gateway, with who was verified. */
function connect(request: Request, { GATEWAYS }: Bindings, authenticated: Authenticated): Promise<Response> {
  const gateway = GATEWAYS.getByName(gatewayOf(authenticated.principal.user.id))
  return gateway.fetch(handOver(request, authenticated))
}
