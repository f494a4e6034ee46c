import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { listSessions } from '../db/queries/sessions.ts'
import { ACKS } from '../protocol/commands.ts'
import { ChatId } from '../protocol/ids.ts'
import { IdempotencyHeader, page } from '../protocol/rest.ts'
import {
  CloseSessionBody,
  CreateSessionBody,
  ListedSession,
  notesIdOf,
  SessionsQuery,
  TransferSessionBody,
} from '../protocol/sessions.ts'
import { body, json } from './answers.ts'
import type { AppDeps, AppEnv } from './deps.ts'
import { dispatch } from './dispatch.ts'
import { openSession } from './open-session.ts'
import { refuseInvalid } from './refusals.ts'
import { sightOf } from './sight.ts'

const tags = ['Sessions']
const params = z.object({ id: ChatId })

const create = createRoute({
  method: 'post',
  path: '/',
  operationId: 'openSession',
  summary: 'Open a session: into a queue, or with a professional at once',
  description:
    'With the same `externalId` (or Idempotency-Key) again, it answers with the same session. A service may name a customer of another issuer who has not been here yet, as `customer`.',
  tags,
  request: { headers: IdempotencyHeader, body: body(CreateSessionBody) },
  responses: {
    201: json(ACKS['session:create'], 'The session'),
    200: json(ACKS['session:create'], 'A retry: the session that was opened first'),
  },
})

const list = createRoute({
  method: 'get',
  path: '/',
  operationId: 'listSessions',
  summary: "One's sessions; for agents their queues too, for admins and services all",
  tags,
  request: { query: SessionsQuery },
  responses: { 200: json(page(ListedSession), 'A page') },
})

const accept = createRoute({
  method: 'post',
  path: '/{id}/accept',
  operationId: 'acceptSession',
  summary: 'Take a session from the queue; of many who try, one has it, and the others hear who',
  tags,
  request: { params },
  responses: { 200: json(ACKS['session:accept'], 'It is yours') },
})

const transfer = createRoute({
  method: 'post',
  path: '/{id}/transfer',
  operationId: 'transferSession',
  summary: 'Give a session to another professional, or to the queue of a team',
  tags,
  request: { params, body: body(TransferSessionBody) },
  responses: { 200: json(ACKS['session:transfer'], 'Transferred') },
})

const release = createRoute({
  method: 'post',
  path: '/{id}/release',
  operationId: 'releaseSession',
  summary: 'Give a session back to the queue',
  tags,
  request: { params },
  responses: { 200: json(ACKS['session:release'], 'It waits again') },
})

const close = createRoute({
  method: 'post',
  path: '/{id}/close',
  operationId: 'closeSession',
  summary: 'Close a session: it takes no more messages',
  tags,
  request: { params, body: { ...body(CloseSessionBody), required: false } },
  responses: { 200: json(ACKS['session:close'], 'Closed') },
})

const reopen = createRoute({
  method: 'post',
  path: '/{id}/reopen',
  operationId: 'reopenSession',
  summary: 'Open a closed session again',
  tags,
  request: { params },
  responses: { 200: json(ACKS['session:reopen'], 'Open') },
})

const observe = createRoute({
  method: 'post',
  path: '/{id}/observe',
  operationId: 'observeSession',
  summary:
    'An admin sees a session by taking part as an observer; it is audited, and all in the session see it',
  tags,
  request: { params },
  responses: { 200: json(ACKS['session:observe'], 'One takes part; POST /api/chats/{id}/leave ends it') },
})

const notes = createRoute({
  method: 'post',
  path: '/{id}/notes',
  operationId: 'openNotes',
  summary: "The session's internal notes: a chat of its own, of the session's staff alone",
  tags,
  request: { params },
  responses: { 200: json(ACKS['notes:open'], 'The chat that holds them; written and read like any other') },
})

export function sessionRoutes(deps: AppDeps) {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  return app
    .openapi(create, async (context) => {
      const key = context.req.valid('header')['idempotency-key']
      const ack = await openSession(deps, context, context.req.valid('json'), key)
      return context.json(ack, ack.replayed ? 200 : 201)
    })
    .openapi(list, async (context) => {
      const sight = await sightOf(deps, context)
      const found = await listSessions(deps.db, {
        ...context.req.valid('query'),
        sight,
        now: deps.clock.now(),
      })
      return context.json(found, 200)
    })
    .openapi(accept, async (context) => {
      const command = { type: 'session:accept', chatId: context.req.valid('param').id } as const
      return context.json(await dispatch<'session:accept'>(deps, context, command), 200)
    })
    .openapi(transfer, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const command = { type: 'session:transfer', chatId, ...context.req.valid('json') } as const
      return context.json(await dispatch<'session:transfer'>(deps, context, command), 200)
    })
    .openapi(release, async (context) => {
      const command = { type: 'session:release', chatId: context.req.valid('param').id } as const
      return context.json(await dispatch<'session:release'>(deps, context, command), 200)
    })
    .openapi(close, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const command = { type: 'session:close', chatId, ...context.req.valid('json') } as const
      return context.json(await dispatch<'session:close'>(deps, context, command), 200)
    })
    .openapi(reopen, async (context) => {
      const command = { type: 'session:reopen', chatId: context.req.valid('param').id } as const
      return context.json(await dispatch<'session:reopen'>(deps, context, command), 200)
    })
    .openapi(observe, async (context) => {
      const command = { type: 'session:observe', chatId: context.req.valid('param').id } as const
      return context.json(await dispatch<'session:observe'>(deps, context, command), 200)
    })
    .openapi(notes, async (context) => {
      const { id } = context.req.valid('param')
      const command = { type: 'notes:open', chatId: notesIdOf(id), sessionId: id } as const
      return context.json(await dispatch<'notes:open'>(deps, context, command), 200)
    })
}
