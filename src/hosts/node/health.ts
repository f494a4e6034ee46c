import type { Config } from '../../config.ts'
import type { Database } from '../../db/connect.ts'
import type { Health } from '../../protocol/rest.ts'
import { answers, type Services, storageOf, toHealth } from '../shared/health.ts'

/** An answer is good for this long, so that health checks are no load. */
const FRESH = 1_000

export interface HealthPorts {
  readonly config: Config
  readonly db: Database
  readonly phase: () => Health['status']
  /** Whether nothing of the other instances arrives here; undefined when there are not meant to be any. */
  readonly isDeaf: () => boolean | undefined
  /** Left out where no files are kept. */
  readonly files?: { isUp(): Promise<boolean> } | undefined
}

/**
 * createHealth asks the database and the file store whether they answer, at most once a second however often it is
 * asked. Without its replica, Redis or files the service does its work, so that it is `degraded` and goes on to get
 * requests.
 */
export function createHealth({ config, db, phase, isDeaf, files }: HealthPorts): () => Promise<Health> {
  let asked = 0
  let found: Promise<[isUp: boolean, storage: Services['storage']]> | undefined
  return async () => {
    if (!found || Date.now() - asked > FRESH) {
      asked = Date.now()
      found = Promise.all([answers(db), storageOf(files)])
    }
    const [isUp, storage] = await found
    const services = {
      database: isUp ? 'ok' : 'down',
      replica: replicaOf(db),
      redis: redisOf(isDeaf()),
      storage,
    } as const
    return toHealth(config, process.uptime(), { status: statusOf(phase(), services), services })
  }
}

function statusOf(phase: Health['status'], { database, ...others }: Services): Health['status'] {
  if (phase !== 'ok') return phase
  if (database !== 'ok') return 'down'
  return Object.values(others).every((state) => state === 'ok' || state === 'off') ? 'ok' : 'degraded'
}

/** One that lags is asked again when it has caught up; everything else needs somebody to look. */
function replicaOf({ replica }: Database): Services['replica'] {
  if (!replica) return 'off'
  if (replica.state === 'ok') return 'ok'
  return replica.state === 'lagging' ? 'degraded' : 'down'
}

function redisOf(isDeaf: boolean | undefined): Services['redis'] {
  if (isDeaf === undefined) return 'off'
  return isDeaf ? 'down' : 'ok'
}
