import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { z } from 'zod'
import type { Device, TokenPair } from '../auth/logins.ts'
import type { Login } from '../auth/tokens.ts'
import { type Account, toMe } from '../db/queries/users.ts'
import { refuse } from '../protocol/errors.ts'
import { Uuid } from '../protocol/ids.ts'
import { TIMES } from '../protocol/limits.ts'
import {
  AuthSession,
  ChangePasswordBody,
  CookieQuery,
  LoggedIn,
  LoginBody,
  RefreshBody,
  RegisterBody,
  Ticket,
  Tokens,
} from '../protocol/rest.ts'
import { isStorable } from '../protocol/text.ts'
import type { Principal } from '../rooms/ports.ts'
import { body, json, nothing, PUBLIC } from './answers.ts'
import { audit } from './audit.ts'
import { type AppContext, type AppDeps, type AppEnv, principalOf } from './deps.ts'
import { bearerOf, requireUser } from './guards.ts'
import { isTrustedOrigin } from './origin.ts'
import { readStatuses } from './presence.ts'
import { refuseInvalid } from './refusals.ts'

const COOKIE = 'parley_refresh'
const COOKIE_PATH = '/api/auth'
/** Characters of a User-Agent that are kept to recognise a device by. */
const DEVICE_CHARACTERS = 200

const tags = ['Accounts']

const register = createRoute({
  method: 'post',
  path: '/register',
  operationId: 'register',
  summary: 'Make an account and log in',
  tags,
  ...PUBLIC,
  request: { query: CookieQuery, body: body(RegisterBody) },
  responses: { 201: json(LoggedIn, 'The account and its first login') },
})

const login = createRoute({
  method: 'post',
  path: '/login',
  operationId: 'login',
  summary: 'Log in',
  tags,
  ...PUBLIC,
  request: { query: CookieQuery, body: body(LoginBody) },
  responses: { 200: json(LoggedIn, 'A new login') },
})

const refresh = createRoute({
  method: 'post',
  path: '/refresh',
  operationId: 'refresh',
  summary: 'Get a new pair of tokens for a refresh token',
  description:
    'Each refresh token is good once. One that comes again was stolen: its login ends, with all tokens and sockets.',
  tags,
  ...PUBLIC,
  request: { query: CookieQuery, body: { ...body(RefreshBody), required: false } },
  responses: { 200: json(Tokens, 'The next pair') },
})

const logout = createRoute({
  method: 'post',
  path: '/logout',
  operationId: 'logout',
  summary: 'End this login, by its access token or its refresh token',
  tags,
  ...PUBLIC,
  request: { body: { ...body(RefreshBody), required: false } },
  responses: { 204: nothing },
})

const changePassword = createRoute({
  method: 'put',
  path: '/password',
  operationId: 'changePassword',
  summary: 'Change the password; all other logins end',
  tags,
  request: { body: body(ChangePasswordBody) },
  responses: { 204: nothing },
})

const openTicket = createRoute({
  method: 'post',
  path: '/ticket',
  operationId: 'openTicket',
  summary: 'Get a one-use ticket for a socket',
  tags,
  responses: { 201: json(Ticket, 'Opens one socket within 30 s: /ws?ticket=') },
})

const listSessions = createRoute({
  method: 'get',
  path: '/sessions',
  operationId: 'listLogins',
  summary: 'Where one is logged in',
  tags,
  responses: { 200: json(z.object({ data: z.array(AuthSession) }), 'Logins, the last used first') },
})

const endSession = createRoute({
  method: 'delete',
  path: '/sessions/{id}',
  operationId: 'endLogin',
  summary: 'Log out elsewhere; sockets of that login close within 5 s',
  tags,
  request: { params: z.object({ id: Uuid }) },
  responses: { 204: nothing },
})

export function authRoutes(deps: AppDeps) {
  const { auth, presence, logger } = deps

  async function loggedIn(context: AppContext, account: Account, pair: TokenPair) {
    const statusOf = await readStatuses(presence, [account.id])
    const { id: userId, username } = account
    logger.info({ userId, username, ipAddress: context.get('ipAddress') }, 'login')
    await audit(deps, context, { action: 'login', actorId: userId })
    return { ...giveTokens(deps, context, pair), user: toMe(account, statusOf(userId)) }
  }

  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid })
  app.use(async (context, next) => {
    context.set('bucket', 'auth')
    await next()
    context.header('Cache-Control', 'no-store')
  })
  for (const path of ['/password', '/ticket', '/sessions', '/sessions/*']) app.use(path, requireUser(deps))

  return app
    .openapi(register, async (context) => {
      const account = await auth.accounts.register(context.req.valid('json'))
      const pair = await auth.logins.open(account.id, deviceOf(context))
      return context.json(await loggedIn(context, account, pair), 201)
    })
    .openapi(login, async (context) => {
      const account = await auth.accounts.logIn(context.req.valid('json'), context.get('network'))
      const pair = await auth.logins.open(account.id, deviceOf(context))
      return context.json(await loggedIn(context, account, pair), 200)
    })
    .openapi(refresh, async (context) => {
      const found = findRefreshToken(deps, context, context.req.valid('json'))
      if (!found) return refuse('UNAUTHORIZED', 'Send a refresh token, in the body or as the cookie')
      const pair = await auth.logins.refresh(found.token)
      return context.json(giveTokens(deps, context, pair, found.isCookie), 200)
    })
    .openapi(logout, async (context) => {
      await auth.logins.end(await leavingLogin(deps, context, context.req.valid('json')))
      deleteCookie(context, COOKIE, { path: COOKIE_PATH })
      return context.body(null, 204)
    })
    .openapi(changePassword, async (context) => {
      const login = loginOf(principalOf(context))
      const { user } = principalOf(context)
      await auth.accounts.changePassword(user, context.req.valid('json'), context.get('network'))
      await auth.logins.endOthers(login)
      await audit(deps, context, { action: 'password.changed', targetId: user.id })
      return context.body(null, 204)
    })
    .openapi(openTicket, async (context) => {
      const { ticket, expiresAt } = await auth.openTicket(context.get('authenticated'))
      return context.json({ ticket, expiresAt: new Date(expiresAt).toISOString() }, 201)
    })
    .openapi(listSessions, async (context) => {
      const { user, sessionId } = principalOf(context)
      const logins = await auth.logins.list(user.id)
      const data = logins.map(({ createdAt, lastUsedAt, ...login }) => ({
        ...login,
        createdAt: createdAt.toISOString(),
        lastUsedAt: lastUsedAt.toISOString(),
        isCurrent: login.id === sessionId,
      }))
      return context.json({ data }, 200)
    })
    .openapi(endSession, async (context) => {
      const { user } = principalOf(context)
      const isEnded = await auth.logins.end({ userId: user.id, sessionId: context.req.valid('param').id })
      if (!isEnded) refuse('NOT_FOUND', 'No such login of yours')
      return context.body(null, 204)
    })
}

/** deviceOf is where a login comes from. */
export function deviceOf(context: AppContext): Device {
  const name = context.req.header('User-Agent')?.slice(0, DEVICE_CHARACTERS)
  return { name: name && isStorable(name) ? name : null, ipAddress: context.get('ipAddress') }
}

interface GivenToken {
  readonly token: string
  readonly isCookie: boolean
}

/** The refresh token goes where the client asked for it; one that came as a cookie goes back as a cookie. */
function giveTokens({ config }: AppDeps, context: AppContext, pair: TokenPair, isCookie = false) {
  if (!isCookie && context.req.query('cookie') !== '1') return pair
  setCookie(context, COOKIE, pair.refreshToken, {
    path: COOKIE_PATH,
    httpOnly: true,
    sameSite: 'Strict',
    secure: config.NODE_ENV === 'production',
    maxAge: TIMES.refreshToken / 1_000,
  })
  return { accessToken: pair.accessToken, refreshToken: null }
}

/** The token of the body, or else of the cookie, which only pages that are trusted may make a browser send. */
function findRefreshToken(
  { config }: AppDeps,
  context: AppContext,
  { refreshToken }: z.infer<typeof RefreshBody>,
): GivenToken | undefined {
  if (refreshToken !== undefined) return { token: refreshToken, isCookie: false }
  const token = getCookie(context, COOKIE)
  if (token === undefined) return undefined
  if (!isTrustedOrigin(context, config)) return refuse('FORBIDDEN', 'This origin may not use the cookie')
  return { token, isCookie: true }
}

async function leavingLogin(
  deps: AppDeps,
  context: AppContext,
  given: z.infer<typeof RefreshBody>,
): Promise<Login> {
  const found = findRefreshToken(deps, context, given)
  if (found) return deps.auth.logins.verify(found.token)
  const bearer = bearerOf(context)
  if (bearer === undefined) return refuse('UNAUTHORIZED', 'Send a token to log out')
  return loginOf((await deps.auth.verify(bearer)).principal)
}

/** What an outside issuer keeps, passwords and logins, is changed and ended there. */
function loginOf({ user, sessionId }: Principal): Login {
  if (sessionId === null)
    return refuse('FORBIDDEN', 'This account is kept elsewhere: do that where you log in')
  return { userId: user.id, sessionId }
}
