import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { updateAgent } from '../db/queries/agents.ts'
import { listAudit } from '../db/queries/audit.ts'
import { changeUserType, findUser, toSummary } from '../db/queries/users.ts'
import { AuditEntry, AuditQuery, ChangeUserBody } from '../protocol/admin.ts'
import { refuse } from '../protocol/errors.ts'
import { UserId } from '../protocol/ids.ts'
import { UserSummary } from '../protocol/model.ts'
import { page } from '../protocol/rest.ts'
import { AgentEnvelope, UpdateAgentBody } from '../protocol/sessions.ts'
import { body, json } from './answers.ts'
import { audit } from './audit.ts'
import { type AppContext, type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Operation']
const params = z.object({ id: UserId })

const agent = createRoute({
  method: 'put',
  path: '/agents/{id}',
  operationId: 'updateAgent',
  summary: "Set an agent's capacity and teams; for administrators",
  tags,
  request: { params, body: body(UpdateAgentBody) },
  responses: { 200: json(AgentEnvelope, 'Changed') },
})

const user = createRoute({
  method: 'put',
  path: '/users/{id}',
  operationId: 'changeUser',
  summary: 'Make a local user an agent, a dentist, an admin, ...; for administrators',
  description: 'All logins of the user end: what the user may do is another from the next one on.',
  tags,
  request: { params, body: body(ChangeUserBody) },
  responses: { 200: json(z.object({ user: UserSummary }), 'Changed') },
})

const auditLog = createRoute({
  method: 'get',
  path: '/audit',
  operationId: 'listAudit',
  summary: 'Sensitive operations, the newest first; for administrators',
  tags,
  request: { query: AuditQuery },
  responses: { 200: json(page(AuditEntry), 'A page') },
})

/** adminRoutes is what administrators do; only behind `requireAdmin`. */
export function adminRoutes(deps: AppDeps) {
  const { db } = deps
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(agent, async (context) => {
      const { id } = context.req.valid('param')
      const change = context.req.valid('json')
      const found = (await updateAgent(db, id, change)) ?? refuse('NOT_FOUND', 'No such agent')
      await audit(deps, context, { action: 'agent.updated', targetId: id, details: change })
      return context.json({ agent: found }, 200)
    })
    .openapi(user, async (context) => {
      const { id } = context.req.valid('param')
      const { type } = context.req.valid('json')
      return context.json({ user: await changeType(deps, context, { id, type }) }, 200)
    })
    .openapi(auditLog, async (context) => {
      return context.json(await listAudit(db, context.req.valid('query')), 200)
    })
}

async function changeType(
  deps: AppDeps,
  context: AppContext,
  { id, type }: z.infer<typeof ChangeUserBody> & { readonly id: string },
): Promise<UserSummary> {
  const { db, auth } = deps
  if (id === principalOf(context).user.id)
    refuse('CONFLICT', 'Your own type is changed by another administrator')
  const before = (await findUser(db, id)) ?? refuse('NOT_FOUND', 'No such user')
  const after =
    (await changeUserType(db, id, type)) ??
    refuse('CONFLICT', 'The issuer of this user says what type it is of')
  await audit(deps, context, { action: 'user.type', targetId: id, details: { from: before.type, to: type } })
  await auth.logins.endAll(id)
  return toSummary(after)
}
