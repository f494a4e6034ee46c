import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type Database } from '../../src/db/connect.ts'
import { RefusalError } from '../../src/protocol/errors.ts'
import { createTestAuth, PASSWORD, type TestAuth } from '../support/auth.ts'
import { COMMIT_DEADLINE_SECONDS } from '../support/patience.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let db: Database
let it: TestAuth

beforeAll(async () => {
  database = await createTestDatabase()
  db = await connect({ url: database.url, deadline: COMMIT_DEADLINE_SECONDS * 1_000, onFault() {} })
  it = await createTestAuth(db)
})

afterAll(async () => {
  await db.close()
  await database.drop()
})

/** Nobody's address, so that tests do not use up each other's attempts. */
const NOWHERE = null

async function refusalOf(run: Promise<unknown>): Promise<string> {
  try {
    await run
  } catch (error) {
    if (error instanceof RefusalError) return error.refusal.code
    throw error
  }
  return 'none'
}

test('who registers can log in, whatever the case of the name', async () => {
  const account = await it.auth.accounts.register({ username: 'Ada', password: PASSWORD })
  expect(account).toMatchObject({ username: 'Ada', displayName: 'Ada', type: 'member' })
  const found = await it.auth.accounts.logIn({ username: 'aDA', password: PASSWORD }, NOWHERE)
  expect(found.id).toBe(account.id)
  expect(found).not.toHaveProperty('passwordHash')
})

test('a name that differs only by case is taken, also when two ask for it at once', async () => {
  const { accounts } = it.auth
  const outcomes = await Promise.all(
    ['grace', 'GRACE', 'Grace'].map((username) =>
      refusalOf(accounts.register({ username, password: PASSWORD })),
    ),
  )
  expect(outcomes.sort()).toEqual(['CONFLICT', 'CONFLICT', 'none'])
})

test('the password is stored as bcrypt, never as it is', async () => {
  const account = await it.auth.accounts.register({ username: 'hedy', password: PASSWORD })
  const { rows } = await database.query('select * from users where id = $1', [account.id])
  expect(rows[0].password_hash).toMatch(/^\$2[aby]\$04\$/)
  expect(JSON.stringify(rows)).not.toContain(PASSWORD)
})

test('an unknown user and a wrong password get the same answer after the same work', async () => {
  const { auth, compared } = it
  await auth.accounts.register({ username: 'lise', password: PASSWORD })
  compared.length = 0
  const wrong = await auth.accounts
    .logIn({ username: 'lise', password: 'x' }, NOWHERE)
    .catch((e: unknown) => e)
  const unknown = await auth.accounts
    .logIn({ username: 'nobody', password: 'x' }, NOWHERE)
    .catch((e: unknown) => e)
  expect(wrong).toEqual(unknown)
  expect(compared).toHaveLength(2)
  expect(compared.map((hash) => hash.slice(0, 7))).toEqual(['$2b$04$', '$2b$04$'])
})

test('a disabled user cannot log in', async () => {
  const account = await it.auth.accounts.register({ username: 'gone', password: PASSWORD })
  await database.query('update users set disabled_at = now() where id = $1', [account.id])
  expect(await refusalOf(it.auth.accounts.logIn({ username: 'gone', password: PASSWORD }, NOWHERE))).toBe(
    'UNAUTHORIZED',
  )
})

test('a password that only begins like the right one is wrong, where bcrypt would cut it', async () => {
  const password = `Aa1-${'x'.repeat(68)}`
  await it.auth.accounts.register({ username: 'long', password })
  const longer = { username: 'long', password: `${password}y` }
  expect(await refusalOf(it.auth.accounts.logIn(longer, NOWHERE))).toBe('UNAUTHORIZED')
  expect(await refusalOf(it.auth.accounts.logIn({ username: 'long', password }, NOWHERE))).toBe('none')
})

test('five failures lock the account for everybody, successes do not count', async () => {
  const { accounts } = it.auth
  await accounts.register({ username: 'target', password: PASSWORD })
  const right = { username: 'target', password: PASSWORD }
  for (let n = 0; n < 10; n += 1) await accounts.logIn(right, NOWHERE)
  const guesses = Array.from({ length: 8 }, () =>
    refusalOf(accounts.logIn({ username: 'TARGET', password: 'guess' }, NOWHERE)),
  )
  const outcomes = await Promise.all(guesses)
  expect(outcomes.filter((code) => code === 'UNAUTHORIZED')).toHaveLength(5)
  expect(outcomes.filter((code) => code === 'RATE_LIMIT_EXCEEDED')).toHaveLength(3)
  expect(await refusalOf(accounts.logIn(right, NOWHERE))).toBe('RATE_LIMIT_EXCEEDED')
})

test('five failures from one address lock that address, over all names', async () => {
  const { accounts } = it.auth
  for (let n = 0; n < 5; n += 1) {
    await refusalOf(accounts.logIn({ username: `guess${n}`, password: 'x' }, '192.0.2.7'))
  }
  const late = accounts.logIn({ username: 'another', password: 'x' }, '192.0.2.7')
  await expect(late).rejects.toMatchObject({
    refusal: { code: 'RATE_LIMIT_EXCEEDED', message: 'Too many login attempts', retryAfter: 900 },
  })
})
