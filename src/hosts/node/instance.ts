import type { HttpBindings } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import type { Context } from 'hono'
import type { Logger } from 'pino'
import { createApp } from '../../app.ts'
import { createAuth } from '../../auth/auth.ts'
import { createMemoryTickets } from '../../auth/tickets.ts'
import { type Config, ratesOf } from '../../config.ts'
import { createCommitter } from '../../db/commit.ts'
import type { Database } from '../../db/connect.ts'
import { createIndexer } from '../../db/indexer.ts'
import { createChangesReader } from '../../db/queries/changes.ts'
import { createRoomStore } from '../../db/room-store.ts'
import { createUserReader } from '../../db/user-reader.ts'
import { createGateway, type Gateway } from '../../gateway/gateway.ts'
import { createMemoryPresence } from '../../gateway/memory.ts'
import type { Health } from '../../protocol/rest.ts'
import { createRooms } from '../../rooms/directory.ts'
import { createMemoryBroadcast } from '../../rooms/memory.ts'
import { asset } from './assets.ts'
import { clock, ids } from './clock.ts'
import { createHealth } from './health.ts'
import { createLimiter, createOpenLimiter } from './limiter.ts'
import { createPasswords } from './passwords.ts'
import { getSecrets } from './secrets.ts'
import { createUpgrades, type Upgrades } from './upgrade.ts'

export interface InstanceDeps {
  readonly config: Config
  readonly logger: Logger
  readonly db: Database
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

export async function createInstance({ config, logger, db, phase }: InstanceDeps): Promise<Instance> {
  const onFault = ({ error, ...where }: { error: unknown }) => logger.error({ err: error, ...where }, 'fault')
  const broadcast = createMemoryBroadcast()
  const presence = createMemoryPresence()
  const rates = ratesOf(config)
  const limiter = config.RATE_LIMITS === 'off' ? createOpenLimiter() : createLimiter(rates)
  const changes = createChangesReader(db)
  const onDatabaseFault = (error: unknown) => onFault({ error })
  const indexer = createIndexer(db, { clock, language: config.SEARCH_LANGUAGE, onFault: onDatabaseFault })
  const committer = createCommitter(db, { onMessages: indexer.changed, onFault: onDatabaseFault })
  const rooms = createRooms({ store: createRoomStore(db, committer), broadcast, clock, ids, onFault })
  const secrets = await getSecrets(config)
  const auth = await createAuth({
    db,
    clock,
    ids,
    broadcast,
    limiter,
    passwords: createPasswords(),
    tickets: createMemoryTickets(clock),
    secrets: { access: secrets.JWT_SECRET, refresh: secrets.JWT_REFRESH_SECRET },
  })
  const gateway = createGateway({
    rooms,
    broadcast,
    changes,
    users: createUserReader(db),
    presence,
    limiter,
    authenticator: auth,
    clock,
    ids,
    connectionsPerUser: config.CONNECTIONS_PER_USER,
    onFault,
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
    changes,
    presence,
    broadcast,
    limiter,
    health: createHealth(config, db, phase),
    asset,
    remoteAddress: (context) => getConnInfo(context).remote.address ?? null,
    upgrade: (context, authenticated) => upgrades.accept(incomingOf(context), authenticated),
  })
  const upgrades = createUpgrades({ gateway, fetch: (request, env) => app.fetch(request, env), onFault })

  async function drain(milliseconds: number): Promise<void> {
    await gateway.drain(milliseconds)
    rooms.drain()
    await committer.close()
    await indexer.close()
  }

  return { app, upgrades, gateway, drain }
}
