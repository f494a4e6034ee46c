import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { timingSafeEqual } from 'hono/utils/buffer'
import { refuse } from '../protocol/errors.ts'
import { isPrivate } from './address.ts'
import { PUBLIC } from './answers.ts'
import type { AppContext, AppDeps, AppEnv } from './deps.ts'
import { bearerOf } from './guards.ts'

const read = createRoute({
  method: 'get',
  path: '/',
  operationId: 'getMetrics',
  summary:
    'What this instance measures, for Prometheus; with METRICS_TOKEN as bearer, or from a private network',
  tags: ['Health'],
  ...PUBLIC,
  responses: {
    200: {
      description: 'In the text format of Prometheus',
      content: { 'text/plain': { schema: z.string() } },
    },
  },
})

/** metricsRoutes serves the metrics to whoever operates the service. To everybody else there is no such route. */
export function metricsRoutes(deps: AppDeps) {
  return new OpenAPIHono<AppEnv>().openapi(read, async (context) => {
    if (!deps.metrics || !(await isOperator(deps, context))) return refuse('NOT_FOUND', 'No such route')
    const { contentType, text } = await deps.metrics()
    return context.text(text, 200, { 'Content-Type': contentType })
  })
}

/**
 * isOperator takes the token's word where one is set, else the address's. What came through a proxy that is not
 * trusted has the proxy's address and says nothing of who asks.
 */
async function isOperator({ config }: AppDeps, context: AppContext): Promise<boolean> {
  if (config.METRICS_TOKEN !== undefined) {
    return timingSafeEqual(bearerOf(context) ?? '', config.METRICS_TOKEN)
  }
  const isForwarded = context.req.header('X-Forwarded-For') ?? context.req.header('Forwarded')
  if (config.TRUST_PROXY === 0 && isForwarded !== undefined) return false
  return isPrivate(context.get('ipAddress') ?? '')
}
