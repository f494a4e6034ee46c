import { insertAudit, type NewAuditEntry } from '../db/queries/audit.ts'
import { type AppContext, type AppDeps, principalOf } from './deps.ts'

type Act = Pick<NewAuditEntry, 'action' | 'details' | 'targetId'> & { readonly actorId?: string }

/** audit writes down what the caller has just done, from where. */
export async function audit(
  { db, clock }: AppDeps,
  context: AppContext,
  { actorId = principalOf(context).user.id, ...act }: Act,
): Promise<void> {
  const ipAddress = context.get('ipAddress')
  await insertAudit(db, { ...act, actorId, ipAddress, at: new Date(clock.now()) })
}
