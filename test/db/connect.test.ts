import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, UnfitDatabaseError } from '../../src/db/connect.ts'
import { migrate } from '../../src/db/migrate.ts'
import { keepSettings } from '../../src/db/pooled-role.ts'
import { createTestPglite, type TestPglite } from '../support/pglite.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

const onFault = () => {}

describe('connect, on Postgres', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  test('bounds every statement, lock and idle transaction', async () => {
    const db = await connect({ url: database.url, onFault })
    const { rows } = await db.pool.query(
      `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
              current_setting('idle_in_transaction_session_timeout') as idle`,
    )
    expect(rows).toEqual([{ statement: '5s', lock: '3s', idle: '2s' }])
    await db.close()
  })

  test('bounds them by the deadline of a commit', async () => {
    const db = await connect({ url: database.url, deadline: 4_000, onFault })
    const settings = `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock`
    expect((await db.pool.query(settings)).rows).toEqual([{ statement: '10s', lock: '6s' }])
    expect((await db.commits.query(settings)).rows).toEqual([{ statement: '4s', lock: '6s' }])
    await db.close()
  })

  test('has a role keep what a pooler would not pass on', async () => {
    await keepSettings(database.url)
    const db = await connect({ url: database.url, isPooled: true, onFault })
    const { rows } = await db.pool.query(
      `select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
              current_setting('idle_in_transaction_session_timeout') as idle,
              current_setting('enable_seqscan') as scans, current_setting('jit') as jit`,
    )
    expect(rows).toEqual([{ statement: '5s', lock: '3s', idle: '2s', scans: 'off', jit: 'off' }])
    await db.close()
  })

  test('reads a bigint as a number, by the driver and by drizzle', async () => {
    const db = await connect({ url: database.url, onFault })
    expect((await db.pool.query('select 41::bigint as seq')).rows).toEqual([{ seq: 41 }])
    expect((await db.orm.execute('select count(*) as seq from chats')).rows).toEqual([{ seq: 0 }])
    await db.close()
  })

  test('counts the connections that it may open, and those that there are', async () => {
    const db = await connect({ url: database.url, poolSize: 20, onFault })
    const { rows } = await database.query(`
      select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as usable`)
    expect(db.connections).toEqual({ needed: 22, available: rows[0].usable })
    await db.close()
  })

  test('refuses a server that has too few connections for this one instance', async () => {
    await expect(connect({ url: database.url, poolSize: 500, onFault })).rejects.toThrow(
      /^DATABASE_POOL and 2 for commits are 502 connections, and Postgres has \d+ for this role: lower/,
    )
    const name = new URL(database.url).pathname.slice(1)
    await database.query(`alter database ${name} connection limit 11`)
    await expect(connect({ url: database.url, poolSize: 10, onFault })).rejects.toThrow(
      'has 11 for this role',
    )
    await database.query(`alter database ${name} connection limit -1`)
  })

  test('refuses a database that would acknowledge what it has not flushed', async () => {
    await database.query(
      `alter database ${new URL(database.url).pathname.slice(1)} set synchronous_commit = off`,
    )
    await expect(connect({ url: database.url, onFault })).rejects.toThrow(
      new UnfitDatabaseError(
        'synchronous_commit is off: acknowledged messages could be lost. Turn it on for this database and user',
      ),
    )
  })

  test('rejects when there is no server', async () => {
    await expect(connect({ url: 'postgres://nobody@%2Fnowhere/none', onFault })).rejects.toThrow('ENOENT')
  })
})

test('instances that migrate at once wait for each other', async () => {
  const database = await createTestDatabase()
  await database.query('drop schema public cascade; drop schema drizzle cascade; create schema public')
  await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)])
  expect((await database.query('select count(*)::int as logs from history_log')).rows).toEqual([{ logs: 1 }])
  await database.drop()
})

describe('connect, on PGlite', () => {
  let pglite: TestPglite
  beforeAll(async () => {
    pglite = await createTestPglite()
  })
  afterAll(() => pglite.remove())

  test('accepts that it has no fsync', async () => {
    const db = await connect({ url: pglite.url, isEmbedded: true, onFault })
    expect((await db.pool.query('select count(*) from messages')).rows).toEqual([{ count: 0 }])
    await db.close()
  })
})
