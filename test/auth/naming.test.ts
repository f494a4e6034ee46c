import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { DirectoryEntry, UserDirectory, Wanted } from '../../src/auth/ports.ts'
import { parseConfig } from '../../src/config.ts'
import { connect, type Database } from '../../src/db/connect.ts'
import { issuersOf } from '../../src/settings/issuers.ts'
import { createTestAuth, type TestAuth } from '../support/auth.ts'
import { COMMIT_DEADLINE_SECONDS } from '../support/patience.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

let database: TestDatabase
let db: Database
let asked: Wanted[]
let answer: () => Promise<DirectoryEntry | undefined>
let renamed: string[]
let faults: unknown[]
let it: TestAuth
let count = 0

const directory: UserDirectory = {
  find(wanted) {
    asked.push(wanted)
    return answer()
  },
}

beforeAll(async () => {
  database = await createTestDatabase()
  db = await connect({ url: database.url, deadline: COMMIT_DEADLINE_SECONDS * 1_000, onFault() {} })
})

afterAll(async () => {
  await db.close()
  await database.drop()
})

beforeEach(async () => {
  count += 1
  asked = []
  renamed = []
  faults = []
  answer = async () => ({ name: 'Dr. Grace Hopper', picture: 'https://cdn.example/grace.png' })
  it = await createInstance()
})

function createInstance(): Promise<TestAuth> {
  return createTestAuth(db, undefined, {
    issuers: issuersOf(parseConfig({ DJANGO_JWT_SECRET: DJANGO_SECRET })),
    directory,
    onRenamed: async (userId) => void renamed.push(userId),
    onFault: (error) => void faults.push(error),
  })
}

async function userOf(instance = it) {
  const token = await djangoToken(instance.clock.now(), { user_id: `dentist-${count}` })
  return (await instance.auth.verify(token)).principal.user
}

test('somebody new has the name that the directory knows with the first token', async () => {
  expect(await userOf()).toMatchObject({
    displayName: 'Dr. Grace Hopper',
    avatarUrl: 'https://cdn.example/grace.png',
  })
  expect(asked).toEqual([{ ...asked[0], issuer: 'django', subject: `dentist-${count}`, type: 'dentist' }])
  expect(renamed).toHaveLength(1)
})

test('a directory that is slow holds nobody up: a placeholder first, the name when it comes', async () => {
  let say = (_: DirectoryEntry) => {}
  answer = () =>
    new Promise((resolve) => {
      say = resolve
    })
  const first = userOf()
  await expect.poll(() => asked.length).toBe(1)
  it.clock.pass(500)
  const { id } = await first
  expect(await first).toMatchObject({ displayName: 'Dentist' })
  say({ name: 'Dr. Late', picture: null })
  await expect.poll(() => renamed).toEqual([id])
  await expect.poll(async () => (await userOf()).displayName).toBe('Dr. Late')
})

test('a directory that is away costs the name alone, and is asked again after a minute', async () => {
  answer = () => Promise.reject(new Error('away'))
  expect(await userOf()).toMatchObject({ displayName: 'Dentist' })
  expect(faults).toHaveLength(1)
  it.clock.pass(MINUTE - 1_000)
  await userOf()
  expect(asked).toHaveLength(1)
  answer = async () => ({ name: 'Dr. Back', picture: null })
  it.clock.pass(6_000)
  await userOf()
  await expect.poll(async () => (await userOf()).displayName).toBe('Dr. Back')
})

test('a name is good for an hour, and then asked for once by all instances together, with nobody waiting', async () => {
  await userOf()
  const other = await createInstance()
  await userOf(other)
  it.clock.pass(HOUR - MINUTE)
  await userOf()
  expect(asked).toHaveLength(1)
  let say = (_: DirectoryEntry) => {}
  answer = () =>
    new Promise((resolve) => {
      say = resolve
    })
  it.clock.pass(2 * MINUTE)
  other.clock.pass(HOUR + MINUTE)
  const [here, there] = await Promise.all([userOf(), userOf(other)])
  expect([here.displayName, there.displayName]).toEqual(['Dr. Grace Hopper', 'Dr. Grace Hopper'])
  await expect.poll(() => asked.length).toBe(2)
  say({ name: 'Dr. Grace Murray', picture: null })
  await expect.poll(() => renamed.length).toBe(2)
  // Whichever of the two asked: the other one sees it when what it remembers is 5 s old.
  for (const instance of [it, other]) {
    instance.clock.pass(5_001)
    expect(await userOf(instance)).toMatchObject({ displayName: 'Dr. Grace Murray', avatarUrl: null })
  }
  expect(asked).toHaveLength(2)
})

test.each<[string, unknown, string]>([
  ['nobody', undefined, 'Dentist'],
  ['a name that is null', { name: null, picture: null }, 'Dentist'],
  ['a name of spaces', { name: ' \n ', picture: null }, 'Dentist'],
  ['a name that cannot be stored', { name: 'a\0b', picture: null }, 'Dentist'],
  ['a name of 1,000 characters', { name: 'x'.repeat(1_000), picture: null }, 'x'.repeat(100)],
  ['a name with line breaks', { name: 'Grace\r\nHopper', picture: null }, 'Grace Hopper'],
  ['a picture that is a script', { name: 'Grace', picture: 'javascript:alert(1)' }, 'Grace'],
])('a directory that knows %s does no harm', async (_, entry, displayName) => {
  answer = async () => entry as DirectoryEntry | undefined
  expect(await userOf()).toMatchObject({ displayName, avatarUrl: null })
})

test('a name that the directory keeps is not one to choose', async () => {
  const { id } = await userOf()
  const { rows } = await database.query('select named_at from users where id = $1', [id])
  expect(rows[0].named_at).not.toBeNull()
})
