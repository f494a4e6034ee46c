import { listDesks } from '../db/known-sessions.ts'
import type { Sight } from '../db/queries/sessions.ts'
import { type AppContext, type AppDeps, principalOf } from './deps.ts'

/** sightOf is which sessions the caller may know of: admins and services of all, by the right of their account. */
export async function sightOf({ db }: AppDeps, context: AppContext): Promise<Sight> {
  const { id: userId, type } = principalOf(context).user
  if (type === 'admin' || type === 'bot') return { sees: 'all' }
  if (type !== 'agent') return { sees: 'own', userId }
  const teams = (await listDesks(db, [userId])).get(userId)?.teams ?? []
  return { sees: 'queues', userId, teams }
}
