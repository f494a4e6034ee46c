import type { Config } from '../../config.ts'
import type { Database } from '../../db/connect.ts'
import type { Health } from '../../protocol/rest.ts'

/** The database counts as away when it does not answer within this. */
const PATIENCE = 1_000
/** An answer is good for this long, so that health checks are no load. */
const FRESH = 1_000

interface Found {
  readonly status: Health['status']
  readonly database: Health['services']['database']
}

export function toHealth(config: Config, { status, database }: Found): Health {
  return {
    status,
    timestamp: new Date().toISOString(),
    uptime: process.uptime(),
    environment: config.NODE_ENV,
    version: config.APP_VERSION ?? 'dev',
    services: { database, redis: 'off', storage: 'off' },
  }
}

/** createHealth asks the database whether it answers, at most once a second however often it is asked. */
export function createHealth(
  config: Config,
  db: Database,
  phase: () => Health['status'],
): () => Promise<Health> {
  let asked = 0
  let answer: Promise<boolean> = Promise.resolve(false)
  return async () => {
    if (Date.now() - asked > FRESH) {
      asked = Date.now()
      answer = answers(db)
    }
    const isUp = await answer
    const status = phase() === 'ok' && !isUp ? 'down' : phase()
    return toHealth(config, { status, database: isUp ? 'ok' : 'down' })
  }
}

async function answers(db: Database): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PATIENCE)
  })
  const asked = db.pool.query('select 1').then(
    () => true,
    () => false,
  )
  return Promise.race([asked, late]).finally(() => clearTimeout(timer))
}
