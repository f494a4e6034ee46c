import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { updateAgent } from '../db/queries/agents.ts'
import { refuse } from '../protocol/errors.ts'
import { UserId } from '../protocol/ids.ts'
import { AgentEnvelope, UpdateAgentBody } from '../protocol/sessions.ts'
import { body, json } from './answers.ts'
import type { AppDeps, AppEnv } from './deps.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Operation']

const updateAgentRoute = createRoute({
  method: 'put',
  path: '/agents/{id}',
  operationId: 'updateAgent',
  summary: "Set an agent's capacity and teams",
  tags,
  request: { params: z.object({ id: UserId }), body: body(UpdateAgentBody) },
  responses: { 200: json(AgentEnvelope, 'Changed') },
})

/** Only behind `requireAdmin`. */
export function adminRoutes({ db }: AppDeps) {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  return app.openapi(updateAgentRoute, async (context) => {
    const { id } = context.req.valid('param')
    const agent = await updateAgent(db, id, context.req.valid('json'))
    return context.json({ agent: agent ?? refuse('NOT_FOUND', 'No such agent') }, 200)
  })
}
