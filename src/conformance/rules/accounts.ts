import { claim, present, same } from '../claims.ts'
import { type Context, PASSWORD } from '../context.ts'
import type { Person } from '../person.ts'
import type { RawSocket } from '../raw-socket.ts'
import type { ProtocolRule } from '../rule.ts'

const UNAUTHORIZED = { code: 'UNAUTHORIZED' } as const
const ACCESS_SECONDS = 900
const REFRESH_SECONDS = 604_800
/** Milliseconds within which the sockets of an ended login are closed. */
const REVOKED_WITHIN = 5_000
const LOOK_AGAIN = 20
/** Milliseconds within which a closed connection is let go of. */
const LET_GO_WITHIN = 30_000

/** Accounts, logins and tokens. */
export const accounts: ProtocolRule[] = [
  {
    number: '10.1',
    title: 'registering answers like a login',
    async run(context) {
      const { rest } = context
      const username = context.fresh('new').replaceAll('-', '_')
      const body = { username, password: PASSWORD, passwordConfirm: PASSWORD }
      const { status, data, headers } = await rest.call('POST /api/auth/register', { body })
      same([status, data.user.username, data.user.displayName], [201, username, username], 'The account')
      claim(
        Date.parse(data.user.createdAt) > 0 && data.refreshToken !== null,
        'createdAt or a token is missing',
      )
      claim(/no-store/.test(headers.get('Cache-Control') ?? ''), 'Caches may keep the tokens')
      const me = await rest.call('GET /api/users/me', { token: data.accessToken })
      same(me.data.user.id, data.user.id, 'The account behind the token')
      const named = { ...body, username: context.fresh('named'), displayName: 'A Name' }
      same(
        (await rest.call('POST /api/auth/register', { body: named })).data.user.displayName,
        'A Name',
        'displayName',
      )
    },
  },
  {
    number: '10.2',
    title: 'usernames and passwords keep their rules, and the refusal says which',
    async run(context) {
      const { rest } = context
      const { ann } = await context.cast()
      const good = { username: context.fresh('name'), password: PASSWORD, passwordConfirm: PASSWORD }
      const refuses = (change: object, field: string) =>
        rest.refused(
          'POST /api/auth/register',
          { body: { ...good, ...change } },
          { code: 'VALIDATION_ERROR', field },
        )
      for (const username of ['ab', 'x'.repeat(51), 'with space', 'semi;colon', '', 7]) {
        await refuses({ username }, 'username')
      }
      for (const password of [
        'Short-1',
        'no-upper-1',
        'NO-LOWER-1',
        'No-digits',
        'NoSpecial1',
        `Aa1-${'x'.repeat(69)}`,
      ]) {
        await refuses({ password, passwordConfirm: password }, 'password')
      }
      await refuses({ passwordConfirm: `${PASSWORD}?` }, 'passwordConfirm')
      await refuses({ type: 'admin' }, 'type')
      const taken = { ...good, username: ann.me.username.toUpperCase() }
      await rest.refused('POST /api/auth/register', { body: taken }, { code: 'CONFLICT', field: 'username' })
    },
  },
  {
    number: '10.3',
    title: 'a wrong password and an unknown name are refused alike',
    async run(context) {
      const stranger = await context.stranger()
      const { data, status } = await stranger.logIn()
      same([status, data.user.id], [200, stranger.id], 'The login')
      const login = (username: string, password: string) =>
        context.rest.refused('POST /api/auth/login', { body: { username, password } }, UNAUTHORIZED)
      const wrong = await login(stranger.me.username, 'Wrong-password-1')
      const unknown = await login(context.fresh('nobody'), PASSWORD)
      same(
        [wrong.message, wrong.details],
        [unknown.message, unknown.details],
        'The refusal of a wrong password',
      )
    },
  },
  {
    number: '10.4',
    title: 'access tokens end after 900 s, refresh tokens after 604,800 s',
    async run(context) {
      const { data } = await (await context.stranger()).logIn()
      const tokens = [
        [data.accessToken, 'access', ACCESS_SECONDS],
        [present(data.refreshToken, 'The refresh token'), 'refresh', REFRESH_SECONDS],
      ] as const
      for (const [token, type, seconds] of tokens) {
        const [head, payload] = token.split('.').slice(0, 2).map(decode)
        same([head?.alg, payload?.type, payload?.userId], ['HS256', type, data.user.id], 'The token')
        same(Number(payload?.exp) - Number(payload?.iat), seconds, `The life of the ${type} token`)
      }
    },
  },
  {
    number: '10.5',
    title: 'each refresh token is good once',
    async run(context) {
      const stranger = await context.stranger()
      const next = await refresh(context, stranger.refreshToken)
      claim(next.refreshToken !== stranger.refreshToken, 'The refresh token is the same as before')
      await context.rest.call('GET /api/users/me', { token: next.accessToken })
      await refresh(context, present(next.refreshToken, 'The next refresh token'))
      for (const refreshToken of ['nonsense', next.accessToken]) {
        await context.rest.refused('POST /api/auth/refresh', { body: { refreshToken } }, UNAUTHORIZED)
      }
      await context.rest.refused('POST /api/auth/refresh', { body: {} }, UNAUTHORIZED)
    },
  },
  {
    number: '10.6',
    title: 'a refresh token used twice ends its login, with its tokens and sockets',
    async run(context) {
      const stranger = await context.stranger()
      const other = (await stranger.logIn()).data
      const socket = await talking(stranger)
      const next = await refresh(context, stranger.refreshToken)
      const body = { refreshToken: stranger.refreshToken }
      await context.rest.refused('POST /api/auth/refresh', { body }, UNAUTHORIZED)
      await isRevoked(socket)
      const heir = { refreshToken: next.refreshToken }
      await context.rest.refused('POST /api/auth/refresh', { body: heir }, UNAUTHORIZED)
      for (const token of [next.accessToken, await stranger.token()]) {
        await context.rest.refused('GET /api/users/me', { token }, UNAUTHORIZED)
      }
      await context.rest.call('GET /api/users/me', { token: other.accessToken })
    },
  },
  {
    number: '10.7',
    title: 'logging out ends the login and its sockets, and no other login',
    async run(context) {
      const stranger = await context.stranger()
      const other = (await stranger.logIn()).data
      const [first, second] = [await talking(stranger), await talking(stranger)]
      const stays = await stranger.connect({ headers: { Authorization: `Bearer ${other.accessToken}` } })
      same((await stranger.answer('POST /api/auth/logout')).status, 204, 'The status')
      for (const socket of [first, second]) await isRevoked(socket)
      await stranger.refused('GET /api/users/me', {}, UNAUTHORIZED)
      const body = { refreshToken: stranger.refreshToken }
      await context.rest.refused('POST /api/auth/refresh', { body }, UNAUTHORIZED)
      await stays.settled()
      const byRefresh = { body: { refreshToken: other.refreshToken } }
      same(
        (await context.rest.call('POST /api/auth/logout', byRefresh)).status,
        204,
        'The status by refresh token',
      )
      await isRevoked(stays)
      await context.rest.refused('POST /api/auth/logout', { body: {} }, UNAUTHORIZED)
    },
  },
  {
    number: '10.8',
    title: 'logins are listed and ended from elsewhere, each by its own user alone',
    async run(context) {
      const stranger = await context.stranger()
      const { ann } = await context.cast()
      const { accessToken } = (await stranger.logIn()).data
      const elsewhere = await stranger.connect({ headers: { Authorization: `Bearer ${accessToken}` } })
      const { data } = await stranger.call('GET /api/auth/sessions')
      same(data.map(({ isCurrent }) => isCurrent).toSorted(), [false, true], 'The logins')
      const id = present(
        data.find(({ isCurrent }) => !isCurrent),
        'The other login',
      ).id
      await ann.refused('DELETE /api/auth/sessions/:id', { params: { id } }, { code: 'NOT_FOUND' })
      await elsewhere.settled()
      await stranger.call('DELETE /api/auth/sessions/:id', { params: { id } })
      await isRevoked(elsewhere)
      await context.rest.refused('GET /api/users/me', { token: accessToken }, UNAUTHORIZED)
      await stranger.refused('DELETE /api/auth/sessions/:id', { params: { id } }, { code: 'NOT_FOUND' })
      same((await stranger.call('GET /api/auth/sessions')).data.length, 1, 'The logins left')
    },
  },
  {
    number: '10.9',
    title: 'changing the password needs the current one and ends all other logins',
    async run(context) {
      const stranger = await context.stranger()
      const other = (await stranger.logIn()).data
      const password = `${PASSWORD}-new`
      const change = { currentPassword: PASSWORD, password, passwordConfirm: password }
      const wrong = { body: { ...change, currentPassword: 'Wrong-password-1' } }
      await stranger.refused('PUT /api/auth/password', wrong, { code: 'FORBIDDEN', field: 'currentPassword' })
      const weak = { body: { ...change, password: 'weak', passwordConfirm: 'weak' } }
      await stranger.refused('PUT /api/auth/password', weak, { code: 'VALIDATION_ERROR', field: 'password' })
      await stranger.call('PUT /api/auth/password', { body: change })
      await context.rest.refused('GET /api/users/me', { token: other.accessToken }, UNAUTHORIZED)
      await stranger.call('GET /api/users/me')
      const body = { username: stranger.me.username, password }
      await context.rest.call('POST /api/auth/login', { body })
      await context.rest.refused('POST /api/auth/login', { body: stranger.credentials }, UNAUTHORIZED)
    },
  },
  {
    number: '10.10',
    title: 'auth gives an open socket a fresh token of the same user',
    async run(context) {
      const stranger = await context.stranger()
      const { ann } = await context.cast()
      const socket = await stranger.connect()
      const { accessToken } = (await stranger.logIn()).data
      const { expiresAt } = await socket.ask('auth', { token: accessToken })
      same(Date.parse(expiresAt), Number(decode(accessToken.split('.')[1] ?? '').exp) * 1_000, 'expiresAt')
      await socket.refused('auth', { token: await ann.token() }, { code: 'FORBIDDEN', field: 'token' })
      for (const token of ['nonsense', stranger.refreshToken, `${accessToken}x`]) {
        await socket.refused('auth', { token }, UNAUTHORIZED)
      }
      await stranger.call('POST /api/auth/logout')
      await socket.settled()
      await context.rest.call('POST /api/auth/logout', { token: accessToken })
      await isRevoked(socket)
    },
  },
  {
    number: '10.12',
    title: 'with ?cookie=1 the refresh token is an httpOnly cookie',
    async run(context) {
      const { credentials } = await context.stranger()
      const query = { cookie: '1' }
      const login = await context.rest.call('POST /api/auth/login', { body: credentials, query })
      same(login.data.refreshToken, null, 'The refresh token in the body')
      const cookie = present(login.headers.get('Set-Cookie'), 'The cookie')
      claim(/httponly/i.test(cookie) && /samesite=strict/i.test(cookie), `The cookie is ${cookie}`)
      claim(/path=\/api\/auth/i.test(cookie), `The cookie is ${cookie}`)
      const headers = { Cookie: cookie.split(';')[0] ?? '' }
      const elsewhere = { query, headers: { ...headers, Origin: 'https://elsewhere.example' }, body: {} }
      await context.rest.refused('POST /api/auth/refresh', elsewhere, { code: 'FORBIDDEN' })
      const next = await context.rest.call('POST /api/auth/refresh', { query, headers, body: {} })
      same(next.data.refreshToken, null, 'The refresh token in the body of refresh')
      claim(next.headers.get('Set-Cookie') !== null, 'refresh set no cookie')
    },
  },
  {
    number: '10.13',
    title: 'forged tokens are refused',
    async run(context) {
      const { ann } = await context.cast()
      const [head = '', payload = '', signature = ''] = (await ann.token()).split('.')
      const claims = decode(payload)
      const later = encode({ ...claims, exp: Number(claims.exp) + 86_400 })
      const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign'])
      const bytes = new Uint8Array(
        await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(`${head}.${payload}`)),
      )
      const forged = {
        'no signature': `${head}.${payload}.`,
        'the algorithm none': `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`,
        'another algorithm': `${encode({ alg: 'HS512', typ: 'JWT' })}.${payload}.${signature}`,
        'a later end': `${head}.${later}.${signature}`,
        'another key': `${head}.${payload}.${toBase64Url(bytes)}`,
        'another issuer': `${head}.${encode({ ...claims, iss: 'elsewhere' })}.${signature}`,
        'no payload': `${head}..${signature}`,
      }
      for (const [what, token] of Object.entries(forged)) {
        const answer = await context.rest.send('GET /api/users/me', { token })
        same(answer.status, 401, `The status for a token with ${what}`)
      }
    },
  },
]

async function refresh({ rest }: Context, refreshToken: string) {
  return (await rest.call('POST /api/auth/refresh', { body: { refreshToken } })).data
}

/** A socket that has said something, as clients do: a server may leave the end of one that never did until later. */
async function talking(person: Person): Promise<RawSocket> {
  const socket = await person.connect()
  await socket.settled()
  return socket
}

/** The server says so in time; when its network lets go of the connection is not its own doing. */
async function isRevoked(socket: RawSocket): Promise<void> {
  const end = Date.now() + REVOKED_WITHIN
  while (socket.isOpen && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN))
  claim(!socket.isOpen, `A socket was not closed within ${REVOKED_WITHIN / 1_000} s`)
  const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), LET_GO_WITHIN))
  same((await Promise.race([socket.closed, late]))?.code, 4401, 'The close code')
}

function decode(part: string): Record<string, unknown> {
  const text = atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  return JSON.parse(text) as Record<string, unknown>
}

function encode(value: object): string {
  return toBase64Url(new TextEncoder().encode(JSON.stringify(value)))
}

function toBase64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
