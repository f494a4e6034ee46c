import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestApp, errorOf, type TestApp, type TestUser } from '../support/app.ts'
import { createStaff } from '../support/people.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'

/** An issuer whose users are customers. */
const ACME = {
  ...{ name: 'acme', issuer: 'https://acme.test', algorithm: 'HS256', secret: DJANGO_SECRET },
  ...{ audience: ['parley'], type: 'customer', claims: { name: 'name' } },
}

let it: TestApp
let admin: TestUser
let service: string

beforeAll(async () => {
  it = await createTestApp({ DJANGO_JWT_SECRET: DJANGO_SECRET, ISSUERS: JSON.stringify([ACME]) })
  admin = await createStaff(it, 'admin')
  service = await createService(it, admin)
})

afterAll(() => it.close())

async function createService(app: TestApp, by: TestUser): Promise<string> {
  const body = { name: 'Shop', scopes: ['sessions:read', 'sessions:write', 'guests:write'] }
  return (await app.call('POST /api/admin/service-tokens', { token: by.token, body })).body.token
}

const open = (customer: object, token = service, fields: object = {}) =>
  it.call('POST /api/sessions', { token, body: { customer, ...fields } })

const acmeToken = (subject: string, claims: object = {}) =>
  djangoToken(it.auth.clock.now(), { iss: ACME.issuer, aud: 'parley', sub: subject, ...claims })

const me = async (token: string) => (await it.call('GET /api/users/me', { token })).body.user

describe('a customer whom a service names', () => {
  test('16.17 may never have been here, and finds the session with the first token', async () => {
    const opened = await open({ issuer: 'acme', subject: 'c-1', name: 'Ann Lee' })
    expect(opened.status, opened.text).toBe(201)
    const { id, ownerId } = opened.body.chat
    const token = await acmeToken('c-1')
    expect(await me(token)).toMatchObject({ id: ownerId, type: 'customer', displayName: 'Ann Lee' })
    const sessions = await it.call('GET /api/sessions', { token })
    expect(sessions.body.data).toMatchObject([{ id, customer: { displayName: 'Ann Lee' } }])
  })

  test('is one user, however many sessions are opened at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => open({ issuer: 'acme', subject: 'c-2' })),
    )
    expect(new Set(answers.map(({ body }) => body.chat.ownerId)).size).toBe(1)
  })

  test('has the same session again by its external id', async () => {
    const customer = { issuer: 'acme', subject: 'c-3' }
    const first = await open(customer, service, { externalId: 'order-3' })
    const again = await open(customer, service, { externalId: 'order-3' })
    expect([again.status, again.body.chat.id]).toEqual([200, first.body.chat.id])
  })

  test('who has been here stays what the issuer says', async () => {
    const user = await me(await acmeToken('c-4', { name: 'Ben Day' }))
    const opened = await open({ issuer: 'acme', subject: 'c-4', type: 'member', name: 'Somebody Else' })
    expect(opened.body.chat.ownerId).toBe(user.id)
    expect(await me(await acmeToken('c-4'))).toMatchObject({ type: 'customer', displayName: 'Ben Day' })
    await me(await djangoToken(it.auth.clock.now(), { user_id: 7 }))
    expect((await open({ issuer: 'django', subject: '7' })).status).toBe(400)
    expect((await me(await djangoToken(it.auth.clock.now(), { user_id: 7 }))).type).toBe('dentist')
  })

  test('is not the one of the same subject at another issuer', async () => {
    const one = await open({ issuer: 'acme', subject: '42' })
    const other = await open({ issuer: 'django', subject: '42' })
    expect(one.body.chat.ownerId).not.toBe(other.body.chat.ownerId)
  })

  test('is called by the next token as that says', async () => {
    await open({ issuer: 'acme', subject: 'c-5', name: 'A. Lee' })
    const token = await acmeToken('c-5', { name: 'Ada Lee' })
    await me(token)
    // No request waits for the new name to be kept.
    await expect.poll(async () => (await me(token)).displayName).toBe('Ada Lee')
  })

  test.each<[string, object, string]>([
    ['of an unknown issuer', { issuer: 'local', subject: 'x' }, 'customer.issuer'],
    ['without a subject', { issuer: 'acme', subject: '' }, 'customer.subject'],
    ['with a subject of 256 characters', { issuer: 'acme', subject: 'x'.repeat(256) }, 'customer.subject'],
    ['with U+0000', { issuer: 'acme', subject: '\0' }, 'customer.subject'],
    ['who is staff', { issuer: 'acme', subject: 'x', type: 'agent' }, 'customer.type'],
    ['with an empty name', { issuer: 'acme', subject: 'x', name: ' ' }, 'customer.name'],
  ])('is refused %s, by the field', async (_, customer, field) => {
    const answer = await open(customer)
    expect([answer.status, errorOf(answer).details[0]?.field]).toEqual([400, field])
  })

  test('is named by services alone, and in one way', async () => {
    const customer = { issuer: 'acme', subject: 'c-6' }
    const agent = await createStaff(it, 'agent')
    for (const { token } of [agent, admin, await it.user()]) {
      const answer = await open(customer, token)
      expect([answer.status, errorOf(answer).details[0]?.field]).toEqual([403, 'customer'])
    }
    expect((await open(customer, service, { customerId: admin.id })).status).toBe(400)
    const { rows } = await it.db.pool.query("select id from users where subject = 'c-6'")
    expect(rows).toEqual([])
  })
})

test('services have a rate of their own, by token and by address, which no other route lends', async () => {
  const app = await createTestApp({
    ...{ RATE_LIMITS: 'on', RATE_REST_PER_MINUTE: '3', RATE_SERVICE_PER_MINUTE: '6' },
  })
  try {
    const token = await createService(app, await createStaff(app, 'admin'))
    const other = await createService(app, await createStaff(app, 'admin'))
    const list = (by: string, address: string) => app.call('GET /api/sessions', { token: by, address })
    for (let n = 0; n < 6; n += 1) expect((await list(token, '192.0.2.1')).status).toBe(200)
    const full = await list(token, '192.0.2.2')
    expect([full.status, full.headers.get('RateLimit-Policy')]).toEqual([429, '6;w=60'])
    expect((await app.call('POST /api/guests', { token, body: {}, address: '192.0.2.2' })).status).toBe(429)
    expect((await list(other, '192.0.2.1')).status).toBe(429)
    expect((await list(other, '192.0.2.2')).status).toBe(200)
    // Whatever calls itself a service elsewhere is counted like everybody.
    const statuses: number[] = []
    for (let n = 0; n < 4; n += 1) {
      statuses.push((await app.call('GET /openapi.json', { token, address: '192.0.2.3' })).status)
    }
    expect(statuses).toEqual([200, 200, 200, 429])
  } finally {
    await app.close()
  }
})
