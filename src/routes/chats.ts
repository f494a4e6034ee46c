import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { findChat, findChatBySlug, listChats } from '../db/queries/chats.ts'
import { isAccepted } from '../db/queries/contacts.ts'
import { findUser } from '../db/queries/users.ts'
import { ACKS, CreateGroupBody, MuteBody } from '../protocol/commands.ts'
import { refuse } from '../protocol/errors.ts'
import { ChatId } from '../protocol/ids.ts'
import { Chat, Slug } from '../protocol/model.ts'
import {
  ChatEnvelope,
  ChatsQuery,
  CreateDirectBody,
  IdempotencyHeader,
  page,
  TransferBody,
  UpdateChatRequest,
} from '../protocol/rest.ts'
import { body, json } from './answers.ts'
import { type AppContext, type AppDeps, type AppEnv, attachmentsOf, principalOf } from './deps.ts'
import { directChatId, groupChatId } from './derived-ids.ts'
import { dispatch } from './dispatch.ts'
import { withPresence } from './presence.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Chats']
const params = z.object({ id: ChatId })

const list = createRoute({
  method: 'get',
  path: '/',
  operationId: 'listChats',
  summary: "One's chats, the last active first",
  tags,
  request: { query: ChatsQuery },
  responses: { 200: json(page(Chat), 'A page') },
})

const createDirect = createRoute({
  method: 'post',
  path: '/direct',
  operationId: 'openDirectChat',
  summary: 'Open the direct chat with a user: there is one for each two',
  tags,
  request: { body: body(CreateDirectBody) },
  responses: { 201: json(ChatEnvelope, 'It is new'), 200: json(ChatEnvelope, 'It was there') },
})

const createGroup = createRoute({
  method: 'post',
  path: '/group',
  operationId: 'createGroup',
  summary: 'Make a group',
  tags,
  request: { headers: IdempotencyHeader, body: body(CreateGroupBody) },
  responses: {
    201: json(ChatEnvelope, 'The group'),
    200: json(ChatEnvelope, 'A retry: the group that was made with this Idempotency-Key'),
  },
})

const getBySlug = createRoute({
  method: 'get',
  path: '/slug/{slug}',
  operationId: 'getChatBySlug',
  summary: 'A chat by its slug; of an open group that one is not in, a preview',
  tags,
  request: { params: z.object({ slug: Slug }) },
  responses: { 200: json(ChatEnvelope, 'The chat') },
})

const get = createRoute({
  method: 'get',
  path: '/{id}',
  operationId: 'getChat',
  summary: 'A chat with its participants',
  tags,
  request: { params },
  responses: { 200: json(ChatEnvelope, 'The chat') },
})

const change = createRoute({
  method: 'put',
  path: '/{id}',
  operationId: 'updateChat',
  summary: "Change a group's name, slug, picture or settings",
  tags,
  request: { params, body: body(UpdateChatRequest) },
  responses: { 200: json(ACKS['chat:update'], 'Changed') },
})

const remove = createRoute({
  method: 'delete',
  path: '/{id}',
  operationId: 'deleteChat',
  summary: 'Delete a group, for everybody',
  tags,
  request: { params },
  responses: { 200: json(ACKS['chat:delete'], 'Deleted') },
})

const mute = createRoute({
  method: 'put',
  path: '/{id}/mute',
  operationId: 'muteChat',
  summary: 'Be left alone by a chat until then',
  tags,
  request: { params, body: body(MuteBody) },
  responses: { 200: json(ACKS['chat:mute'], 'Muted, or not any more') },
})

const transfer = createRoute({
  method: 'put',
  path: '/{id}/owner',
  operationId: 'transferOwnership',
  summary: 'Make another participant the owner',
  tags,
  request: { params, body: body(TransferBody) },
  responses: { 200: json(ACKS['chat:transfer'], 'Transferred') },
})

export function chatRoutes(deps: AppDeps) {
  const { db, presence } = deps

  async function readChat(context: AppContext, chatId: string): Promise<Chat | undefined> {
    const chat = await findChat(db, { userId: principalOf(context).user.id, chatId })
    return chat && (await withPresence(presence, [chat]))[0]
  }

  async function getChat(context: AppContext, chatId: string): Promise<Chat> {
    return (await readChat(context, chatId)) ?? refuse('NOT_FOUND', 'No such chat')
  }

  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  return app
    .openapi(list, async (context) => {
      const query = context.req.valid('query')
      const found = await listChats(db, { userId: principalOf(context).user.id, ...query })
      return context.json({ ...found, data: await withPresence(presence, found.data) }, 200)
    })
    .openapi(createDirect, async (context) => {
      const { userId: otherId } = context.req.valid('json')
      const chatId = await directChatId(principalOf(context).user.id, otherId)
      const there = await readChat(context, chatId)
      if (there) return context.json({ chat: there }, 200)
      await refuseStrangers(deps, context, otherId)
      const { replayed } = await dispatch<'chat:create'>(deps, context, {
        type: 'chat:create',
        chatId,
        kind: 'direct',
        name: null,
        participantIds: [otherId],
        history: 'all',
        isOpen: false,
      })
      return context.json({ chat: await getChat(context, chatId) }, replayed ? 200 : 201)
    })
    .openapi(createGroup, async (context) => {
      const key = context.req.valid('header')['idempotency-key']
      const userId = principalOf(context).user.id
      const chatId = key === undefined ? deps.ids.uuid() : await groupChatId(userId, key)
      const group = context.req.valid('json')
      const command = { type: 'chat:create', chatId, kind: 'group', ...group } as const
      const { replayed } = await dispatch<'chat:create'>(deps, context, command)
      return context.json({ chat: await getChat(context, chatId) }, replayed ? 200 : 201)
    })
    .openapi(getBySlug, async (context) => {
      const { slug } = context.req.valid('param')
      const found = await findChatBySlug(db, { userId: principalOf(context).user.id, slug })
      if (!found) return refuse('NOT_FOUND', 'No such chat')
      const [chat = found] = await withPresence(presence, [found])
      return context.json({ chat }, 200)
    })
    .openapi(get, async (context) => {
      return context.json({ chat: await getChat(context, context.req.valid('param').id) }, 200)
    })
    .openapi(change, async (context) => {
      const { id: chatId } = context.req.valid('param')
      return context.json(await updateChat(deps, context, { chatId, ...context.req.valid('json') }), 200)
    })
    .openapi(remove, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const command = { type: 'chat:delete', chatId } as const
      return context.json(await dispatch<'chat:delete'>(deps, context, command), 200)
    })
    .openapi(mute, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const command = { type: 'chat:mute', chatId, ...context.req.valid('json') } as const
      return context.json(await dispatch<'chat:mute'>(deps, context, command), 200)
    })
    .openapi(transfer, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const command = { type: 'chat:transfer', chatId, ...context.req.valid('json') } as const
      return context.json(await dispatch<'chat:transfer'>(deps, context, command), 200)
    })
}

/** A picture that was sent for the chat becomes its own, and the former one goes. */
async function updateChat(
  deps: AppDeps,
  context: AppContext,
  { avatarId, ...change }: z.infer<typeof UpdateChatRequest> & { readonly chatId: string },
) {
  if (avatarId === undefined && change.avatarUrl === undefined) {
    return dispatch<'chat:update'>(deps, context, { type: 'chat:update', ...change })
  }
  const { user } = principalOf(context)
  const { attachments } = deps
  const former = await findChat(deps.db, { userId: user.id, chatId: change.chatId })
  const claimed =
    avatarId === undefined ? undefined : await attachmentsOf(deps).claimAvatar(user.id, avatarId)
  const command = { type: 'chat:update', ...change, avatarUrl: claimed ?? change.avatarUrl } as const
  const ack = await dispatch<'chat:update'>(deps, context, command).catch(async (error: unknown) => {
    await attachments?.releaseAvatar(claimed)
    throw error
  })
  if (former?.avatarUrl !== ack.chat.avatarUrl) await attachments?.releaseAvatar(former?.avatarUrl)
  return ack
}

/** Who may open a new direct chat with whom: see the setting DIRECT_CHATS. */
async function refuseStrangers({ db, config }: AppDeps, context: AppContext, otherId: string): Promise<void> {
  const userId = principalOf(context).user.id
  if (otherId === userId) refuse('VALIDATION_ERROR', 'A direct chat is with one other user')
  if (config.DIRECT_CHATS === 'anyone' || (await isAccepted(db, userId, otherId))) return
  if (!(await findUser(db, otherId))) refuse('NOT_FOUND', 'No such user')
  refuse('FORBIDDEN', 'Direct chats are between contacts: ask this user to be one first')
}
