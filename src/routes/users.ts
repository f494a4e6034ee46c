import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { tellRenamed } from '../auth/tell-renamed.ts'
import {
  findUser,
  type ProfileChange,
  searchUsers,
  toMe,
  toSummary,
  toUser,
  updateProfile,
} from '../db/queries/users.ts'
import { refuse } from '../protocol/errors.ts'
import { UserId } from '../protocol/ids.ts'
import type { Me } from '../protocol/model.ts'
import {
  AvatarBody,
  MeEnvelope,
  UpdateMeBody,
  UserEnvelope,
  UserPage,
  UserSearchQuery,
} from '../protocol/rest.ts'
import { body, json } from './answers.ts'
import { type AppDeps, type AppEnv, attachmentsOf, principalOf } from './deps.ts'
import { limitUser } from './guards.ts'
import { readStatuses } from './presence.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Users']

const getMe = createRoute({
  method: 'get',
  path: '/me',
  operationId: 'getMe',
  summary: "One's own account",
  tags,
  responses: { 200: json(MeEnvelope, 'The account') },
})

const updateMe = createRoute({
  method: 'put',
  path: '/me',
  operationId: 'updateMe',
  summary: "Change one's display name or picture",
  tags,
  request: { body: body(UpdateMeBody) },
  responses: { 200: json(MeEnvelope, 'The account as it is now') },
})

const changeAvatar = createRoute({
  method: 'patch',
  path: '/me/avatar',
  operationId: 'changeAvatar',
  summary: "Change one's picture",
  tags,
  request: { body: body(AvatarBody) },
  responses: { 200: json(MeEnvelope, 'The account as it is now') },
})

const search = createRoute({
  method: 'get',
  path: '/search',
  operationId: 'searchUsers',
  summary: 'Find users by a part of their username or display name',
  tags,
  request: { query: UserSearchQuery },
  responses: { 200: json(UserPage, 'Those whose name begins with it come first') },
})

const getUser = createRoute({
  method: 'get',
  path: '/{id}',
  operationId: 'getUser',
  summary: 'A user',
  tags,
  request: { params: z.object({ id: UserId }) },
  responses: { 200: json(UserEnvelope, 'The user') },
})

export function userRoutes(deps: AppDeps) {
  const { db, presence } = deps

  async function readMe(userId: string): Promise<Me> {
    const account = (await findUser(db, userId)) ?? refuse('NOT_FOUND', 'No such user')
    const statusOf = await readStatuses(presence, [userId])
    return toMe(account, statusOf(userId))
  }

  async function changeMe(userId: string, change: ProfileChange): Promise<Me> {
    const former = await findUser(db, userId)
    const account = await updateProfile(db, userId, change)
    if (!account) refuse('FORBIDDEN', 'Your name and picture are kept elsewhere: change them there')
    await deps.auth.logins.forget(userId)
    await tellRenamed(userId, deps)
    if (former?.avatarUrl !== account?.avatarUrl) await deps.attachments?.releaseAvatar(former?.avatarUrl)
    return readMe(userId)
  }

  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  app.use('/search', limitUser(deps, 'search'))
  return app
    .openapi(getMe, async (context) => {
      const { user } = principalOf(context)
      return context.json({ user: await readMe(user.id) }, 200)
    })
    .openapi(updateMe, async (context) => {
      const { user } = principalOf(context)
      return context.json({ user: await changeMe(user.id, context.req.valid('json')) }, 200)
    })
    .openapi(changeAvatar, async (context) => {
      const { user } = principalOf(context)
      const given = context.req.valid('json')
      if ('avatarUrl' in given) return context.json({ user: await changeMe(user.id, given) }, 200)
      const attachments = attachmentsOf(deps)
      const avatarUrl = await attachments.claimAvatar(user.id, given.attachmentId)
      const changed = await changeMe(user.id, { avatarUrl }).catch(async (error: unknown) => {
        await attachments.releaseAvatar(avatarUrl)
        throw error
      })
      return context.json({ user: changed }, 200)
    })
    .openapi(search, async (context) => {
      const { q: text, limit } = context.req.valid('query')
      const accounts = await searchUsers(db, { text, limit, by: principalOf(context).user })
      return context.json({ data: accounts.map(toSummary) }, 200)
    })
    .openapi(getUser, async (context) => {
      const { id } = context.req.valid('param')
      const account = (await findUser(db, id)) ?? refuse('NOT_FOUND', 'No such user')
      const statusOf = await readStatuses(presence, [id])
      return context.json({ user: toUser(account, statusOf(id)) }, 200)
    })
}
