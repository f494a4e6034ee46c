import pg from 'pg'
import { createPostgresServer } from '../../src/hosts/node/faults/servers/postgres.ts'

export interface Postgres {
  readonly pid: number
  /** Makes an empty database and answers its URL; the one of the run before goes. */
  createDatabase(): Promise<string>
  /** What took Postgres longest in the database of now, where statements are counted. */
  listStatements(): Promise<Record<string, unknown>[]>
  stop(): Promise<void>
}

/** startPostgres runs a private Postgres with its default durability in a folder that goes with it. */
export async function startPostgres({ countsStatements = false } = {}): Promise<Postgres> {
  const server = await createPostgresServer(
    countsStatements ? { shared_preload_libraries: 'pg_stat_statements' } : {},
  )
  const admin = server.url('postgres')
  return {
    pid: server.pid() ?? 0,
    async createDatabase() {
      await run(admin, 'drop database if exists bench with (force)')
      await run(admin, 'create database bench')
      if (countsStatements) await run(server.url('bench'), 'create extension pg_stat_statements')
      await run(admin, 'checkpoint')
      return server.url('bench')
    },
    listStatements: () => run(server.url('bench'), STATEMENTS),
    stop: () => server.remove(),
  }
}

const STATEMENTS = `
select calls, round(total_exec_time::numeric) as "ms in all", round(mean_exec_time::numeric, 3) as "ms each", rows,
  left(regexp_replace(query, '\\s+', ' ', 'g'), 60) as statement
from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())
order by total_exec_time desc limit 8`

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
