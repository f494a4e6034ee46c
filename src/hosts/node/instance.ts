import type { HttpBindings } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'
import type { Logger } from 'pino'
import { createApp } from '../../app.ts'
import { createAuth } from '../../auth/auth.ts'
import { createRemembered } from '../../auth/remembered.ts'
import { tellRenamed } from '../../auth/tell-renamed.ts'
import { type Config, ratesOf } from '../../config.ts'
import { createCommitter } from '../../db/commit.ts'
import type { Database } from '../../db/connect.ts'
import { createIndexer } from '../../db/indexer.ts'
import { createChangesReader } from '../../db/queries/changes.ts'
import { countJobs } from '../../db/queries/jobs.ts'
import { createRoomStore } from '../../db/room-store.ts'
import { createSyncReader } from '../../db/sync-reader.ts'
import { createUserReader } from '../../db/user-reader.ts'
import { createGateway, type Gateway } from '../../gateway/gateway.ts'
import { refuse } from '../../protocol/errors.ts'
import type { Health } from '../../protocol/rest.ts'
import { describeFault } from '../../routes/faults.ts'
import { issuersOf } from '../../settings/issuers.ts'
import { createHandlers } from '../../workers/handlers.ts'
import { createOutbox } from '../../workers/outbox.ts'
import { createRemoveFiles, filesOutbox, REMOVE_FILES } from '../../workers/remove-files.ts'
import { clock, ids } from '../shared/clock.ts'
import { createLimiter, createOpenLimiter } from '../shared/limiter.ts'
import { asset } from './assets.ts'
import { createAlone, createCluster } from './cluster/cluster.ts'
import { checkConnections } from './connection-budget.ts'
import { openDirectory } from './directory.ts'
import { openFiles } from './files/open.ts'
import { createHealth } from './health.ts'
import { createJobs } from './jobs.ts'
import { createRedisCounters } from './limiter.ts'
import type { Metrics } from './metrics.ts'
import { createPasswords } from './passwords.ts'
import { getSecrets } from './secrets.ts'
import { seldom } from './seldom.ts'
import { createSendPool } from './send-pool.ts'
import { createTraces } from './traces.ts'
import { createUpgrades, type Upgrades } from './upgrade.ts'

export interface InstanceDeps {
  readonly config: Config
  readonly logger: Logger
  readonly db: Database
  readonly metrics: Metrics
  readonly phase: () => Health['status']
}

/** Instance is everything behind the port, over one database: rooms, gateway and the app. */
export interface Instance {
  readonly app: ReturnType<typeof createApp>
  readonly upgrades: Upgrades
  readonly gateway: Gateway
  /** Says goodbye to all connections over this many milliseconds, then finishes what rooms and indexer have begun. */
  drain(milliseconds: number): Promise<void>
}

/** createInstance resolves when it can serve: what it shares with other instances is known. */
export async function createInstance({
  config,
  logger,
  db,
  metrics,
  phase,
}: InstanceDeps): Promise<Instance> {
  const onFault = ({ error, ...where }: { error: unknown }) => logger.error({ err: error, ...where }, 'fault')
  // What syncs take is bounded; a request's own read does not wait behind them.
  const changes = createSyncReader(db)
  const users = createUserReader(db)
  const onDatabaseFault = (error: unknown) => onFault({ error })
  const indexer = createIndexer(db, { clock, language: config.SEARCH_LANGUAGE, onFault: onDatabaseFault })
  const jobs = createJobs({ config, db, clock, onFault })
  const outbox = createOutbox(config)
  const committer = createCommitter(db, {
    outbox: (turn) => [...filesOutbox(turn), ...(outbox?.(turn) ?? [])],
    onJobs: jobs.onJobs,
    onMessages: indexer.changed,
    onStatement: (milliseconds) => metrics.query('commit', milliseconds),
    onFault: onDatabaseFault,
  })
  const traces = createTraces(ids)
  const store = traces.followCommits(metrics.measureStore(createRoomStore(db, committer)))
  const ports = { config, logger, clock, ids, store, changes, users, onFault, onRelayed: metrics.relayed }
  const link = await openRedis(config, (error) => onFault({ error }))
  const cluster = link ? createCluster(link, ports) : createAlone(ports)
  const { broadcast, presence } = cluster
  const rooms = metrics.countCommands(traces.followCommands(cluster.directory))
  const rates = ratesOf(config)
  const limiter =
    config.RATE_LIMITS === 'off'
      ? createOpenLimiter()
      : createLimiter(rates, cluster.counts && createRedisCounters(cluster.counts))
  const secrets = await getSecrets(config)
  const { directory, pushTokens, close: closeDirectory } = await openDirectory(config)
  const auth = await createAuth({
    db,
    clock,
    ids,
    broadcast,
    limiter,
    passwords: createPasswords(),
    tickets: cluster.tickets,
    secrets: { access: secrets.JWT_SECRET, refresh: secrets.JWT_REFRESH_SECRET },
    remember: () => createRemembered(clock),
    issuers: issuersOf(config),
    keys: cluster.keys,
    onRenamed: (userId) => tellRenamed(userId, { db, changes, rooms, broadcast }),
    keepAlive() {},
    directory,
    onFault: seldom((error) =>
      logger.warn({ fault: describeFault(error) }, 'an issuer or the directory does not answer'),
    ),
  })
  const gateway = createGateway({
    rooms,
    broadcast,
    changes,
    users,
    presence,
    limiter,
    authenticator: auth,
    clock,
    ids,
    connectionsPerUser: config.CONNECTIONS_PER_USER,
    onFault,
    onRepair: metrics.repaired,
  })
  metrics.show(() => ({
    connections: gateway.counts().connections,
    mailbox: cluster.rooms.waiting,
    rooms: cluster.rooms.count,
    instances: cluster.known()?.instances ?? 1,
  }))
  metrics.showJobs(() => countJobs(db))
  const pool = createSendPool(config)
  const files = await openFiles({
    config,
    db,
    clock,
    ids,
    jobs: jobs.queue,
    secret: secrets.JWT_SECRET,
    onFault,
  })
  const { attachments } = files
  if (!attachments) logger.warn({}, 'no attachments: the instances share neither S3_BUCKET nor BLOBS_DIR')
  jobs.start({
    ...createHandlers({ config, db, store, presence, send: pool.send, pushTokens }),
    ...(attachments && { [REMOVE_FILES]: createRemoveFiles(attachments) }),
  })
  const incomingOf = (context: Context) => (context.env as HttpBindings).incoming
  const app = createApp({
    config,
    rates,
    logger,
    clock,
    ids,
    db,
    auth,
    rooms,
    changes: createChangesReader(db),
    presence,
    broadcast,
    limiter,
    jobs: jobs.queue,
    attachments,
    health: createHealth({ config, db, phase, isDeaf: () => cluster.known()?.isDeaf, files: attachments }),
    metrics: metrics.page,
    onRequest: metrics.request,
    asset,
    remoteAddress: (context) => getConnInfo(context).remote.address ?? null,
    upgrade(context, authenticated) {
      // A socket that is let in and closed is a success to a proxy, which would send the next one here too.
      if (phase() === 'draining') refuse('SERVICE_UNAVAILABLE', 'This instance is about to stop: try again')
      return upgrades.accept(incomingOf(context), authenticated)
    },
  })
  const upgrades = createUpgrades({ gateway, fetch: (request, env) => app.fetch(request, env), onFault })

  const cancelCheck = checkConnections({
    db,
    instances: () => cluster.known()?.instances ?? 1,
    clock,
    logger,
  })

  async function drain(milliseconds: number): Promise<void> {
    cancelCheck()
    await gateway.drain(milliseconds, cluster.leave())
    cluster.rooms.drain()
    await cluster.settle()
    await committer.close()
    await jobs.close()
    await pool.close()
    await files.close()
    await cluster.close()
    await closeDirectory()
    await indexer.close()
  }

  await cluster.joined
  return { app, upgrades, gateway, drain }
}

/** The driver is loaded only where Redis is used. */
async function openRedis(config: Config, onFault: (error: Error) => void) {
  if (config.REDIS_URL === undefined && config.REDIS_NODES.length === 0) return undefined
  const { connectRedis } = await import('./cluster/redis.ts')
  return connectRedis(config, onFault)
}
