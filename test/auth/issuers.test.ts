import { base64url, exportSPKI, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { connect, type Database } from '../../src/db/connect.ts'
import { issuersOf } from '../../src/settings/issuers.ts'
import { createTestAuth, PASSWORD, type TestAuth } from '../support/auth.ts'
import { djangoTokens } from '../support/django.ts'
import { type IssuerServer, startIssuerServer } from '../support/issuer-server.ts'
import { COMMIT_DEADLINE_SECONDS } from '../support/patience.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { DJANGO_SECRET } from '../support/tokens.ts'

const POOL = 'eu-west-2_AbCdEf123'

let database: TestDatabase
let db: Database
let cognito: IssuerServer
let openId: IssuerServer
let it: TestAuth
let count = 0

beforeAll(async () => {
  database = await createTestDatabase()
  db = await connect({ url: database.url, deadline: COMMIT_DEADLINE_SECONDS * 1_000, onFault() {} })
  cognito = await startIssuerServer()
  openId = await startIssuerServer()
})

afterAll(async () => {
  await Promise.all([cognito.close(), openId.close()])
  await db.close()
  await database.drop()
})

beforeEach(async () => {
  count += 1
  const acme = {
    name: 'acme',
    issuer: openId.url,
    algorithm: 'RS256',
    audience: ['parley'],
    type: 'member',
    claims: { name: 'name', picture: 'picture', type: 'realm_access.roles' },
    types: { helpdesk: 'agent' },
  }
  const settings = {
    COGNITO_USER_POOL_ID: POOL,
    COGNITO_CLIENT_IDS: 'web, app',
    COGNITO_ENDPOINT: cognito.url,
    DJANGO_JWT_SECRET: DJANGO_SECRET,
    ISSUERS: JSON.stringify([acme]),
  }
  it = await createTestAuth(db, undefined, { issuers: issuersOf(parseConfig(settings)) })
})

const now = () => it.clock.now() / 1_000
const subject = () => `0b0c-${count}`

function customer(changes: JWTPayload = {}): JWTPayload {
  return {
    sub: subject(),
    iss: `${cognito.url}/${POOL}`,
    client_id: 'web',
    token_use: 'access',
    iat: now(),
    exp: now() + 3_600,
    ...changes,
  }
}

function dentist(changes: JWTPayload = {}): JWTPayload {
  return { token_type: 'access', user_id: 42, jti: 'x', iat: now(), exp: now() + 300, ...changes }
}

function member(changes: JWTPayload = {}): JWTPayload {
  return { sub: subject(), iss: openId.url, aud: 'parley', iat: now(), exp: now() + 300, ...changes }
}

function byDjango(payload: JWTPayload, secret = DJANGO_SECRET, alg = 'HS256'): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg, typ: 'JWT' }).sign(new TextEncoder().encode(secret))
}

/** The payload without a claim that it would have. */
function without(payload: JWTPayload, name: string): JWTPayload {
  return { ...payload, [name]: undefined }
}

async function userOf(token: string) {
  return (await it.auth.verify(token)).principal.user
}

describe('users of outside issuers', () => {
  test('of Cognito are customers, made with their first token and found again with the next', async () => {
    const first = await it.auth.verify(await cognito.sign(customer()))
    expect(first.principal).toMatchObject({
      sessionId: null,
      user: { type: 'customer', displayName: 'Customer' },
    })
    expect(first.expiresAt).toBe(it.clock.now() + 3_600_000)
    it.clock.pass(60_000)
    expect(await userOf(await cognito.sign(customer({ client_id: 'app' })))).toEqual(first.principal.user)
  })

  test('may have tokens that end later than any clock can say', async () => {
    const { expiresAt } = await it.auth.verify(await cognito.sign(customer({ exp: 1e15 })))
    expect(new Date(expiresAt).toISOString()).toMatch(/^[+]275760/)
  })

  test('of Django are what their token says, and dentists without it: tokens made by SimpleJWT itself', async () => {
    const [plain, agent, owner, boss, other] = djangoTokens(DJANGO_SECRET, [
      { user_id: 7 },
      { user_id: 8, user_type: 'agent' },
      { user_id: 9, user_type: 'restaurant' },
      { user_id: 10, user_type: 'admin' },
      { user_id: 11, user_type: 'customer' },
    ] as const)
    for (const [tokens, type] of [
      [plain, 'dentist'],
      [agent, 'agent'],
      [owner, 'restaurant'],
      [boss, 'admin'],
    ] as const) {
      expect(await userOf(tokens.access)).toMatchObject({ type })
      await expect(it.auth.verify(tokens.refresh)).rejects.toThrow('token_type')
    }
    await expect(it.auth.verify(other.access)).rejects.toThrow('its user_type is not known')
  })

  test('of Django with an issuer and another claim for the type', async () => {
    const config = parseConfig({
      DJANGO_JWT_SECRET: DJANGO_SECRET,
      DJANGO_JWT_ISSUER: 'https://clinic.example',
      DJANGO_TYPE_CLAIM: 'is_staff',
      DJANGO_TYPES: 'true:admin, false:restaurant',
    })
    it = await createTestAuth(db, undefined, { issuers: issuersOf(config) })
    const claims = [{ user_id: 20, is_staff: true }] as const
    const [named] = djangoTokens(DJANGO_SECRET, claims, { ISSUER: 'https://clinic.example' })
    const [nameless] = djangoTokens(DJANGO_SECRET, claims)
    expect(await userOf(named.access)).toMatchObject({ type: 'admin' })
    await expect(it.auth.verify(nameless.access)).rejects.toThrow('not valid')
  })

  test('of an OpenID issuer are found by discovery, with name, picture and a role out of a list', async () => {
    const token = await openId.sign(
      member({
        name: '  Ada \n Lovelace ',
        picture: 'https://id.example/ada.png',
        realm_access: { roles: ['offline_access', 'helpdesk'] },
      }),
    )
    expect(await userOf(token)).toMatchObject({
      type: 'agent',
      displayName: 'Ada Lovelace',
      avatarUrl: 'https://id.example/ada.png',
    })
  })

  test('are called as their latest token says, and are what it says', async () => {
    const user = await userOf(await openId.sign(member({ name: 'Ada Byron' })))
    it.clock.pass(6_000)
    await userOf(await openId.sign(member({ name: 'Ada Lovelace', realm_access: { roles: ['helpdesk'] } })))
    const read = 'select display_name, type from users where id = $1'
    await expect
      .poll(async () => (await database.query(read, [user.id])).rows)
      .toEqual([{ display_name: 'Ada Lovelace', type: 'agent' }])
  })

  test('are others where the issuer is another: the same subject is not the same user', async () => {
    const sub = `same-${count}`
    const local = await it.auth.accounts.register({ username: sub, password: PASSWORD })
    const tokens = [
      await cognito.sign(customer({ sub })),
      await byDjango(dentist({ user_id: sub })),
      await openId.sign(member({ sub })),
      await openId.sign(member({ sub: local.id })),
    ]
    const users = await Promise.all(tokens.map(userOf))
    expect(new Set([local.id, ...users.map(({ id }) => id)]).size).toBe(5)
  })

  test('are made once by many first tokens at once, over two instances', async () => {
    const other = await createTestAuth(db, undefined, {
      issuers: issuersOf(parseConfig({ DJANGO_JWT_SECRET: DJANGO_SECRET })),
    })
    const token = await byDjango(dentist({ user_id: `new-${count}` }))
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? it : other).auth.verify(token)),
    )
    expect(new Set(all.map(({ principal }) => principal.user.id)).size).toBe(1)
  })

  test('have no password here and no login to end', async () => {
    const { principal } = await it.auth.verify(await cognito.sign(customer()))
    expect(await it.auth.logins.list(principal.user.id)).toEqual([])
    await expect(
      it.auth.accounts.logIn({ username: principal.user.username, password: PASSWORD }, null),
    ).rejects.toThrow('wrong')
  })

  test('are out within 5 seconds when they are disabled, their tickets at once', async () => {
    const token = await cognito.sign(customer())
    const authenticated = await it.auth.verify(token)
    expect(await it.auth.isCurrent(authenticated.principal)).toBe(true)
    const { ticket } = await it.auth.openTicket(authenticated)
    expect(await it.auth.redeemTicket((await it.auth.openTicket(authenticated)).ticket)).toEqual(
      authenticated,
    )
    const { id } = authenticated.principal.user
    await database.query('update users set disabled_at = now() where id = $1', [id])
    expect(await it.auth.isCurrent(authenticated.principal)).toBe(false)
    await expect(it.auth.redeemTicket(ticket)).rejects.toThrow('not valid')
    it.clock.pass(5_001)
    await expect(it.auth.verify(token)).rejects.toThrow('disabled')
  })
})

describe('refused', () => {
  const unsigned = (payload: JWTPayload) =>
    `${[{ alg: 'none' }, payload].map((part) => base64url.encode(JSON.stringify(part))).join('.')}.`

  test.each<[string, () => string | Promise<string>]>([
    ['algorithm none', () => unsigned(customer())],
    ['algorithm none of Django', () => unsigned(dentist())],
    ['HS256 over the public RSA key', async () => byDjango(customer(), await exportSPKI(cognito.publicKey))],
    [
      'HS256 over the public RSA key, naming the key',
      async () =>
        new SignJWT(customer())
          .setProtectedHeader({ alg: 'HS256', kid: cognito.kid })
          .sign(new TextEncoder().encode(await exportSPKI(cognito.publicKey))),
    ],
    ['a token of one issuer in the name of the other', () => openId.sign(customer())],
    ['another pool', () => cognito.sign(customer({ iss: `${cognito.url}/eu-west-2_Other` }))],
    ['an issuer of nobody', () => cognito.sign(customer({ iss: 'https://evil.example' }))],
    ['no issuer, which would be Django', () => cognito.sign(without(customer(), 'iss'))],
    ['an issuer that is the name of a method', () => cognito.sign(customer({ iss: 'constructor' }))],
    ['the local issuer', () => byDjango({ ...dentist(), iss: 'local' })],
    ['another app client', () => cognito.sign(customer({ client_id: 'other' }))],
    ['no app client', () => cognito.sign(without(customer(), 'client_id'))],
    ['an id token', () => cognito.sign(customer({ token_use: 'id', aud: 'web' }))],
    ['no token use', () => cognito.sign(without(customer(), 'token_use'))],
    ['no exp', () => cognito.sign(without(customer(), 'exp'))],
    ['an exp that has passed', () => cognito.sign(customer({ exp: now() - 1 }))],
    ['no iat', () => cognito.sign(without(customer(), 'iat'))],
    ['a beginning in the future', () => cognito.sign(customer({ nbf: now() + 60 }))],
    ['no subject', () => cognito.sign(without(customer(), 'sub'))],
    ['an empty subject', () => cognito.sign(customer({ sub: '' }))],
    ['a subject of 256 characters', () => cognito.sign(customer({ sub: 'x'.repeat(256) }))],
    ['a subject that Postgres cannot store', () => cognito.sign(customer({ sub: 'a\0b' }))],
    ['Django: another secret', () => byDjango(dentist(), 'x'.repeat(32))],
    ['Django: a longer HMAC', () => byDjango(dentist(), DJANGO_SECRET.repeat(2), 'HS512')],
    ['Django: an issuer that is not configured', () => byDjango(dentist({ iss: 'https://clinic.example' }))],
    ['Django: a refresh token', () => byDjango(dentist({ token_type: 'refresh' }))],
    ['Django: a sliding token', () => byDjango(dentist({ token_type: 'sliding' }))],
    ['Django: no user id', () => byDjango(without(dentist(), 'user_id'))],
    ['Django: a user id that is a list', () => byDjango(dentist({ user_id: [42] }))],
    ['Django: a user id that is no whole number', () => byDjango(dentist({ user_id: 4.2 }))],
    ['Django: a type that is inherited', () => byDjango(dentist({ user_type: 'constructor' }))],
    ['OpenID: another audience', () => openId.sign(member({ aud: 'other' }))],
    ['OpenID: no audience', () => openId.sign(without(member(), 'aud'))],
  ])('%s', async (_, make) => {
    await expect(it.auth.verify(await make())).rejects.toMatchObject({ refusal: { code: 'UNAUTHORIZED' } })
  })

  test('none of it, when it is made by the rules: so the others fail for their own reason', async () => {
    for (const token of [
      await cognito.sign(customer()),
      await byDjango(dentist()),
      await openId.sign(member({ aud: ['other', 'parley'] })),
    ]) {
      await expect(it.auth.verify(token)).resolves.toBeDefined()
    }
  })
})
