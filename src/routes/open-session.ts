import type { z } from 'zod'
import { toProfile } from '../auth/profile.ts'
import type { AckOf } from '../protocol/commands.ts'
import { refuse } from '../protocol/errors.ts'
import type { CreateSessionBody, NewCustomer } from '../protocol/sessions.ts'
import { type AppContext, type AppDeps, principalOf } from './deps.ts'
import { sessionId } from './derived-ids.ts'
import { dispatch } from './dispatch.ts'

/** openSession opens a session, or answers with the one that this opener has named so before. */
export async function openSession(
  deps: AppDeps,
  context: AppContext,
  { customer, ...session }: z.output<typeof CreateSessionBody>,
  idempotencyKey: string | undefined,
): Promise<AckOf<'session:create'>> {
  const key = session.externalId ?? idempotencyKey
  const { user } = principalOf(context)
  const opener = user.type === 'bot' ? 'services' : user.id
  const chatId = key === undefined ? deps.ids.uuid() : await sessionId(opener, key)
  const customerId = customer ? await introduce(deps, context, customer) : session.customerId
  return dispatch<'session:create'>(deps, context, {
    type: 'session:create',
    chatId,
    ...session,
    ...(customerId !== undefined && { customerId }),
  })
}

/** A service is believed about whom its customers are; whoever has a token speaks for nobody else. */
async function introduce(
  { auth }: AppDeps,
  context: AppContext,
  { issuer, subject, type, name }: NewCustomer,
): Promise<string> {
  if (principalOf(context).user.type !== 'bot') {
    const message = 'Only a service names a customer of another issuer: give customerId'
    return refuse('FORBIDDEN', message, [{ field: 'customer', message }])
  }
  return auth.outsideUsers.introduce({ issuer, subject, type, profile: toProfile(name, undefined) })
}
