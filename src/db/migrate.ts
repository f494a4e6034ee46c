import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate as runMigrations } from 'drizzle-orm/node-postgres/migrator'
import pg from 'pg'

const FOLDER = decodeURIComponent(new URL('./migrations', import.meta.url).pathname)
/** Milliseconds for an attempt to connect: nobody waits for a start as for an answer. */
export const CONNECT_TIMEOUT = 10_000
/** Any number, the same in every instance: "parley" as ASCII. */
const LOCK = '123563833845113'

/**
 * migrate brings the schema up to date. Instances that start together wait for each other, and each finds the work
 * of the first. All of it happens, or nothing.
 */
export async function migrate(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT })
  await client.connect()
  try {
    await client.query(`select pg_advisory_lock(${LOCK})`)
    await runMigrations(drizzle(client, { casing: 'snake_case' }), { migrationsFolder: FOLDER })
    await client.query(`select pg_advisory_unlock(${LOCK})`)
  } finally {
    await client.end()
  }
}
