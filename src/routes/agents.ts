import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { findAgent, listAgents, updateAgent } from '../db/queries/agents.ts'
import { refuse } from '../protocol/errors.ts'
import { AgentDesk, AgentEnvelope, AvailabilityBody } from '../protocol/sessions.ts'
import { roleOfStaff } from '../protocol/staff.ts'
import { body, json } from './answers.ts'
import { type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Sessions']

const list = createRoute({
  method: 'get',
  path: '/',
  operationId: 'listAgents',
  summary: 'Those who take sessions: for staff, who transfer to them',
  tags,
  responses: { 200: json(z.object({ data: z.array(AgentDesk) }), 'Agents and admins, by name') },
})

const getMe = createRoute({
  method: 'get',
  path: '/me',
  operationId: 'getAvailability',
  summary: 'How one stands to the queue',
  tags,
  responses: { 200: json(AgentEnvelope, 'Oneself as an agent') },
})

const setAvailability = createRoute({
  method: 'put',
  path: '/me',
  operationId: 'setAvailability',
  summary: 'Take sessions, or for now none',
  tags,
  request: { body: body(AvailabilityBody) },
  responses: { 200: json(AgentEnvelope, 'Set') },
})

export function agentRoutes(deps: AppDeps) {
  const { db } = deps
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  return app
    .openapi(list, async (context) => {
      if (!roleOfStaff(principalOf(context).user.type)) refuse('FORBIDDEN', 'Only staff may see the agents')
      return context.json({ data: await listAgents(db) }, 200)
    })
    .openapi(getMe, async (context) => {
      const agent = (await findAgent(db, principalOf(context).user.id)) ?? refuseOthers()
      return context.json({ agent }, 200)
    })
    .openapi(setAvailability, async (context) => {
      const userId = principalOf(context).user.id
      const agent = (await updateAgent(db, userId, context.req.valid('json'))) ?? refuseOthers()
      return context.json({ agent }, 200)
    })
}

function refuseOthers(): never {
  return refuse('FORBIDDEN', 'Only agents and admins take sessions from the queue')
}
