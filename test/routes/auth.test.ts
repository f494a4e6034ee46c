import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { AuthSession, LoggedIn, Ticket, Tokens } from '../../src/protocol/rest.ts'
import { createTestApp, errorOf, type TestApp } from '../support/app.ts'
import { PASSWORD } from '../support/auth.ts'

let it: TestApp

beforeAll(async () => {
  it = await createTestApp({ CORS_ORIGINS: 'https://app.example' })
})

afterAll(() => it.close())

const registration = (username: string) => ({ username, password: PASSWORD, passwordConfirm: PASSWORD })

function cookieOf(headers: Headers): string {
  return headers.get('Set-Cookie')?.split(';')[0] ?? ''
}

test('registering answers like a login: tokens and the account', async () => {
  const answer = await it.call('POST /api/auth/register', { body: registration('ada') })
  expect(answer.status).toBe(201)
  const { user, accessToken } = LoggedIn.parse(answer.body)
  expect(user).toMatchObject({ username: 'ada', displayName: 'ada', type: 'member', status: 'offline' })
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  const me = await it.call('GET /api/users/me', { token: accessToken })
  expect(me.body.user.id).toBe(user.id)
})

test('logging in gives 200 with new tokens; a wrong password 401, a taken name 409', async () => {
  await it.user('grace')
  const login = await it.call('POST /api/auth/login', { body: { username: 'Grace', password: PASSWORD } })
  expect(login.status).toBe(200)
  expect(LoggedIn.parse(login.body).user.username).toBe('grace')
  const wrong = await it.call('POST /api/auth/login', { body: { username: 'grace', password: 'no' } })
  expect([wrong.status, errorOf(wrong).code]).toEqual([401, 'UNAUTHORIZED'])
  expect(wrong.headers.get('WWW-Authenticate')).toBe('Bearer')
  const taken = await it.call('POST /api/auth/register', { body: registration('GRACE') })
  expect([taken.status, errorOf(taken).details]).toEqual([409, [{ field: 'username', message: 'Is taken' }]])
})

test.each([
  ['Abcdef1', 'Password must be at least 8 characters'],
  ['abcdefg1!', 'Must contain uppercase letter'],
  ['ABCDEFG1!', 'Must contain lowercase letter'],
  ['Abcdefgh!', 'Must contain number'],
  ['Abcdefgh1', 'Must contain special character'],
  [`Aa1!${'ü'.repeat(35)}`, 'Password must be at most 72 bytes'],
])('the password %s is refused with what it lacks', async (password, message) => {
  const body = { username: 'rules', password, passwordConfirm: password }
  const answer = await it.call('POST /api/auth/register', { body })
  expect(answer.status).toBe(400)
  expect(errorOf(answer).details).toContainEqual({ field: 'password', message })
})

test('the two passwords have to be the same', async () => {
  const body = { ...registration('twice'), passwordConfirm: `${PASSWORD}x` }
  const answer = await it.call('POST /api/auth/register', { body })
  expect(errorOf(answer).details).toEqual([{ field: 'passwordConfirm', message: 'Passwords do not match' }])
})

test('a refresh gives a new pair; the old token then ends the login', async () => {
  const user = await it.user()
  const body = { refreshToken: user.refreshToken }
  const first = await it.call('POST /api/auth/refresh', { body })
  expect(first.status).toBe(200)
  const { accessToken } = Tokens.parse(first.body)
  expect((await it.call('POST /api/auth/refresh', { body })).status).toBe(401)
  expect((await it.call('GET /api/users/me', { token: accessToken })).status).toBe(401)
})

describe('the refresh token as a cookie', () => {
  async function logIn(): Promise<string> {
    const user = await it.user()
    const body = { username: user.username, password: PASSWORD }
    const answer = await it.call('POST /api/auth/login?cookie=1', { body })
    expect(answer.body.refreshToken).toBeNull()
    return answer.headers.get('Set-Cookie') ?? ''
  }

  test('is out of reach of scripts and other sites, and goes to its own routes only', async () => {
    const cookie = await logIn()
    expect(cookie).toContain('HttpOnly')
    expect(cookie).toContain('SameSite=Strict')
    expect(cookie).toContain('Path=/api/auth')
    expect(cookie).toContain('Max-Age=604800')
    expect(cookie).not.toContain('Secure')
  })

  test('is Secure in production', async () => {
    const production = { ...it.deps, config: { ...it.deps.config, NODE_ENV: 'production' as const } }
    const init = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(registration('secure')),
    }
    const answer = await createApp(production).request('/api/auth/register?cookie=1', init)
    expect(answer.headers.get('Set-Cookie')).toContain('Secure')
  })

  test('refreshes without being asked for again, and comes back as a cookie', async () => {
    const headers = { Cookie: (await logIn()).split(';')[0] ?? '' }
    const answer = await it.call('POST /api/auth/refresh', { headers })
    expect(answer.status).toBe(200)
    expect(answer.body.refreshToken).toBeNull()
    expect(cookieOf(answer.headers)).not.toBe(headers.Cookie)
  })

  test('is refused from the page of another origin, and taken from one of the list', async () => {
    const Cookie = (await logIn()).split(';')[0] ?? ''
    const evil = await it.call('POST /api/auth/refresh', {
      headers: { Cookie, Origin: 'https://evil.example' },
    })
    expect([evil.status, errorOf(evil).code]).toEqual([403, 'FORBIDDEN'])
    const headers = { Cookie, Origin: 'https://app.example' }
    expect((await it.call('POST /api/auth/refresh', { headers })).status).toBe(200)
  })

  test('logs out, and is deleted', async () => {
    const Cookie = (await logIn()).split(';')[0] ?? ''
    const answer = await it.call('POST /api/auth/logout', { headers: { Cookie } })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('Set-Cookie')).toMatch(/^parley_refresh=; Max-Age=0; Path=\/api\/auth/)
    expect((await it.call('POST /api/auth/refresh', { headers: { Cookie } })).status).toBe(401)
  })
})

test('a logout ends the login at once, by either token', async () => {
  const byAccess = await it.user()
  expect((await it.call('POST /api/auth/logout', { token: byAccess.token })).status).toBe(204)
  expect((await it.call('GET /api/users/me', { token: byAccess.token })).status).toBe(401)
  const byRefresh = await it.user()
  const body = { refreshToken: byRefresh.refreshToken }
  expect((await it.call('POST /api/auth/logout', { body })).status).toBe(204)
  expect((await it.call('GET /api/users/me', { token: byRefresh.token })).status).toBe(401)
  expect((await it.call('POST /api/auth/logout')).status).toBe(401)
})

test('devices are listed, this one marked, and logged out from afar', async () => {
  const user = await it.user()
  const other = await it.call('POST /api/auth/login', {
    body: { username: user.username, password: PASSWORD },
    headers: { 'User-Agent': 'phone' },
    address: '192.0.2.9',
  })
  const listed = await it.call('GET /api/auth/sessions', { token: user.token })
  const logins = AuthSession.array().parse(listed.body.data)
  expect(logins.map(({ isCurrent }) => isCurrent).sort()).toEqual([false, true])
  const phone = logins.find(({ device }) => device === 'phone')
  expect(phone).toMatchObject({ ipAddress: '192.0.2.9', isCurrent: false })
  const route = `DELETE /api/auth/sessions/${phone?.id}`
  expect((await it.call(route, { token: (await it.user()).token })).status).toBe(404)
  expect((await it.call(route, { token: user.token })).status).toBe(204)
  expect((await it.call('GET /api/users/me', { token: other.body.accessToken })).status).toBe(401)
  expect((await it.call('GET /api/users/me', { token: user.token })).status).toBe(200)
})

test('a new password ends all other logins', async () => {
  const user = await it.user()
  const credentials = { username: user.username, password: PASSWORD }
  const other = await it.call('POST /api/auth/login', { body: credentials })
  const password = 'Battery-staple-2'
  const body = { currentPassword: PASSWORD, password, passwordConfirm: password }
  const wrong = { ...body, currentPassword: 'guess' }
  expect((await it.call('PUT /api/auth/password', { token: user.token, body: wrong })).status).toBe(403)
  expect((await it.call('PUT /api/auth/password', { token: user.token, body })).status).toBe(204)
  expect((await it.call('GET /api/users/me', { token: other.body.accessToken })).status).toBe(401)
  expect((await it.call('POST /api/auth/login', { body: credentials })).status).toBe(401)
  expect((await it.call('POST /api/auth/login', { body: { ...credentials, password } })).status).toBe(200)
})

test('a ticket is given to who has an access token', async () => {
  const user = await it.user()
  const answer = await it.call('POST /api/auth/ticket', { token: user.token })
  expect(answer.status).toBe(201)
  expect(Ticket.parse(answer.body).ticket).toHaveLength(43)
})
