import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { z } from 'zod'
import { Health } from '../protocol/rest.ts'
import { json, PUBLIC } from './answers.ts'
import type { AppDeps, AppEnv } from './deps.ts'

const tags = ['Health']
const Status = Health.pick({ status: true })

const live = createRoute({
  method: 'get',
  path: '/live',
  operationId: 'isLive',
  summary:
    'Whether the process answers; looks at nothing else, so that a restart is no answer to a slow database',
  tags,
  ...PUBLIC,
  responses: { 200: json(z.object({ status: z.literal('ok') }), 'It does') },
})

const ready = createRoute({
  method: 'get',
  path: '/ready',
  operationId: 'isReady',
  summary: 'Whether to send requests here: not while starting or draining, nor without a database',
  tags,
  ...PUBLIC,
  responses: { 200: json(Status, 'Ready'), 503: json(Status, 'Not now') },
})

const detail = createRoute({
  method: 'get',
  path: '/',
  operationId: 'getHealth',
  summary: 'How the service and what it needs are',
  tags,
  ...PUBLIC,
  responses: { 200: json(Health, 'It serves'), 503: json(Health, 'It does not serve') },
})

export function healthRoutes({ health }: AppDeps) {
  return new OpenAPIHono<AppEnv>()
    .openapi(live, (context) => context.json({ status: 'ok' as const }, 200))
    .openapi(ready, async (context) => {
      const { status } = await health()
      return context.json({ status }, statusCode(status))
    })
    .openapi(detail, async (context) => {
      const found = await health()
      return context.json(found, statusCode(found.status))
    })
}

function statusCode(status: Health['status']): 200 | 503 {
  return status === 'ok' || status === 'degraded' ? 200 : 503
}
