import type { OpenAPIHono } from '@hono/zod-openapi'
import { expect } from 'vitest'
import { z } from 'zod'
import { ErrorBody } from '../../src/protocol/errors.ts'
import type { AppEnv } from '../../src/routes/deps.ts'

/** DeclaredRoute is a route as the app declares it. */
export interface DeclaredRoute {
  /** `get /api/chats/{id}`. */
  readonly name: string
  readonly method: string
  readonly path: string
  readonly isPublic: boolean
  readonly body: z.ZodType | undefined
  readonly answers: ReadonlyMap<number, z.ZodType | undefined>
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

const ErrorAnswer = z.strictObject({ error: ErrorBody })

/** listRoutes lists every route that the app declares. */
export function listRoutes(app: OpenAPIHono<AppEnv>): DeclaredRoute[] {
  return app.openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== 'route') return []
    const { method, path, security, request, responses } = definition.route
    const answers = Object.entries(responses).map(([status, response]): [number, z.ZodType | undefined] => [
      Number(status),
      schemaOf(response),
    ])
    return [
      {
        name: `${method} ${path}`,
        method: method.toUpperCase(),
        path,
        isPublic: security?.length === 0,
        body: schemaOf(request?.body),
        answers: new Map(answers),
      },
    ]
  })
}

/**
 * createDeclaredCheck fails a test when an answer is not what its route declares: another status, another body, or
 * more in the body than the schema has.
 */
export function createDeclaredCheck(app: OpenAPIHono<AppEnv>) {
  const routes = listRoutes(app).map((route) => ({ ...route, pattern: toPattern(route.path) }))
  return (method: string, url: string, { status, body }: Answer): void => {
    const path = url.split('?')[0] ?? ''
    const candidates = routes.filter((it) => it.method === method && it.pattern.test(path))
    // `/users/me` is also a `/users/{id}`: the plainer path is the one that answers.
    const route = candidates.toSorted((a, b) => braces(a.path) - braces(b.path))[0]
    if (!route) return
    if (status >= 400 && !route.answers.has(status)) {
      ErrorAnswer.parse(body)
      return
    }
    expect([...route.answers.keys()], route.name).toContain(status)
    const schema = route.answers.get(status)
    expect(body, route.name).toEqual(schema?.parse(body))
  }
}

function schemaOf(part: unknown): z.ZodType | undefined {
  const content = (part as { content?: Record<string, { schema?: unknown }> } | undefined)?.content
  const schema = content?.['application/json']?.schema
  return schema instanceof z.ZodType ? schema : undefined
}

function toPattern(path: string): RegExp {
  return new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}$`)
}

function braces(path: string): number {
  return path.split('{').length
}
