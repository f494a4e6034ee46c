import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { listMessages, listReceipts } from '../db/queries/messages.ts'
import { listSessions } from '../db/queries/sessions.ts'
import { refuse } from '../protocol/errors.ts'
import { ChatId } from '../protocol/ids.ts'
import { SessionStatus } from '../protocol/model.ts'
import { ChatsQuery, IdempotencyHeader, page } from '../protocol/rest.ts'
import { CloseSessionBody } from '../protocol/sessions.ts'
import {
  OpenSupportSession,
  ReadSupportMessages,
  SendSupportMessage,
  SupportMessage,
  SupportSession,
  SupportUploaded,
  SupportUploadForm,
  SupportUploadQuery,
} from '../protocol/support.ts'
import { body, json, nothing } from './answers.ts'
import { type AppContext, type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { dispatch } from './dispatch.ts'
import { limitUser } from './guards.ts'
import { openSession } from './open-session.ts'
import { refuseInvalid } from './refusals.ts'
import { sightOf } from './sight.ts'
import { toSupportAttachment, toSupportMessage, toSupportSession } from './support-shapes.ts'
import { receiveUpload, uploadRoute } from './uploads.ts'

const tags = ['Support clients']
const params = z.object({ id: ChatId })

const create = createRoute({
  method: 'post',
  path: '/sessions',
  operationId: 'openSupportSession',
  summary: 'As POST /api/sessions, in the field names of support clients',
  tags,
  request: { headers: IdempotencyHeader, body: body(OpenSupportSession) },
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

const accept = createRoute({
  method: 'post',
  path: '/sessions/{id}/accept',
  operationId: 'acceptSupportSession',
  summary: 'As POST /api/sessions/{id}/accept',
  tags,
  request: { params },
  responses: { 200: json(SupportSession, 'It is yours') },
})

const close = createRoute({
  method: 'post',
  path: '/sessions/{id}/close',
  operationId: 'closeSupportSession',
  summary: 'As POST /api/sessions/{id}/close',
  tags,
  request: { params, body: { ...body(CloseSessionBody), required: false } },
  responses: { 200: json(SupportSession, 'Closed') },
})

const messages = createRoute({
  method: 'get',
  path: '/sessions/{id}/messages',
  operationId: 'listSupportMessages',
  summary: 'As GET /api/chats/{id}/messages: the newest first, with who has read each, and when',
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

const read = createRoute({
  method: 'post',
  path: '/sessions/{id}/read',
  operationId: 'readSupportMessages',
  summary: 'As POST /api/chats/{id}/read: all messages up to one, or all that there are',
  tags,
  request: { params, body: { ...body(ReadSupportMessages), required: false } },
  responses: { 204: nothing },
})

const upload = uploadRoute('/upload', 'uploadToSession', {
  tag: 'Support clients',
  query: SupportUploadQuery,
  form: SupportUploadForm,
  answer: SupportUploaded,
})

/** supportAliasRoutes is the session routes for clients of an older support API: other names, the same one path. */
export function supportAliasRoutes(deps: AppDeps) {
  const { db, clock, changes } = deps

  /** The seq of the message, or of the newest one. */
  async function placeOf(context: AppContext, chatId: string, messageId: string | undefined) {
    const userId = principalOf(context).user.id
    if (messageId !== undefined) {
      const place = await changes.locate(userId, messageId)
      return place?.chatId === chatId ? place.seq : refuse('NOT_FOUND', 'No such message in this session')
    }
    const found = await listMessages(db, { userId, chatId, limit: 1 })
    return found ? (found.data[0]?.seq ?? 0) : refuse('NOT_FOUND', 'No such session')
  }

  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  app.post('/sessions/:id/messages', limitUser(deps, 'message'))
  app.openAPIRegistry.registerPath(upload)
  app.post('/upload', async (context) => {
    const { attachments } = await receiveUpload(deps, context)
    return context.json({ attachments: attachments.map((file) => toSupportAttachment(file, null)) }, 201)
  })
  return app
    .openapi(create, async (context) => {
      const { subject, customer_id: customerId } = context.req.valid('json')
      const key = context.req.valid('header')['idempotency-key']
      const { chat } = await openSession(deps, context, { subject, customerId }, key)
      return context.json(toSupportSession(chat), 201)
    })
    .openapi(list, async (context) => {
      const query = context.req.valid('query')
      const sight = await sightOf(deps, context)
      const found = await listSessions(db, { ...query, sight, now: clock.now() })
      return context.json({ ...found, data: found.data.map(toSupportSession) }, 200)
    })
    .openapi(accept, async (context) => {
      const command = { type: 'session:accept', chatId: context.req.valid('param').id } as const
      const { chat } = await dispatch<'session:accept'>(deps, context, command)
      return context.json(toSupportSession(chat), 200)
    })
    .openapi(close, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const command = { type: 'session:close', chatId, ...context.req.valid('json') } as const
      const { chat } = await dispatch<'session:close'>(deps, context, command)
      return context.json(toSupportSession(chat), 200)
    })
    .openapi(messages, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const wanted = { userId: principalOf(context).user.id, chatId, ...context.req.valid('query') }
      const found = (await listMessages(db, wanted)) ?? refuse('NOT_FOUND', 'No such session')
      const messageIds = found.data.map(({ id }) => id)
      const receipts = await listReceipts(db, messageIds)
      return context.json(
        { ...found, data: found.data.map((message) => toSupportMessage(message, receipts)) },
        200,
      )
    })
    .openapi(send, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const { content, message_type: contentType, attachment_ids: attachmentIds } = context.req.valid('json')
      const command = { type: 'message:send', chatId, content, contentType, attachmentIds } as const
      const { message } = await dispatch<'message:send'>(deps, context, command)
      return context.json(toSupportMessage(message, []), 201)
    })
    .openapi(read, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const seq = await placeOf(context, chatId, context.req.valid('json').message_id)
      await dispatch<'message:read'>(deps, context, { type: 'message:read', chatId, seq })
      return context.body(null, 204)
    })
}
