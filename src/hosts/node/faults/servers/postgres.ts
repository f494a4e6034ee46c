import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'

const OLDEST_VERSION = 15
const NEED = `Postgres ${OLDEST_VERSION} or later is needed: install it (Debian: apt-get install postgresql)`
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const
const run = promisify(execFile)

/** PostgresServer is a real Postgres of one's own, with its durability as it comes, behind a unix socket. */
export interface PostgresServer {
  url(database: string): string
  /** Path of the unix socket that it listens on. */
  readonly socketPath: string
  /** The server's first process, the parent of all its others. */
  pid(): number | undefined
  /**
   * Ends every connection the hard way: `immediate` is a crash, followed by recovery on `start`. After `kill` the first
   * process is gone and the others end soon: until then, a start fails.
   */
  stop(mode?: keyof typeof SIGNALS): Promise<void>
  start(): Promise<void>
  /** Stops the server and removes its folder. */
  remove(): Promise<void>
}

/**
 * createPostgresServer finds Postgres 15 or later, makes a cluster in the temporary folder and starts it: an empty one,
 * or a standby that streams from the given primary. Throws one line that says what to install when there is none.
 */
export async function createPostgresServer(
  settings: Record<string, string> = {},
  primary?: PostgresServer,
): Promise<PostgresServer> {
  const binaries = findPostgres()
  if (binaries === undefined) throw new Error(NEED)
  const folder = mkdtempSync(join(tmpdir(), 'parley-postgres-'))
  const data = join(folder, 'data')
  const owner = serverUser()
  mkdirSync(data, { mode: 0o700 })
  if (owner) for (const path of [folder, data]) chownSync(path, owner.uid, owner.gid)
  const asOwner = { cwd: folder, ...owner }
  if (primary) {
    const copy = ['-D', data, '-R', '-X', 'stream', '-c', 'fast', '-d', primary.url('postgres')]
    await run(join(binaries, 'pg_basebackup'), copy, asOwner)
  } else {
    const empty = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale']
    await run(join(binaries, 'initdb'), empty, asOwner)
  }
  const args = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=300']
  for (const [name, value] of Object.entries(settings)) args.push('-c', `${name}=${value}`)
  let server: ChildProcess | undefined
  const url = (database: string) => `postgres://postgres@${encodeURIComponent(folder)}/${database}`
  const start = async () => {
    server = spawn(join(binaries, 'postgres'), args, { ...asOwner, stdio: ['ignore', 'ignore', 'pipe'] })
    await accepting(server, url('postgres'))
  }
  const stop = async (mode: keyof typeof SIGNALS = 'fast') => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server?.once('exit', resolve))
    server.kill(SIGNALS[mode])
    await ended
  }
  const end = () => server?.kill('SIGQUIT')
  const remove = async () => {
    await stop('immediate')
    process.off('exit', end)
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', end)
  await start()
  const socketPath = join(folder, '.s.PGSQL.5432')
  return { url, socketPath, pid: () => server?.pid, start, stop, remove }
}

/** findPostgres is the folder of Postgres's programs, if there is one on this machine. */
export function findPostgres(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian) : []
  const folders = [
    ...versions.sort((a, b) => Number(a) - Number(b)).map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ]
  return folders.find((folder) => versionOf(folder) >= OLDEST_VERSION && existsSync(join(folder, 'initdb')))
}

function versionOf(folder: string): number {
  const path = join(folder, 'postgres')
  if (!existsSync(path)) return 0
  return Number(/\d+/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[0])
}

/** Postgres refuses to run as root. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const idOf = (flag: string, user: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: idOf('-u', user), gid: idOf('-g', user) }
    } catch {
      // No such user here.
    }
  }
  throw new Error('This runs as root and finds no other user to run Postgres as: add a user "postgres"')
}

/** Resolves when the server takes connections; rejects with what it said when it ends before. */
async function accepting(server: ChildProcess, url: string): Promise<void> {
  let log = ''
  server.stderr?.on('data', (chunk) => {
    log = `${log}${chunk}`.slice(-4_000)
    if (/ready to accept (read-only )?connections/.test(log)) server.emit('accepting')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('accepting', resolve)
    server.once('exit', () => reject(new Error(`Postgres ended:\n${log}`)))
  })
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.end()
}
