import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { discardDeadJob, listDeadJobs, retryDeadJobs } from '../db/queries/jobs.ts'
import { refuse } from '../protocol/errors.ts'
import { Uuid } from '../protocol/ids.ts'
import { DeadJob, DeadJobsQuery, page, Retried, RetryJobsBody } from '../protocol/rest.ts'
import { body, json, nothing } from './answers.ts'
import type { AppDeps, AppEnv } from './deps.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Operation']
const params = z.object({ id: Uuid })

const list = createRoute({
  method: 'get',
  path: '/',
  operationId: 'listDeadJobs',
  summary: 'Dead letters: pushes, webhooks and other work that was given up; for administrators',
  tags,
  request: { query: DeadJobsQuery },
  responses: { 200: json(page(DeadJob), 'A page, oldest first') },
})

const retryAll = createRoute({
  method: 'post',
  path: '/retry',
  operationId: 'retryDeadJobs',
  summary: 'Try all dead letters again, or those of a kind; for administrators',
  tags,
  request: { body: body(RetryJobsBody) },
  responses: { 200: json(Retried, 'How many') },
})

const retryOne = createRoute({
  method: 'post',
  path: '/{id}/retry',
  operationId: 'retryDeadJob',
  summary: 'Try a dead letter again; for administrators',
  tags,
  request: { params },
  responses: { 204: nothing },
})

const discard = createRoute({
  method: 'delete',
  path: '/{id}',
  operationId: 'discardDeadJob',
  summary: 'Throw a dead letter away; for administrators',
  tags,
  request: { params },
  responses: { 204: nothing },
})

/** jobRoutes is what an administrator sees of background work. */
export function jobRoutes({ db, jobs }: AppDeps) {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
    .openapi(list, async (context) => {
      const { limit, cursor } = context.req.valid('query')
      const found = await listDeadJobs(db, { after: cursor, limit: limit + 1 })
      const data = found.slice(0, limit)
      const hasMore = found.length > limit
      return context.json({ data, hasMore, nextCursor: hasMore ? (data.at(-1)?.id ?? null) : null }, 200)
    })
    .openapi(retryAll, async (context) => {
      const { kind } = context.req.valid('json')
      const retried = await retryDeadJobs(db, { kind })
      jobs.wake()
      return context.json({ retried }, 200)
    })
    .openapi(retryOne, async (context) => {
      const { id } = context.req.valid('param')
      if ((await retryDeadJobs(db, { id })) === 0) refuse('NOT_FOUND', 'No such dead letter', [FIELD])
      jobs.wake()
      return context.body(null, 204)
    })
    .openapi(discard, async (context) => {
      const { id } = context.req.valid('param')
      if (!(await discardDeadJob(db, id))) refuse('NOT_FOUND', 'No such dead letter', [FIELD])
      return context.body(null, 204)
    })
}

const FIELD = { field: 'id', message: 'Must be the id of a job that GET /api/admin/jobs lists' }
