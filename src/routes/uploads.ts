import { OpenAPIHono, type RouteConfig } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import type { z } from 'zod'
import type { UploadPlace } from '../attachments/keys.ts'
import { isMultipart } from '../attachments/multipart.ts'
import { Uploaded, UploadForm, UploadQuery } from '../protocol/attachments.ts'
import { SendBody } from '../protocol/commands.ts'
import { refuse } from '../protocol/errors.ts'
import { ChatId } from '../protocol/ids.ts'
import { LIMITS } from '../protocol/limits.ts'
import { json } from './answers.ts'
import { type AppContext, type AppDeps, type AppEnv, attachmentsOf, principalOf } from './deps.ts'
import { dispatch } from './dispatch.ts'
import { refuseInvalid } from './refusals.ts'

/** Paths that take a form with files, whose size is counted file by file. */
const FORM_PATHS =
  /^\/(?:api\/attachments(?:\/upload)?|api\/v1\/chat\/upload|api\/chats\/[^/]+\/messages|blobs)$/
/** Fields of a message that a form spells as JSON. */
const JSON_FIELDS = ['formatting', 'metadata', 'mentions', 'attachmentIds']

const LIMITS_OF_FORM = { files: LIMITS.attachmentsPerMessage, bytes: LIMITS.attachmentBytes }

/** takesForm tells whether the request is a form with files, which no limit of other bodies is for. */
export function takesForm({ method, path, raw }: AppContext['req']): boolean {
  return method === 'POST' && FORM_PATHS.test(path) && isMultipart(raw)
}

/** UploadShapes is what goes with files, in the query or the form, and what is answered. */
interface UploadShapes {
  readonly tag: string
  readonly query: z.ZodObject
  readonly form: z.ZodObject
  readonly answer: z.ZodType
}

const SHAPES = { tag: 'Attachments', query: UploadQuery, form: UploadForm, answer: Uploaded }

/** uploadRoute is the reference's side of an upload: a form is read by `receiveUpload`, as it arrives. */
export function uploadRoute(path: string, operationId: string, shapes: UploadShapes = SHAPES): RouteConfig {
  const { tag, query, form: schema, answer } = shapes
  return {
    method: 'post',
    path,
    operationId,
    summary: 'Send up to 5 files, checked and stored when this answers; a message then claims them',
    tags: [tag],
    request: { query, body: { content: { 'multipart/form-data': { schema } } } },
    responses: { 201: json(answer, 'All of them are stored') },
  }
}

/** uploadRoutes takes files at each of these paths. */
export function uploadRoutes(deps: AppDeps, paths: Readonly<Record<string, string>>): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>()
  for (const [path, operationId] of Object.entries(paths)) {
    app.openAPIRegistry.registerPath(uploadRoute(path, operationId))
    app.post(path, async (context) => context.json(await receiveUpload(deps, context), 201))
  }
  return app
}

/** receiveUpload takes files for a message, or one for a picture. */
export function receiveUpload(deps: AppDeps, context: AppContext): Promise<z.infer<typeof Uploaded>> {
  const attachments = attachmentsOf(deps)
  let place: UploadPlace | undefined
  const look = async (fields: ReadonlyMap<string, string>) => {
    place ??= await findPlace(deps, context, fields)
  }
  return attachments.receive(context.req.raw, {
    ...LIMITS_OF_FORM,
    admit: look,
    async use({ fields, files }) {
      await look(fields)
      if (!place) return refuseField('chatId', 'Name the chat that the files are for')
      if (files.length === 0) return refuseField('images', 'Send at least one file')
      if (place.purpose === 'avatar' && files.length > 1)
        return refuseField('images', 'A picture is one file')
      return { attachments: await attachments.take(files, place) }
    },
  })
}

/** sendForm sends a message whose files come with it, in one form; everything else it leaves to the next handler. */
export function sendForm(deps: AppDeps): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    if (!isMultipart(context.req.raw)) return next()
    const { ack, status } = await receiveMessage(deps, context)
    return context.json(ack, status)
  }
}

async function receiveMessage(deps: AppDeps, context: AppContext) {
  const attachments = attachmentsOf(deps)
  const chatId = parse(ChatId, context.req.param('id'))
  const place = await attachments.getPlace(principalOf(context).user.id, chatId)
  return attachments.receive(context.req.raw, {
    ...LIMITS_OF_FORM,
    async use({ fields, files }) {
      const given = fieldsOfMessage(fields)
      // Its words may be missing, since there are files: they are named once they are stored.
      const named = Array.isArray(given.attachmentIds) ? given.attachmentIds : []
      parse(SendBody, { ...given, attachmentIds: [...named, ...files.map(() => deps.ids.uuid())] })
      const messageId = typeof given.id === 'string' ? given.id.toLowerCase() : deps.ids.uuid()
      const taken = (await attachments.take(files, { ...place, messageId })).map(({ id }) => id)
      const body = parse(SendBody, { ...given, id: messageId, attachmentIds: [...named, ...taken] })
      const command = { type: 'message:send', chatId, ...body } as const
      const ack = await dispatch<'message:send'>(deps, context, command).catch(async (error: unknown) => {
        await attachments.discard(taken)
        throw error
      })
      if (ack.replayed) await attachments.discard(taken)
      return { ack, status: ack.replayed ? 200 : 201 } as const
    },
  })
}

async function findPlace(
  deps: AppDeps,
  context: AppContext,
  fields: ReadonlyMap<string, string>,
): Promise<UploadPlace | undefined> {
  const named: Record<string, string> = { ...Object.fromEntries(fields), ...context.req.query() }
  // Clients of the second dialect name the session.
  const { sessionId, session_id = sessionId, ...given } = named
  const { chatId, messageId, purpose } = parse(
    UploadQuery,
    session_id ? { chatId: session_id, ...given } : given,
  )
  const userId = principalOf(context).user.id
  if (purpose === 'avatar') return { purpose, userId }
  return chatId === undefined
    ? undefined
    : { ...(await attachmentsOf(deps).getPlace(userId, chatId)), messageId }
}

function fieldsOfMessage(fields: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries(
    [...fields].map(([name, text]) => {
      if (!JSON_FIELDS.includes(name)) return [name, text]
      try {
        return [name, JSON.parse(text)]
      } catch {
        return refuseField(name, 'Must be JSON')
      }
    }),
  )
}

function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value)
  refuseInvalid(parsed)
  return parsed.data as z.output<T>
}

function refuseField(field: string, message: string): never {
  return refuse('VALIDATION_ERROR', message, [{ field, message }])
}
