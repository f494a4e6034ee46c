import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Login } from '../../src/auth/tokens.ts'
import { connect, type Database } from '../../src/db/connect.ts'
import type { Broadcastable, Principal } from '../../src/rooms/ports.ts'
import { createTestAuth, PASSWORD, type TestAuth } from '../support/auth.ts'
import { COMMIT_DEADLINE_SECONDS } from '../support/patience.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

const DEVICE = { name: 'test', ipAddress: '192.0.2.1' }
const MINUTE = 60_000

let database: TestDatabase
let db: Database
let it: TestAuth
let userId: string
let told: Broadcastable[]
let count = 0

beforeAll(async () => {
  database = await createTestDatabase()
  db = await connect({ url: database.url, deadline: COMMIT_DEADLINE_SECONDS * 1_000, onFault() {} })
})

afterAll(async () => {
  await db.close()
  await database.drop()
})

beforeEach(async () => {
  it = await createTestAuth(db)
  count += 1
  userId = (await it.auth.accounts.register({ username: `user${count}`, password: PASSWORD })).id
  told = []
  await it.broadcast.subscribe(`user:${userId}`, (item) => void told.push(item))
})

test('an access token names its user and login, and lasts 15 minutes', async () => {
  const { auth, clock } = it
  const { accessToken } = await auth.logins.open(userId, DEVICE)
  const { principal, expiresAt } = await auth.verify(accessToken)
  expect(principal).toMatchObject({ user: { id: userId, username: `user${count}` } })
  expect(expiresAt - clock.now()).toBe(15 * MINUTE)
  clock.pass(15 * MINUTE)
  await expect(auth.verify(accessToken)).rejects.toThrow('has expired')
})

test('refreshing gives a new pair and uses the old token up', async () => {
  const { auth } = it
  const first = await auth.logins.open(userId, DEVICE)
  const second = await auth.logins.refresh(first.refreshToken)
  expect(second.refreshToken).not.toBe(first.refreshToken)
  const third = await auth.logins.refresh(second.refreshToken)
  await expect(auth.verify(third.accessToken)).resolves.toMatchObject({ principal: { user: { id: userId } } })
})

test('a refresh token that comes again ends its login, the tokens made since and the sockets', async () => {
  const { auth } = it
  const first = await auth.logins.open(userId, DEVICE)
  const { sessionId } = (await auth.verify(first.accessToken)).principal
  const second = await auth.logins.refresh(first.refreshToken)
  await expect(auth.logins.refresh(first.refreshToken)).rejects.toThrow('was used before')
  await expect(auth.logins.refresh(second.refreshToken)).rejects.toThrow('has ended')
  await expect(auth.verify(second.accessToken)).rejects.toThrow('has ended')
  expect(told).toEqual([{ kind: 'revoked', sessionId }])
})

test('of two refreshes at once with one token, at most one wins, and the login ends', async () => {
  const { auth } = it
  const { refreshToken, accessToken } = await auth.logins.open(userId, DEVICE)
  const outcomes = await Promise.allSettled([
    auth.logins.refresh(refreshToken),
    auth.logins.refresh(refreshToken),
  ])
  expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1)
  await expect(auth.verify(accessToken)).rejects.toThrow('has ended')
})

test('reuse ends its own login only', async () => {
  const { auth } = it
  const other = await auth.logins.open(userId, DEVICE)
  const { refreshToken } = await auth.logins.open(userId, DEVICE)
  await auth.logins.refresh(refreshToken)
  await auth.logins.refresh(refreshToken).catch(() => {})
  await expect(auth.verify(other.accessToken)).resolves.toBeDefined()
})

test('a refresh token lasts 7 days from its making', async () => {
  const { auth, clock } = it
  const first = await auth.logins.open(userId, DEVICE)
  clock.pass(6 * 24 * 60 * MINUTE)
  const second = await auth.logins.refresh(first.refreshToken)
  clock.pass(6 * 24 * 60 * MINUTE)
  const third = await auth.logins.refresh(second.refreshToken)
  clock.pass(7 * 24 * 60 * MINUTE)
  await expect(auth.logins.refresh(third.refreshToken)).rejects.toThrow('has expired')
})

test('an ended login is out at once, and its sockets are told', async () => {
  const { auth } = it
  const { accessToken } = await auth.logins.open(userId, DEVICE)
  const { principal } = await auth.verify(accessToken)
  expect(await auth.isCurrent(principal)).toBe(true)
  expect(await auth.logins.end(loginOf(principal))).toBe(true)
  expect(await auth.isCurrent(principal)).toBe(false)
  await expect(auth.verify(accessToken)).rejects.toThrow('has ended')
  expect(told).toEqual([{ kind: 'revoked', sessionId: principal.sessionId }])
})

test('nobody ends the login of another', async () => {
  const { auth } = it
  const { accessToken } = await auth.logins.open(userId, DEVICE)
  const { sessionId } = loginOf((await auth.verify(accessToken)).principal)
  const other = await auth.accounts.register({ username: `other${count}`, password: PASSWORD })
  expect(await auth.logins.end({ userId: other.id, sessionId })).toBe(false)
  await expect(auth.verify(accessToken)).resolves.toBeDefined()
  expect(told).toEqual([])
})

test('what another instance ended, or whom it disabled, is out here within 5 seconds', async () => {
  const { auth, clock } = it
  const { accessToken } = await auth.logins.open(userId, DEVICE)
  await auth.verify(accessToken)
  await database.query('update users set disabled_at = now() where id = $1', [userId])
  clock.pass(5_001)
  await expect(auth.verify(accessToken)).rejects.toThrow('has ended')
})

test('an ended login that was being read meanwhile is out all the same', async () => {
  const { auth } = it
  const { accessToken } = await auth.logins.open(userId, DEVICE)
  const { sessionId } = loginOf((await auth.verify(accessToken)).principal)
  await auth.logins.forget(userId)
  const reading = auth.verify(accessToken).catch(() => {})
  await auth.logins.end({ userId, sessionId })
  await reading
  await expect(auth.verify(accessToken)).rejects.toThrow('has ended')
})

test('the list shows the devices that are logged in', async () => {
  const { auth } = it
  await auth.logins.open(userId, { name: 'phone', ipAddress: '192.0.2.2' })
  await auth.logins.open(userId, { name: 'laptop', ipAddress: null })
  const { accessToken } = await auth.logins.open(userId, DEVICE)
  const { principal } = await auth.verify(accessToken)
  await auth.logins.end(loginOf(principal))
  const listed = await auth.logins.list(userId)
  expect(listed.map(({ device }) => device).sort()).toEqual(['laptop', 'phone'])
})

test('a new password ends all other logins and keeps this one', async () => {
  const { auth } = it
  const other = await auth.logins.open(userId, DEVICE)
  const { accessToken } = await auth.logins.open(userId, DEVICE)
  const { principal } = await auth.verify(accessToken)
  const change = { currentPassword: PASSWORD, password: 'Battery-staple-2' }
  await auth.accounts.changePassword(principal.user, change, null)
  await auth.logins.endOthers(loginOf(principal))
  await expect(auth.verify(other.accessToken)).rejects.toThrow('has ended')
  await expect(auth.verify(accessToken)).resolves.toBeDefined()
  await expect(auth.accounts.changePassword(principal.user, change, null)).rejects.toThrow('is wrong')
})

test('a ticket opens once, within 30 seconds, and not after its login ended', async () => {
  const { auth, clock } = it
  const { accessToken } = await auth.logins.open(userId, DEVICE)
  const authenticated = await auth.verify(accessToken)
  const { ticket, expiresAt } = await auth.openTicket(authenticated)
  expect(expiresAt - clock.now()).toBe(30_000)
  expect(await auth.redeemTicket(ticket)).toEqual(authenticated)
  await expect(auth.redeemTicket(ticket)).rejects.toThrow('not valid')

  const late = await auth.openTicket(authenticated)
  clock.pass(30_000)
  await expect(auth.redeemTicket(late.ticket)).rejects.toThrow('not valid')

  const revoked = await auth.openTicket(authenticated)
  await auth.logins.end(loginOf(authenticated.principal))
  await expect(auth.redeemTicket(revoked.ticket)).rejects.toThrow('not valid')
})

function loginOf({ user, sessionId }: Principal): Login {
  return { userId: user.id, sessionId: sessionId ?? '' }
}
