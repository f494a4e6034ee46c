import { base64url, generateKeyPair, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { createAccessTokens, createRefreshTokens } from '../../src/auth/tokens.ts'
import { SECRETS } from '../support/auth.ts'
import { createTestClock } from '../support/test-clock.ts'

const clock = createTestClock()
const login = {
  userId: '00000000-0000-4000-8000-000000000001',
  sessionId: '00000000-0000-4000-8000-000000000002',
}
const access = await createAccessTokens(SECRETS.access, clock)
const refresh = await createRefreshTokens(SECRETS.refresh, clock)
const now = clock.now() / 1_000
const key = new TextEncoder().encode(SECRETS.access)

const good = {
  ...login,
  type: 'access',
  iss: 'local',
  sub: login.userId,
  iat: now,
  exp: now + 900,
}

function forge(payload: object, secret = key): Promise<string> {
  return new SignJWT({ ...payload }).setProtectedHeader({ alg: 'HS256' }).sign(secret)
}

function without(name: keyof typeof good): object {
  const { [name]: _, ...rest } = good
  return rest
}

function unsigned(payload: object): string {
  const part = (value: object) => base64url.encode(JSON.stringify(value))
  return `${part({ alg: 'none' })}.${part(payload)}.`
}

test('the payload is what clients of the documents expect', async () => {
  const payload = JSON.parse(atob((await access.sign(login)).split('.')[1] ?? ''))
  expect(payload).toMatchObject({ userId: login.userId, sessionId: login.sessionId, type: 'access' })
  expect(payload.exp - payload.iat).toBe(900)
  const later = JSON.parse(atob((await refresh.sign(login)).split('.')[1] ?? ''))
  expect(later).toMatchObject({ type: 'refresh' })
  expect(later.exp - later.iat).toBe(604_800)
})

test('a token made by the rules is taken, so that the forgeries below fail for their own reason', async () => {
  expect(await access.verify(await forge(good))).toMatchObject(login)
})

test.each<[string, () => string | Promise<string>]>([
  ['no token at all', () => ''],
  ['no JWT', () => 'a.b.c'],
  ['algorithm none', () => unsigned(good)],
  ['another key', () => forge(good, new TextEncoder().encode('x'.repeat(32)))],
  ['the refresh secret', () => forge(good, new TextEncoder().encode(SECRETS.refresh))],
  ['a refresh token', () => refresh.sign(login)],
  ['a refresh token under the access secret', () => forge({ ...good, type: 'refresh' })],
  ['another issuer', () => forge({ ...good, iss: 'elsewhere' })],
  ['no issuer', () => forge(without('iss'))],
  ['no exp', () => forge(without('exp'))],
  ['no iat', () => forge(without('iat'))],
  ['no sub', () => forge(without('sub'))],
  ['no type', () => forge(without('type'))],
  ['a user id that is no id', () => forge({ ...good, userId: "' or 1=1" })],
  ['an exp that has passed', () => forge({ ...good, exp: now - 1 })],
  ['a beginning in the future', () => forge({ ...good, nbf: now + 60 })],
  [
    'a longer HMAC',
    async () => new SignJWT(good).setProtectedHeader({ alg: 'HS512' }).sign(new Uint8Array(64)),
  ],
  [
    'a public-key signature',
    async () => {
      const { privateKey } = await generateKeyPair('RS256')
      return new SignJWT(good).setProtectedHeader({ alg: 'RS256' }).sign(privateKey)
    },
  ],
  ['a changed payload', async () => (await forge(good)).replace(/\.[^.]+\./, `.${base64url.encode('{}')}.`)],
])('refused: %s', async (_, make) => {
  await expect(access.verify(await make())).rejects.toMatchObject({ refusal: { code: 'UNAUTHORIZED' } })
})
