import type { MiddlewareHandler } from 'hono'
import { isServiceToken } from '../auth/backend-tokens.ts'
import type { Bucket } from '../gateway/ports.ts'
import type { ServiceScope } from '../protocol/admin.ts'
import { RefusalError, refuse } from '../protocol/errors.ts'
import type { Principal } from '../rooms/ports.ts'
import { type AppContext, type AppDeps, type AppEnv, principalOf } from './deps.ts'

const BEARER = /^Bearer +([\w.~+/-]+=*)$/i

/** What a page of pictures asks for once each: they do not use up what there is for everything else. */
const SHOWN = /^\/api\/(?:attachments\/[^/]+\/(?:original|medium|thumbnail)|avatars\/[^/]+)$/
/** Where the tokens of services are taken. */
const SERVED = /^\/api\/(?:sessions|v1\/chat|guests)(?:\/|$)/

/** limitAddress bounds the requests of one address, whoever makes them: those of a backend are for many. */
export function limitAddress(deps: AppDeps): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const network = context.get('network')
    if (network !== null) await take(deps, context, { bucket: bucketOf(context), key: `ip:${network}` })
    await next()
  }
}

/** requireUser lets only requests with a good access token through, and bounds the requests of one user. */
export function requireUser(deps: AppDeps): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const token = bearerOf(context)
    if (token === undefined)
      return refuse('UNAUTHORIZED', 'Send an access token: Authorization: Bearer <token>')
    const authenticated = await deps.auth.verify(token)
    context.set('authenticated', authenticated)
    await take(deps, context, { bucket: bucketOf(context), key: `user:${authenticated.principal.user.id}` })
    await next()
  }
}

/**
 * requireCaller lets users through, and services whose token has the scope: `sessions:read` to read, `sessions:write`
 * for the rest. Elsewhere a service's token is no token.
 */
export function requireCaller(deps: AppDeps): MiddlewareHandler<AppEnv> {
  const user = requireUser(deps)
  return async (context, next) => {
    const token = bearerOf(context)
    if (token === undefined || !isServiceToken(token)) return user(context, next)
    const scope = context.req.method === 'GET' ? 'sessions:read' : 'sessions:write'
    const principal = await verifyService(deps, context, { token, scope })
    context.set('authenticated', { principal, expiresAt: Number.POSITIVE_INFINITY })
    await next()
  }
}

/** verifyService takes the token of a service that has this scope, and bounds its requests. */
export async function verifyService(
  deps: AppDeps,
  context: AppContext,
  { token, scope }: { readonly token: string; readonly scope: ServiceScope },
): Promise<Principal> {
  const principal = await deps.auth.services.verify(token, scope)
  await take(deps, context, { bucket: 'service', key: `user:${principal.user.id}` })
  return principal
}

/** requireAdmin lets only administrators through; behind `requireUser`. */
export const requireAdmin: MiddlewareHandler<AppEnv> = async (context, next) => {
  if (principalOf(context).user.type !== 'admin') refuse('FORBIDDEN', 'Only administrators may do this')
  await next()
}

/** limitUser bounds what one user does most of, by socket and REST together. */
export function limitUser(deps: AppDeps, bucket: 'message' | 'search'): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    await take(deps, context, { bucket, key: principalOf(context).user.id })
    await next()
  }
}

export function bearerOf(context: AppContext): string | undefined {
  return BEARER.exec(context.req.header('Authorization') ?? '')?.[1]
}

function bucketOf(context: AppContext): Bucket {
  const { method, path } = context.req
  if (SERVED.test(path) && isServiceToken(bearerOf(context) ?? '')) return 'service'
  return method === 'GET' && SHOWN.test(path) ? 'file' : 'rest'
}

async function take(
  { limiter }: AppDeps,
  context: AppContext,
  { bucket, key }: { readonly bucket: Bucket; readonly key: string },
): Promise<void> {
  const retryAfter = await limiter.take(bucket, key)
  if (retryAfter === 0) return
  context.set('bucket', bucket)
  const message = `Too many requests: try again in ${retryAfter} s`
  throw new RefusalError({ code: 'RATE_LIMIT_EXCEEDED', message, retryAfter })
}
