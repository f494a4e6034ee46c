import type { MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import type { AppContext, AppDeps, AppEnv } from './deps.ts'

/** Characters of a path that are logged: enough for every route. */
const PATH_CHARACTERS = 200

/**
 * accessLog writes a line per request: who, what and how long, and has it measured. No query strings, headers or
 * bodies: they hold secrets.
 */
export function accessLog({ logger, clock, onRequest }: AppDeps): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const startedAt = clock.now()
    await next()
    const { method, path } = context.req
    const { status } = context.res
    const milliseconds = clock.now() - startedAt
    const fields = {
      requestId: context.get('requestId'),
      method,
      path: path.slice(0, PATH_CHARACTERS),
      status,
      milliseconds,
      userId: context.get('authenticated')?.principal.user.id,
      ipAddress: context.get('ipAddress'),
    }
    logger.info(fields, 'request')
    onRequest?.({ method, route: routeOf(context), status, milliseconds })
  }
}

/** The pattern of the route that answers: the first that is no middleware, whose patterns have a star. */
function routeOf(context: AppContext): string {
  return matchedRoutes(context).find(({ path }) => !path.endsWith('*'))?.path ?? 'none'
}
