import pg from 'pg'
import { createPostgresServer } from '../../test/support/postgres-server.ts'

export interface Postgres {
  readonly pid: number
  /** Makes an empty database and answers its URL; the one of the run before goes. */
  createDatabase(): Promise<string>
  stop(): Promise<void>
}

/** startPostgres runs a private Postgres with its default durability in a folder that goes with it. */
export async function startPostgres(): Promise<Postgres> {
  const server = await createPostgresServer()
  const admin = server.url('postgres')
  return {
    pid: server.pid() ?? 0,
    async createDatabase() {
      await run(admin, 'drop database if exists bench with (force)')
      await run(admin, 'create database bench')
      await run(admin, 'checkpoint')
      return server.url('bench')
    },
    stop: () => server.remove(),
  }
}

/** run sends one statement with values, or several without, over a connection of its own. */
export async function run(
  url: string,
  sql: string,
  values?: readonly unknown[],
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql, values && [...values])).rows
  } finally {
    await client.end()
  }
}
