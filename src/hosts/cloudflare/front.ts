import { createApp } from '../../app.ts'
import { createAuth } from '../../auth/auth.ts'
import { createForgetful } from '../../auth/remembered.ts'
import { ratesOf } from '../../config.ts'
import { createChangesReader } from '../../db/queries/changes.ts'
import { clock, ids } from '../shared/clock.ts'
import { answers, storageOf, toHealth } from '../shared/health.ts'
import { createAsset } from './asset.ts'
import type { Bindings } from './bindings.ts'
import type { GatewayCalls, RoomCalls } from './calls.ts'
import { openFiles } from './files.ts'
import { createJobQueue } from './jobs.ts'
import { createLogger, logFaults } from './logger.ts'
import { createPassingObjects } from './objects.ts'
import { createOutside } from './outside.ts'
import { createPasswords } from './passwords.ts'
import { createRemoteLimiter } from './remote-limiter.ts'
import { createRemotePresence } from './remote-presence.ts'
import { createRemotePublisher } from './remote-publisher.ts'
import { createRemoteRooms } from './remote-rooms.ts'
import { currentScope, scopedDatabase } from './scope.ts'
import { settings } from './settings.ts'
import { createRemoteTickets } from './tickets.ts'

export type Front = ReturnType<typeof createApp>

/**
 * createFront is the app of an isolate, for all of its requests: it keeps nothing that belongs to one of them. What
 * users share is asked of the objects.
 */
export async function createFront(bindings: Bindings): Promise<Front> {
  const config = settings(bindings)
  const logger = createLogger(config)
  const onFault = logFaults(logger)
  const changes = createChangesReader(scopedDatabase)
  const gateways = createPassingObjects<GatewayCalls>(bindings.GATEWAYS)
  const waitUntil = (promise: Promise<unknown>) => currentScope().waitUntil(promise)
  const rooms = createRemoteRooms({
    isPassing: true,
    rooms: createPassingObjects<RoomCalls>(bindings.ROOMS),
    ...{ config, ids, waitUntil, onFault },
  })
  const broadcast = createRemotePublisher(gateways, waitUntil)
  const limiter = createRemoteLimiter({ config, bindings, gateways, waitUntil })
  const auth = await createAuth({
    ...{ db: scopedDatabase, clock, ids, broadcast, limiter, passwords: createPasswords(clock, waitUntil) },
    tickets: createRemoteTickets(gateways),
    secrets: { access: config.JWT_SECRET, refresh: config.JWT_REFRESH_SECRET },
    remember: createForgetful,
    ...createOutside({ config, db: scopedDatabase, changes, rooms, broadcast, waitUntil, onFault }),
  })
  const jobs = createJobQueue(bindings, scopedDatabase, waitUntil)
  const attachments = await openFiles(bindings, { config, db: scopedDatabase, jobs })
  const startedAt = clock.now()
  return createApp({
    ...{ config, logger, clock, ids, db: scopedDatabase, auth, rooms, changes, broadcast, limiter },
    rates: ratesOf(config),
    ...{ jobs, attachments },
    presence: createRemotePresence(gateways),
    async health() {
      const [isUp, storage] = await Promise.all([answers(scopedDatabase), storageOf(attachments)])
      const services = { database: isUp ? 'ok' : 'down', replica: 'off', redis: 'off', storage } as const
      const status = storage === 'down' ? 'degraded' : 'ok'
      const uptime = (clock.now() - startedAt) / 1_000
      return toHealth(config, uptime, { status: isUp ? status : 'down', services })
    },
    asset: createAsset(bindings.ASSETS),
    remoteAddress: (context) => context.req.header('CF-Connecting-IP') ?? null,
    upgrade(_, authenticated) {
      currentScope().accepted = authenticated
      return new Response(null)
    },
  })
}
