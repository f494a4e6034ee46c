import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { findAvatar, findVisibleFile, type StoredFile } from '../db/queries/attachments.ts'
import {
  AttachmentEnvelope,
  AttachmentWithLinks,
  BeginUploadBody,
  BegunUpload,
  CompleteUploadBody,
} from '../protocol/attachments.ts'
import { refuse } from '../protocol/errors.ts'
import { Uuid } from '../protocol/ids.ts'
import { body, json, nothing, PUBLIC } from './answers.ts'
import { type AppContext, type AppDeps, type AppEnv, attachmentsOf, principalOf } from './deps.ts'
import { refuseInvalid } from './refusals.ts'

const tags = ['Attachments']
const params = z.object({ id: Uuid })
const sizes = z.enum(['original', 'medium', 'thumbnail'], 'Must be original, medium or thumbnail')

const begin = createRoute({
  method: 'post',
  path: '/direct',
  operationId: 'beginUpload',
  summary: 'Send a file to the store itself: a form for it, which is then completed',
  tags,
  request: { body: body(BeginUploadBody) },
  responses: { 201: json(BegunUpload, 'The form') },
})

const complete = createRoute({
  method: 'post',
  path: '/{id}/complete',
  operationId: 'completeUpload',
  summary: 'Have a file checked that was sent to the store',
  tags,
  request: { params, body: body(CompleteUploadBody) },
  responses: { 200: json(AttachmentEnvelope, 'A message may claim it now') },
})

const get = createRoute({
  method: 'get',
  path: '/{id}',
  operationId: 'getAttachment',
  summary: 'A file, with URLs to show it by that need no login',
  tags,
  request: { params },
  responses: { 200: json(AttachmentWithLinks, 'The file') },
})

const show = createRoute({
  method: 'get',
  path: '/{id}/{size}',
  operationId: 'showAttachment',
  summary: 'Redirects to the file, or to a smaller picture of it',
  tags,
  request: { params: params.extend({ size: sizes }) },
  responses: { 302: { description: 'To a signed URL, good for at most 60 minutes' } },
})

const remove = createRoute({
  method: 'delete',
  path: '/{id}',
  operationId: 'deleteUpload',
  summary: 'Give up an upload that no message has',
  tags,
  request: { params },
  responses: { 204: nothing },
})

const avatar = createRoute({
  method: 'get',
  path: '/{id}',
  operationId: 'showAvatar',
  summary: 'Redirects to the picture of a user or a group',
  tags: ['Attachments'],
  ...PUBLIC,
  request: { params },
  responses: { 302: { description: 'To a signed URL, good for at most 60 minutes' } },
})

export function attachmentRoutes(deps: AppDeps) {
  const { db } = deps

  async function getFile(context: AppContext, id: string): Promise<StoredFile> {
    const found = await findVisibleFile(db, { userId: principalOf(context).user.id, id })
    return found ?? refuse('NOT_FOUND', 'No such attachment')
  }

  async function getOwnUpload(context: AppContext, id: string): Promise<StoredFile> {
    const file = await getFile(context, id)
    if (file.status === 'claimed') refuse('CONFLICT', 'A message has this attachment: delete the message')
    return file
  }

  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  return app
    .openapi(begin, async (context) => {
      const { chatId, ...file } = context.req.valid('json')
      const userId = principalOf(context).user.id
      const attachments = attachmentsOf(deps)
      await attachments.getPlace(userId, chatId)
      const { id, form, expiresAt } = await attachments.begin({ ...file, userId, chatId })
      return context.json({ id, form, expiresAt: new Date(expiresAt).toISOString() }, 201)
    })
    .openapi(complete, async (context) => {
      const { messageId } = context.req.valid('json')
      const upload = await getOwnUpload(context, context.req.valid('param').id)
      if (upload.status === 'ready') return context.json({ attachment: upload.attachment }, 200)
      const attachments = attachmentsOf(deps)
      const place = await attachments.getPlace(upload.uploaderId, upload.chatId ?? '')
      return context.json({ attachment: await attachments.complete(upload, { ...place, messageId }) }, 200)
    })
    .openapi(get, async (context) => {
      const file = await getFile(context, context.req.valid('param').id)
      return context.json({ attachment: file.attachment, links: await linksOf(deps, file) }, 200)
    })
    .openapi(show, async (context) => {
      const { id, size } = context.req.valid('param')
      return redirect(deps, context, await attachmentsOf(deps).sign(await getFile(context, id), size))
    })
    .openapi(remove, async (context) => {
      const { attachment } = await getOwnUpload(context, context.req.valid('param').id)
      await attachmentsOf(deps).discard([attachment.id])
      return context.body(null, 204)
    })
}

/** Pictures of users and groups are no secret, and shown where no token can be sent along. */
export function avatarRoutes(deps: AppDeps) {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  return app.openapi(avatar, async (context) => {
    const file = await findAvatar(deps.db, context.req.valid('param').id)
    if (!file) return refuse('NOT_FOUND', 'No such picture')
    return redirect(deps, context, await attachmentsOf(deps).sign(file, 'thumbnail'))
  })
}

async function linksOf(deps: AppDeps, file: StoredFile) {
  const { sign } = attachmentsOf(deps)
  const { url: original, expiresAt } = await sign(file, 'original')
  const isImage = file.keys.medium !== null
  return {
    original,
    medium: isImage ? (await sign(file, 'medium')).url : null,
    thumbnail: isImage ? (await sign(file, 'thumbnail')).url : null,
    expiresAt: new Date(expiresAt).toISOString(),
  }
}

/** A browser may remember it for half of the time that is left, and so asks again before the URL ends. */
function redirect(
  { clock }: AppDeps,
  context: AppContext,
  { url, expiresAt }: { readonly url: string; readonly expiresAt: number },
) {
  const seconds = Math.max(0, Math.floor((expiresAt - clock.now()) / 2_000))
  context.header('Cache-Control', `private, max-age=${seconds}`)
  return context.redirect(url, 302)
}
