import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { findMessageInContext, findReceipts } from '../db/queries/messages.ts'
import { ACKS, EditBody, ReactionBody } from '../protocol/commands.ts'
import { refuse } from '../protocol/errors.ts'
import { MessageId } from '../protocol/ids.ts'
import { Emoji } from '../protocol/model.ts'
import { MessageInContext, MessageReceipts } from '../protocol/rest.ts'
import { body, json } from './answers.ts'
import { type AppContext, type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { dispatch } from './dispatch.ts'
import { limitUser } from './guards.ts'
import { withPresence } from './presence.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Messages']
const params = z.object({ id: MessageId })

const get = createRoute({
  method: 'get',
  path: '/{id}',
  operationId: 'getMessage',
  summary: 'A deep link: a message, its chat and its neighbours',
  tags,
  request: { params },
  responses: { 200: json(MessageInContext, 'The message where it stands') },
})

const edit = createRoute({
  method: 'put',
  path: '/{id}',
  operationId: 'editMessage',
  summary: "Change the words of one's message",
  tags,
  request: { params, body: body(EditBody) },
  responses: { 200: json(ACKS['message:edit'], 'Changed') },
})

const remove = createRoute({
  method: 'delete',
  path: '/{id}',
  operationId: 'deleteMessage',
  summary: 'Delete a message; its place stays',
  tags,
  request: { params },
  responses: { 200: json(ACKS['message:delete'], 'Deleted') },
})

const react = createRoute({
  method: 'post',
  path: '/{id}/reactions',
  operationId: 'addReaction',
  summary: 'React to a message; twice is once',
  tags,
  request: { params, body: body(ReactionBody) },
  responses: { 200: json(ACKS['reaction:add'], 'It stands') },
})

const unreact = createRoute({
  method: 'delete',
  path: '/{id}/reactions/{emoji}',
  operationId: 'removeReaction',
  summary: "Take one's reaction back",
  tags,
  request: { params: params.extend({ emoji: Emoji }) },
  responses: { 200: json(ACKS['reaction:remove'], 'It is gone') },
})

const receipts = createRoute({
  method: 'get',
  path: '/{id}/receipts',
  operationId: 'getReceipts',
  summary: 'Who has read a message, and when, and whom it has reached',
  tags,
  request: { params },
  responses: { 200: json(MessageReceipts, 'The receipts') },
})

export function messageRoutes(deps: AppDeps) {
  const { db, changes, presence } = deps

  async function chatOf(context: AppContext, messageId: string): Promise<string> {
    const place = await changes.locate(principalOf(context).user.id, messageId)
    return place?.chatId ?? refuse('NOT_FOUND', 'No such message')
  }

  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  app.on(['PUT', 'DELETE'], '/:id', limitUser(deps, 'message'))
  app.on(['POST', 'DELETE'], '/:id/reactions/*', limitUser(deps, 'message'))
  return app
    .openapi(get, async (context) => {
      const { id: messageId } = context.req.valid('param')
      const found = await findMessageInContext(db, { userId: principalOf(context).user.id, messageId })
      if (!found) return refuse('NOT_FOUND', 'No such message')
      const [chat = found.chat] = await withPresence(presence, [found.chat])
      return context.json({ ...found, chat }, 200)
    })
    .openapi(edit, async (context) => {
      const { id: messageId } = context.req.valid('param')
      const chatId = await chatOf(context, messageId)
      const command = { type: 'message:edit', chatId, messageId, ...context.req.valid('json') } as const
      return context.json(await dispatch<'message:edit'>(deps, context, command), 200)
    })
    .openapi(remove, async (context) => {
      const { id: messageId } = context.req.valid('param')
      const command = { type: 'message:delete', chatId: await chatOf(context, messageId), messageId } as const
      return context.json(await dispatch<'message:delete'>(deps, context, command), 200)
    })
    .openapi(react, async (context) => {
      const { id: messageId } = context.req.valid('param')
      const chatId = await chatOf(context, messageId)
      const command = { type: 'reaction:add', chatId, messageId, ...context.req.valid('json') } as const
      return context.json(await dispatch<'reaction:add'>(deps, context, command), 200)
    })
    .openapi(unreact, async (context) => {
      const { id: messageId, emoji } = context.req.valid('param')
      const chatId = await chatOf(context, messageId)
      const command = { type: 'reaction:remove', chatId, messageId, emoji } as const
      return context.json(await dispatch<'reaction:remove'>(deps, context, command), 200)
    })
    .openapi(receipts, async (context) => {
      const { id: messageId } = context.req.valid('param')
      const found = await findReceipts(db, { userId: principalOf(context).user.id, messageId })
      return context.json(found ?? refuse('NOT_FOUND', 'No such message'), 200)
    })
}
