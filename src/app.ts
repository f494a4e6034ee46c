import { OpenAPIHono } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import { compress } from 'hono/compress'
import { cors } from 'hono/cors'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import type { Config } from './config.ts'
import { accessLog } from './routes/access-log.ts'
import { clientAddress, networkOf } from './routes/address.ts'
import { adminRoutes } from './routes/admin.ts'
import { agentRoutes } from './routes/agents.ts'
import { attachmentRoutes, avatarRoutes } from './routes/attachments.ts'
import { authRoutes } from './routes/auth.ts'
import { serviceTokenRoutes } from './routes/backend-tokens.ts'
import { limitBody } from './routes/body-limit.ts'
import { cannedReplyRoutes } from './routes/canned-replies.ts'
import { chatRoutes } from './routes/chats.ts'
import { contactRoutes } from './routes/contacts.ts'
import type { AppDeps, AppEnv } from './routes/deps.ts'
import { disablingRoutes } from './routes/disabling.ts'
import { limitAddress, requireAdmin, requireCaller, requireUser } from './routes/guards.ts'
import { guestRoutes } from './routes/guests.ts'
import { healthRoutes } from './routes/health.ts'
import { historyRoutes } from './routes/history.ts'
import { jobRoutes } from './routes/jobs.ts'
import { messageRoutes } from './routes/messages.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { participantRoutes } from './routes/participants.ts'
import { pushRoutes } from './routes/push.ts'
import { referenceRoutes } from './routes/reference/routes.ts'
import { answerError, answerRefusal } from './routes/refusals.ts'
import { searchRoutes } from './routes/search.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { socketRoutes } from './routes/socket.ts'
import { supportAliasRoutes } from './routes/support-alias.ts'
import { uploadRoutes } from './routes/uploads.ts'
import { userRoutes } from './routes/users.ts'
import { webhookRoutes } from './routes/webhooks.ts'

export type { AppDeps } from './routes/deps.ts'

/** What a page of another origin may send, and what it may see of an answer. */
const REQUEST_HEADERS = ['Authorization', 'Content-Type', 'Idempotency-Key']
const RESPONSE_HEADERS = [
  ...['X-Request-Id', 'Retry-After'],
  ...['RateLimit-Limit', 'RateLimit-Remaining', 'RateLimit-Reset', 'RateLimit-Policy'],
]
/** Seconds for which a browser remembers what another origin may do. */
const PREFLIGHT_AGE = 600

const SECURITY = {
  strictTransportSecurity: 'max-age=31536000; includeSubDomains',
  referrerPolicy: 'strict-origin-when-cross-origin',
}
const NOTHING = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] }
/** The reference is a page: its own files, and the inline styles of Swagger UI. */
const OWN_FILES = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
}

/** AppType is what `hc` makes a typed client from. */
export type AppType = ReturnType<typeof createApi>

/** createApp puts together all that is spoken over HTTP: REST, the door of the socket, health and the reference. */
export function createApp(deps: AppDeps) {
  const app = new OpenAPIHono<AppEnv>()
  app.onError((error, context) => answerError(deps, context, error))
  app.notFound((context) => answerRefusal(deps, context, { code: 'NOT_FOUND', message: 'No such route' }))
  for (const middleware of everywhere(deps)) app.use(middleware)
  app.route('/health', healthRoutes(deps))
  // A signed URL is a right of its own, and a page shows many pictures.
  const { serve } = deps.attachments ?? {}
  if (serve) app.on(['GET', 'POST'], ['/blobs', '/blobs/*'], (context) => serve(context.req.raw))
  // After health, which a load balancer may ask as often as it likes.
  app.use(limitAddress(deps))
  app.route('/metrics', metricsRoutes(deps))

  return app.route('/', createApi(deps)).route('/ws', socketRoutes(deps)).route('/', referenceRoutes(deps))
}

function createApi(deps: AppDeps) {
  const app = new OpenAPIHono<AppEnv>()
  for (const path of [
    'users',
    'contacts',
    'chats',
    'messages',
    'attachments',
    'agents',
    'canned-replies',
    'push',
    'admin',
  ])
    app.use(`/api/${path}/*`, requireUser(deps))
  for (const path of ['sessions', 'v1/chat']) app.use(`/api/${path}/*`, requireCaller(deps))
  app.use('/api/admin/*', requireAdmin)
  return app
    .route('/api/auth', authRoutes(deps))
    .route('/api/users', userRoutes(deps))
    .route('/api/contacts', contactRoutes(deps))
    .route('/api/chats', chatRoutes(deps))
    .route('/api/chats', participantRoutes(deps))
    .route('/api/chats', historyRoutes(deps))
    .route('/api/messages', searchRoutes(deps))
    .route('/api/messages', messageRoutes(deps))
    .route('/api/push', pushRoutes(deps))
    .route('/api/admin/jobs', jobRoutes(deps))
    .route('/api/admin/webhooks', webhookRoutes(deps))
    .route('/api/admin/service-tokens', serviceTokenRoutes(deps))
    .route('/api/admin', adminRoutes(deps))
    .route('/api/admin', disablingRoutes(deps))
    .route('/api/sessions', sessionRoutes(deps))
    .route('/api/agents', agentRoutes(deps))
    .route('/api/canned-replies', cannedReplyRoutes(deps))
    .route('/api/guests', guestRoutes(deps))
    .route('/api/v1/chat', supportAliasRoutes(deps))
    .route('/api/attachments', uploadRoutes(deps, { '/': 'uploadFiles', '/upload': 'uploadAttachments' }))
    .route('/api/attachments', attachmentRoutes(deps))
    .route('/api/avatars', avatarRoutes(deps))
}

/** What every request passes, in this order. */
function everywhere(deps: AppDeps): MiddlewareHandler<AppEnv>[] {
  const { config, ids } = deps
  return [
    // A client's own request id is believed only where a proxy stands in front.
    requestId({ generator: () => ids.uuid(), ...(config.TRUST_PROXY === 0 && { headerName: '' }) }),
    showRequestId,
    findAddress(deps),
    accessLog(deps),
    securityHeaders(),
    ...allowOrigins(config),
    compressReads(),
    limitBody(),
  ]
}

const showRequestId: MiddlewareHandler<AppEnv> = async (context, next) => {
  await next()
  context.header('X-Request-Id', context.get('requestId'))
}

function findAddress({ config, remoteAddress }: AppDeps): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const forwardedFor = context.req.header('X-Forwarded-For')
    const address = clientAddress(remoteAddress(context), forwardedFor, config.TRUST_PROXY)
    context.set('ipAddress', address)
    context.set('network', address === null ? null : networkOf(address))
    await next()
  }
}

function securityHeaders(): MiddlewareHandler<AppEnv> {
  const forData = secureHeaders({ ...SECURITY, contentSecurityPolicy: NOTHING })
  const forFiles = secureHeaders({
    ...SECURITY,
    contentSecurityPolicy: { ...NOTHING, sandbox: [] },
    crossOriginResourcePolicy: 'cross-origin',
  })
  const forPages = secureHeaders({ ...SECURITY, contentSecurityPolicy: OWN_FILES })
  return (context, next) => {
    const { path } = context.req
    if (path.startsWith('/blobs/')) return forFiles(context, next)
    return (/^\/docs(\/|$)/.test(path) ? forPages : forData)(context, next)
  }
}

function allowOrigins({ CORS_ORIGINS }: Config): MiddlewareHandler<AppEnv>[] {
  if (CORS_ORIGINS.length === 0) return []
  return [
    cors({
      origin: CORS_ORIGINS,
      credentials: true,
      allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowHeaders: REQUEST_HEADERS,
      exposeHeaders: RESPONSE_HEADERS,
      maxAge: PREFLIGHT_AGE,
    }),
  ]
}

/** Answers to writes are small, and some hold tokens, which must not be compressed beside what others chose. */
function compressReads(): MiddlewareHandler<AppEnv> {
  const compressed = compress()
  return (context, next) => (context.req.method === 'GET' ? compressed(context, next) : next())
}
