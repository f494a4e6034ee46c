import type { Config } from '../../config.ts'
import { within } from '../../db/breaker.ts'
import type { Database } from '../../db/connect.ts'
import type { Health } from '../../protocol/rest.ts'

/** What does not answer within this counts as away. */
const PATIENCE = 1_000

export type Services = Health['services']

/** toHealth is how an instance says that it is. `uptime` is in seconds. */
export function toHealth(
  config: Config,
  uptime: number,
  { status, services }: { readonly status: Health['status']; readonly services: Services },
): Health {
  return {
    status,
    timestamp: new Date().toISOString(),
    uptime,
    environment: config.NODE_ENV,
    version: config.APP_VERSION ?? 'dev',
    services,
  }
}

/** answers tells within a second whether the database does. */
export function answers(db: Database): Promise<boolean> {
  return within(PATIENCE, db.pool.query('select 1')).then(
    () => true,
    () => false,
  )
}

/** storageOf tells within a second how the file store is. */
export async function storageOf(
  files: { isUp(): Promise<boolean> } | undefined,
): Promise<Services['storage']> {
  if (!files) return 'off'
  const isUp = await within(PATIENCE, files.isUp()).catch(() => false)
  return isUp ? 'ok' : 'down'
}
