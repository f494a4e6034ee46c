import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { z } from 'zod'
import {
  deleteCannedReply,
  insertCannedReply,
  listCannedReplies,
  updateCannedReply,
} from '../db/queries/canned-replies.ts'
import { CannedReply, CannedReplyBody } from '../protocol/admin.ts'
import { refuse } from '../protocol/errors.ts'
import { Uuid } from '../protocol/ids.ts'
import { roleOfStaff } from '../protocol/staff.ts'
import { body, json, nothing } from './answers.ts'
import { type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Sessions']
const params = z.object({ id: Uuid })
const Envelope = z.object({ reply: CannedReply })

const list = createRoute({
  method: 'get',
  path: '/',
  operationId: 'listCannedReplies',
  summary: 'What is said often, at hand; for staff',
  tags,
  responses: { 200: json(z.object({ data: z.array(CannedReply) }), 'By title') },
})

const create = createRoute({
  method: 'post',
  path: '/',
  operationId: 'createCannedReply',
  summary: 'Add a canned reply; for staff',
  tags,
  request: { body: body(CannedReplyBody) },
  responses: { 201: json(Envelope, 'Added') },
})

const update = createRoute({
  method: 'put',
  path: '/{id}',
  operationId: 'updateCannedReply',
  summary: 'Write a canned reply anew; for staff',
  tags,
  request: { params, body: body(CannedReplyBody) },
  responses: { 200: json(Envelope, 'Changed') },
})

const remove = createRoute({
  method: 'delete',
  path: '/{id}',
  operationId: 'deleteCannedReply',
  summary: 'Delete a canned reply; for staff',
  tags,
  request: { params },
  responses: { 204: nothing },
})

export function cannedReplyRoutes({ db, clock, ids }: AppDeps) {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  app.use(requireStaff)
  return app
    .openapi(list, async (context) => {
      return context.json({ data: (await listCannedReplies(db)).map(toReply) }, 200)
    })
    .openapi(create, async (context) => {
      const { team = null, ...reply } = context.req.valid('json')
      const createdBy = principalOf(context).user.id
      const at = new Date(clock.now())
      const row = await insertCannedReply(db, { ...reply, team, createdBy, at, id: ids.uuid() })
      return context.json({ reply: toReply(row) }, 201)
    })
    .openapi(update, async (context) => {
      const { team = null, ...reply } = context.req.valid('json')
      const where = { id: context.req.valid('param').id, at: new Date(clock.now()) }
      const row = await updateCannedReply(db, where, { ...reply, team })
      return context.json({ reply: toReply(row ?? refuse('NOT_FOUND', 'No such canned reply')) }, 200)
    })
    .openapi(remove, async (context) => {
      const isGone = await deleteCannedReply(db, context.req.valid('param').id)
      if (!isGone) refuse('NOT_FOUND', 'No such canned reply')
      return context.body(null, 204)
    })
}

/** requireStaff lets only those through who work in sessions; behind `requireUser`. */
const requireStaff: MiddlewareHandler<AppEnv> = async (context, next) => {
  if (!roleOfStaff(principalOf(context).user.type)) refuse('FORBIDDEN', 'Only staff may do this')
  await next()
}

function toReply({ createdAt, updatedAt, ...row }: Awaited<ReturnType<typeof listCannedReplies>>[number]) {
  return { ...row, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() }
}
