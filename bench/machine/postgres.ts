import { execFileSync } from 'node:child_process'
import { chownSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { type Child, findPort, startChild } from './child.ts'

export interface Postgres extends Child {
  /** Makes an empty database and answers its URL; the one of the run before goes. */
  createDatabase(): Promise<string>
}

/** startPostgres runs a private Postgres with its default durability in a folder that goes with it. */
export async function startPostgres(): Promise<Postgres> {
  const programs = findPrograms()
  const owner = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {}
  const folder = mkdtempSync(join(tmpdir(), 'bench-postgres-'))
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid)
  execFileSync(
    join(programs, 'initdb'),
    ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'],
    { ...owner, cwd: folder, stdio: 'ignore' },
  )
  const port = await findPort()
  const url = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`]
  const child = await startChild(
    join(programs, 'postgres'),
    // The classic server's documents ask for pools of up to 100 connections.
    ['-D', folder, ...[...settings, 'max_connections=200'].flatMap((setting) => ['-c', setting])],
    {
      ...owner,
      cwd: folder,
      signal: 'SIGINT',
      isReady: () => run(url('postgres'), 'select 1').then(() => true),
    },
  )
  return {
    pid: child.pid,
    async createDatabase() {
      await run(url('postgres'), 'drop database if exists bench with (force)')
      await run(url('postgres'), 'create database bench')
      await run(url('postgres'), 'checkpoint')
      return url('bench')
    },
    async stop() {
      await child.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

/** run sends one text of SQL, of one statement with values or of several without, over a connection of its own. */
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

function findPrograms(): string {
  const [newest] = globSync('/usr/lib/postgresql/*/bin/initdb').sort().reverse()
  if (newest === undefined) throw new Error('Postgres is missing: apt-get install postgresql')
  return dirname(newest)
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
}
