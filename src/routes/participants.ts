import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { ACKS, AddParticipantsBody, RoleBody } from '../protocol/commands.ts'
import { ChatId, UserId } from '../protocol/ids.ts'
import { body, json } from './answers.ts'
import type { AppDeps, AppEnv } from './deps.ts'
import { dispatch } from './dispatch.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Participants']
const inChat = z.object({ id: ChatId })
const ofChat = z.object({ id: ChatId, userId: UserId })

const add = createRoute({
  method: 'post',
  path: '/{id}/participants',
  operationId: 'addParticipants',
  summary: 'Add users to a group; who is in it already stays as he is',
  tags,
  request: { params: inChat, body: body(AddParticipantsBody) },
  responses: { 200: json(ACKS['participant:add'], 'They take part') },
})

const remove = createRoute({
  method: 'delete',
  path: '/{id}/participants/{userId}',
  operationId: 'removeParticipant',
  summary: 'Remove a participant, who hears nothing more from then on',
  tags,
  request: { params: ofChat },
  responses: { 200: json(ACKS['participant:remove'], 'Removed') },
})

const changeRole = createRoute({
  method: 'put',
  path: '/{id}/participants/{userId}',
  operationId: 'changeRole',
  summary: 'Make a participant an admin or a member',
  tags,
  request: { params: ofChat, body: body(RoleBody) },
  responses: { 200: json(ACKS['participant:role'], 'Changed') },
})

const join = createRoute({
  method: 'post',
  path: '/{id}/join',
  operationId: 'joinChat',
  summary: 'Join an open group',
  tags,
  request: { params: inChat },
  responses: { 200: json(ACKS['chat:join'], 'One takes part') },
})

const leave = createRoute({
  method: 'post',
  path: '/{id}/leave',
  operationId: 'leaveChat',
  summary: 'Leave a group',
  tags,
  request: { params: inChat },
  responses: { 200: json(ACKS['chat:leave'], 'Left') },
})

export function participantRoutes(deps: AppDeps) {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  return app
    .openapi(add, async (context) => {
      const { id: chatId } = context.req.valid('param')
      const command = { type: 'participant:add', chatId, ...context.req.valid('json') } as const
      return context.json(await dispatch<'participant:add'>(deps, context, command), 200)
    })
    .openapi(remove, async (context) => {
      const { id: chatId, userId } = context.req.valid('param')
      const command = { type: 'participant:remove', chatId, userId } as const
      return context.json(await dispatch<'participant:remove'>(deps, context, command), 200)
    })
    .openapi(changeRole, async (context) => {
      const { id: chatId, userId } = context.req.valid('param')
      const command = { type: 'participant:role', chatId, userId, ...context.req.valid('json') } as const
      return context.json(await dispatch<'participant:role'>(deps, context, command), 200)
    })
    .openapi(join, async (context) => {
      const { id: chatId } = context.req.valid('param')
      return context.json(await dispatch<'chat:join'>(deps, context, { type: 'chat:join', chatId }), 200)
    })
    .openapi(leave, async (context) => {
      const { id: chatId } = context.req.valid('param')
      return context.json(await dispatch<'chat:leave'>(deps, context, { type: 'chat:leave', chatId }), 200)
    })
}
