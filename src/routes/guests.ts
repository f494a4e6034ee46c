import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { enterGuest, toMe } from '../db/queries/users.ts'
import { GuestBody } from '../protocol/admin.ts'
import { refuse } from '../protocol/errors.ts'
import { LoggedIn } from '../protocol/rest.ts'
import { body, json, PUBLIC } from './answers.ts'
import { audit } from './audit.ts'
import { deviceOf } from './auth.ts'
import type { AppContext, AppDeps, AppEnv } from './deps.ts'
import { bearerOf, verifyService } from './guards.ts'
import { refuseInvalid } from './refusals.ts'

const enter = createRoute({
  method: 'post',
  path: '/',
  operationId: 'enterAsGuest',
  summary: "Get a guest's tokens: for a widget on a page, from the page's backend or by itself",
  description:
    'With a service token of scope `guests:write`, always; without one, where the setting GUESTS lets guests in. A guest is a customer without a password.',
  tags: ['Accounts'],
  ...PUBLIC,
  request: { body: body(GuestBody) },
  responses: { 201: json(LoggedIn, 'The guest, and 15 minutes of access that can be renewed') },
})

/** guestRoutes lets in customers who have no account. */
export function guestRoutes(deps: AppDeps) {
  const { db, clock, ids, auth } = deps
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid }).openapi(enter, async (context) => {
    const { displayName = 'Guest', externalId } = context.req.valid('json')
    const serviceId = await findService(deps, context)
    if (externalId !== undefined && serviceId === null) {
      const message = 'Only a service names its guests: leave it out'
      refuse('FORBIDDEN', message, [{ field: 'externalId', message }])
    }
    const id = ids.uuid()
    const account = await enterGuest(db, {
      ...{ id, displayName, at: new Date(clock.now()) },
      subject: externalId === undefined ? id : `services:${externalId}`,
    })
    const pair = await auth.logins.open(account.id, deviceOf(context))
    const actorId = serviceId ?? account.id
    await audit(deps, context, { action: 'guest.entered', actorId, targetId: account.id })
    context.header('Cache-Control', 'no-store')
    return context.json({ ...pair, user: toMe(account, 'offline') }, 201)
  })
}

/** The user that the service speaks as; null where the guest comes by himself, and may. */
async function findService(deps: AppDeps, context: AppContext): Promise<string | null> {
  const token = bearerOf(context)
  if (token !== undefined)
    return (await verifyService(deps, context, { token, scope: 'guests:write' })).user.id
  if (deps.config.GUESTS === 'off') {
    refuse(
      'UNAUTHORIZED',
      'Guests come with a service token of the scope guests:write: Authorization: Bearer',
    )
  }
  return null
}
