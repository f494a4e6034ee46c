import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { listMessages } from '../db/queries/messages.ts'
import { listSessions } from '../db/queries/sessions.ts'
import { refuse } from '../protocol/errors.ts'
import { ChatId } from '../protocol/ids.ts'
import { type ChatInfo, type Message, SessionStatus } from '../protocol/model.ts'
import { ChatsQuery, page } from '../protocol/rest.ts'
import {
  OpenSupportSession,
  SendSupportMessage,
  SupportMessage,
  SupportSession,
} from '../protocol/support.ts'
import { body, json } from './answers.ts'
import { type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { dispatch } from './dispatch.ts'
import { limitUser } from './guards.ts'
import { refuseInvalid } from './refusals.ts'
import { sightOf } from './sight.ts'

const tags = ['Support clients']
const params = z.object({ id: ChatId })

const create = createRoute({
  method: 'post',
  path: '/sessions',
  operationId: 'openSupportSession',
  summary: 'As POST /api/sessions, in the field names of support clients',
  tags,
  request: { body: body(OpenSupportSession) },
  responses: { 201: json(SupportSession, 'The session') },
})

const list = createRoute({
  method: 'get',
  path: '/sessions',
  operationId: 'listSupportSessions',
  summary: 'As GET /api/sessions; agents see what waits, the newest first unless a status is asked for',
  tags,
  request: { query: ChatsQuery.extend({ status: SessionStatus.optional() }) },
  responses: { 200: json(page(SupportSession), 'A page') },
})

const messages = createRoute({
  method: 'get',
  path: '/sessions/{id}/messages',
  operationId: 'listSupportMessages',
  summary: 'As GET /api/chats/{id}/messages: the newest first',
  tags,
  request: { params, query: ChatsQuery },
  responses: { 200: json(page(SupportMessage), 'A page') },
})

const send = createRoute({
  method: 'post',
  path: '/sessions/{id}/messages',
  operationId: 'sendSupportMessage',
  summary: 'As POST /api/chats/{id}/messages',
  tags,
  request: { params, body: body(SendSupportMessage) },
  responses: { 201: json(SupportMessage, 'Sent') },
})

/** supportAliasRoutes is the session routes for clients of an older support API: other names, the same one path. */
export function supportAliasRoutes(deps: AppDeps) {
  const { db, clock, ids } = deps
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  app.post('/sessions/:id/messages', limitUser(deps, 'message'))
  return app
    .openapi(create, async (context) => {
      const { subject } = context.req.valid('json')
      const command = { type: 'session:create', chatId: ids.uuid(), subject } as const
      const { chat } = await dispatch<'session:create'>(deps, context, command)
      return context.json(toSession(chat), 201)
    })
    .openapi(list, async (context) => {
      const query = context.req.valid('query')
      const sight = await sightOf(deps, context)
      const found = await listSessions(db, { ...query, sight, now: clock.now() })
      return context.json({ ...found, data: found.data.map(toSession) }, 200)
    })
    .openapi(messages, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const wanted = { userId: principalOf(context).user.id, chatId, ...context.req.valid('query') }
      const found = (await listMessages(db, wanted)) ?? refuse('NOT_FOUND', 'No such session')
      return context.json({ ...found, data: found.data.map(toMessage) }, 200)
    })
    .openapi(send, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const { content, message_type: contentType } = context.req.valid('json')
      const command = { type: 'message:send', chatId, content, contentType } as const
      const { message } = await dispatch<'message:send'>(deps, context, command)
      return context.json(toMessage(message), 201)
    })
}

function toSession(chat: ChatInfo): z.infer<typeof SupportSession> {
  return {
    id: chat.id,
    subject: chat.subject,
    status: chat.status ?? 'closed',
    customer_id: chat.ownerId,
    agent_id: chat.assigneeId,
    created_at: chat.createdAt,
  }
}

function toMessage(message: Message): z.infer<typeof SupportMessage> {
  return {
    id: message.id,
    session_id: message.chatId,
    sender_id: message.senderId,
    content: message.content,
    message_type: message.contentType,
    created_at: message.createdAt,
  }
}
