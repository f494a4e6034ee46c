import type { OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { ERRORS, ErrorBody, type ErrorCode } from '../protocol/errors.ts'
import type { AppEnv } from './deps.ts'

type Document = ReturnType<OpenAPIHono['getOpenAPI31Document']>
type PathItem = NonNullable<Document['paths']>[string]
type Operation = NonNullable<PathItem['get']>

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const

const DESCRIPTION = `Messages, chats and people of one Parley service. The socket is described at /docs/socket and in
/asyncapi.json. Send \`Authorization: Bearer <accessToken>\`; POST /api/auth/login gives one. Ids are UUIDs, lists
are \`{data, nextCursor, hasMore}\`, and every error has the same body.`

/** In the order of the reference. */
const TAGS = [
  ...['Accounts', 'Users', 'Contacts', 'Chats', 'Participants', 'Messages', 'Sessions', 'Attachments'],
  'Support clients',
  ...['Push', 'Operation', 'Health'],
]

/** What each error says in the reference. */
const MEANINGS: Partial<Record<ErrorCode, string>> = {
  VALIDATION_ERROR: 'Something in the request is wrong: `details` names each field',
  UNAUTHORIZED: 'No access token, or not a good one',
  NOT_FOUND: 'No such thing, or none that one may see',
  RATE_LIMIT_EXCEEDED: 'Too much at once: see Retry-After',
}

/**
 * toOpenApi makes the document of all routes. Errors are added here and not at each route, so that the answers that
 * a typed client knows are those of success.
 */
export function toOpenApi(app: OpenAPIHono<AppEnv>, version: string): Document {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'An access token; 15 minutes',
  })
  app.openAPIRegistry.register('ErrorAnswer', z.object({ error: ErrorBody }))
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Parley', version, description: DESCRIPTION, license: { name: 'MIT' } },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    tags: TAGS.map((name) => ({ name })),
  })
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const method of METHODS) {
      const operation = item[method]
      if (operation) operation.responses = { ...operation.responses, ...errorsOf(path, operation) }
    }
  }
  return document
}

function errorsOf(path: string, operation: Operation): Record<string, object> {
  if (path.startsWith('/health')) return {}
  const codes: ErrorCode[] = []
  if (operation.requestBody || operation.parameters?.length) codes.push('VALIDATION_ERROR')
  if (operation.security?.length !== 0) codes.push('UNAUTHORIZED')
  if (path.includes('{')) codes.push('NOT_FOUND')
  codes.push('RATE_LIMIT_EXCEEDED')
  return {
    ...Object.fromEntries(codes.map((code) => [ERRORS[code].status, errorAnswer(MEANINGS[code] ?? code)])),
    default: errorAnswer('Any other error'),
  }
}

function errorAnswer(description: string): object {
  const schema = { $ref: '#/components/schemas/ErrorAnswer' }
  return { description, content: { 'application/json': { schema } } }
}
