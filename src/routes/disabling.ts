import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { updateDisabled } from '../db/queries/users.ts'
import { refuse } from '../protocol/errors.ts'
import { UserId } from '../protocol/ids.ts'
import { nothing } from './answers.ts'
import { audit } from './audit.ts'
import { type AppContext, type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Operation']
const params = z.object({ id: UserId })

const disable = createRoute({
  method: 'put',
  path: '/users/{id}/disabled',
  operationId: 'disableUser',
  summary: 'Keep a user out, whoever issues the tokens; for administrators',
  description:
    'Sockets are closed at once, requests refused within 5 s, and logins end. What was written stays.',
  tags,
  request: { params },
  responses: { 204: nothing },
})

const enable = createRoute({
  method: 'delete',
  path: '/users/{id}/disabled',
  operationId: 'enableUser',
  summary: 'Let a disabled user in again; for administrators',
  tags,
  request: { params },
  responses: { 204: nothing },
})

/** disablingRoutes keep users out; only behind `requireAdmin`. */
export function disablingRoutes(deps: AppDeps) {
  const { db, auth, broadcast, clock } = deps

  async function change(context: AppContext, userId: string, disabledAt: Date | null): Promise<void> {
    if (userId === principalOf(context).user.id)
      refuse('CONFLICT', 'Another administrator may do that to you')
    if (!(await updateDisabled(db, userId, disabledAt))) refuse('NOT_FOUND', 'No such user')
    const action = disabledAt ? 'user.disabled' : 'user.enabled'
    await audit(deps, context, { action, targetId: userId })
  }

  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(disable, async (context) => {
      const { id } = context.req.valid('param')
      await change(context, id, new Date(clock.now()))
      await auth.logins.endAll(id)
      broadcast.publish(`user:${id}`, { kind: 'revoked', sessionId: null })
      return context.body(null, 204)
    })
    .openapi(enable, async (context) => {
      await change(context, context.req.valid('param').id, null)
      return context.body(null, 204)
    })
}
