import type { MiddlewareHandler } from 'hono'
import type { AppDeps, AppEnv } from './deps.ts'

/** Characters of a path that are logged: enough for every route. */
const PATH_CHARACTERS = 200

/** accessLog writes a line per request: who, what and how long. No query strings, headers or bodies: they hold secrets. */
export function accessLog({ logger, clock }: AppDeps): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const startedAt = clock.now()
    await next()
    const { method, path } = context.req
    const fields = {
      requestId: context.get('requestId'),
      method,
      path: path.slice(0, PATH_CHARACTERS),
      status: context.res.status,
      milliseconds: clock.now() - startedAt,
      userId: context.get('authenticated')?.principal.user.id,
      ipAddress: context.get('ipAddress'),
    }
    logger.info(fields, 'request')
  }
}
