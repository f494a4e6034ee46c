import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { type Server, startServer } from '../support/server.ts'

let database: TestDatabase
const servers: Server[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  await database.query('drop schema public cascade; drop schema drizzle cascade; create schema public')
})

afterAll(async () => {
  for (const server of servers) await server.stop()
  await database?.drop()
})

test('instances that start at once on an empty database migrate it once, and all of them serve', async () => {
  const databaseUrl = database.url
  servers.push(...(await Promise.all(Array.from({ length: 3 }, () => startServer({ databaseUrl })))))
  for (const { url } of servers) {
    expect((await fetch(`${url}/health/ready`)).status).toBe(200)
  }
  const { rows } = await database.query('select count(*)::int as logs from history_log')
  expect(rows).toEqual([{ logs: 1 }])
  const done = await database.query(
    'select count(*) - count(distinct hash) as doubles from drizzle.__drizzle_migrations',
  )
  expect(Number(done.rows[0].doubles)).toBe(0)
})
