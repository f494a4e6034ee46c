import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { listMessages } from '../db/queries/messages.ts'
import type { ChangesRead } from '../gateway/ports.ts'
import { ACKS, SendBody, WatermarkBody } from '../protocol/commands.ts'
import { refuse } from '../protocol/errors.ts'
import { ChatId } from '../protocol/ids.ts'
import { Changes, ChangesQuery, HistoryQuery, ListedMessage, page } from '../protocol/rest.ts'
import { body, json } from './answers.ts'
import { type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { dispatch } from './dispatch.ts'
import { limitUser } from './guards.ts'
import { refuseInvalid } from './refusals.ts'
import { sendForm } from './uploads.ts'

const tags = ['Messages']
const params = z.object({ id: ChatId })

const list = createRoute({
  method: 'get',
  path: '/{id}/messages',
  operationId: 'listMessages',
  summary: "A chat's messages, the newest first",
  tags,
  request: { params, query: HistoryQuery },
  responses: { 200: json(page(ListedMessage), 'A page') },
})

const send = createRoute({
  method: 'post',
  path: '/{id}/messages',
  operationId: 'sendMessage',
  summary: 'Send a message; stored and flushed when this answers',
  tags,
  request: { params, body: body(SendBody) },
  responses: {
    201: json(ACKS['message:send'], 'Sent'),
    200: json(ACKS['message:send'], 'A retry: the first answer again'),
  },
})

const read = createRoute({
  method: 'post',
  path: '/{id}/read',
  operationId: 'markRead',
  summary: 'Everything up to here was read',
  tags,
  request: { params, body: body(WatermarkBody) },
  responses: { 200: json(ACKS['message:read'], 'Marked') },
})

const delivered = createRoute({
  method: 'post',
  path: '/{id}/delivered',
  operationId: 'markDelivered',
  summary: 'Everything up to here has reached a device',
  tags,
  request: { params, body: body(WatermarkBody) },
  responses: { 200: json(ACKS['message:delivered'], 'Marked') },
})

const changes = createRoute({
  method: 'get',
  path: '/{id}/changes',
  operationId: 'getChanges',
  summary: 'All that changed in a chat since a seq, each row once, in its latest state',
  tags,
  request: { params, query: ChangesQuery },
  responses: { 200: json(Changes, 'The changes, or `reset`: too much to send') },
})

export function historyRoutes(deps: AppDeps) {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  app.post('/:id/messages', limitUser(deps, 'message'), sendForm(deps))
  return app
    .openapi(list, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const wanted = { userId: principalOf(context).user.id, chatId, ...context.req.valid('query') }
      const found = await listMessages(deps.db, wanted)
      return context.json(found ?? refuse('NOT_FOUND', 'No such chat'), 200)
    })
    .openapi(send, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const command = { type: 'message:send', chatId, ...context.req.valid('json') } as const
      const ack = await dispatch<'message:send'>(deps, context, command)
      return context.json(ack, ack.replayed ? 200 : 201)
    })
    .openapi(read, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const command = { type: 'message:read', chatId, ...context.req.valid('json') } as const
      return context.json(await dispatch<'message:read'>(deps, context, command), 200)
    })
    .openapi(delivered, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const command = { type: 'message:delivered', chatId, ...context.req.valid('json') } as const
      return context.json(await dispatch<'message:delivered'>(deps, context, command), 200)
    })
    .openapi(changes, async (context) => {
      const wanted = { chatId: context.req.valid('param').id, since: context.req.valid('query').since }
      const [answer] = await deps.changes.readChanges(principalOf(context).user.id, [wanted])
      return context.json(toChanges(answer, wanted.since), 200)
    })
}

/** What the gateway would send as a batch or a reset. */
function toChanges(answer: ChangesRead | undefined, since: number): Changes {
  switch (answer?.status) {
    case 'changes':
    case 'left':
      return { ...answer.changes, head: answer.changes.to, more: false, reset: false }
    case 'reset': {
      const nothing = { chat: null, me: null, participants: [], messages: [], more: false }
      return { chatId: answer.chatId, from: since, to: since, head: answer.head, reset: true, ...nothing }
    }
    default:
      return refuse('NOT_FOUND', 'No such chat')
  }
}
