import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { findPort } from '../../src/hosts/node/faults/servers/port.ts'
import { freeze, thaw } from './freeze.ts'

const run = promisify(execFile)
const READER = 'reader'
const PASSWORD = 'reads-only'
const DATABASE = 'jarvis'

/** MariadbServer is a real MariaDB of one's own, on a free port, that logs every statement it gets. */
export interface MariadbServer {
  /** The settings of a user who may do nothing but SELECT. */
  readonly settings: Readonly<Record<string, string>>
  /** Where the one who may do anything, `root`, comes in without a password. */
  readonly socketPath: string
  /** Runs statements as the one who may do anything. */
  run(sql: string): Promise<void>
  /** Every statement that the reader has sent, and how: `Query`, `Prepare`, `Execute`, ... */
  readStatements(): { readonly command: string; readonly text: string }[]
  /** Takes no more connections and ends those there are; `freeze` leaves them open and answers nothing. */
  stop(): Promise<void>
  start(): Promise<void>
  freeze(): Promise<void>
  thaw(): void
  remove(): Promise<void>
}

/** Certificate is what a server shows: paths of PEM files. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

export async function createMariadbServer(certificate?: Certificate): Promise<MariadbServer> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-mariadb-'))
  const owner = userInfo().username
  const port = await findPort()
  const socket = join(folder, 'socket')
  const log = join(folder, 'general.log')
  const own = [`--datadir=${join(folder, 'data')}`, `--user=${owner}`]
  const install = ['--no-defaults', ...own, '--auth-root-authentication-method=normal', '--skip-test-db']
  await run('/usr/bin/mariadb-install-db', install)
  let server: ChildProcess | undefined

  async function start(): Promise<void> {
    const network = [
      `--port=${port}`,
      '--bind-address=127.0.0.1',
      `--socket=${socket}`,
      '--skip-name-resolve',
    ]
    const logged = ['--general-log=1', `--general-log-file=${log}`]
    const shown = certificate ? [`--ssl-cert=${certificate.cert}`, `--ssl-key=${certificate.key}`] : []
    const small = ['--innodb-buffer-pool-size=16M', '--innodb-log-file-size=4M', '--performance-schema=0']
    const settings = ['--no-defaults', ...own, ...network, ...shown, ...logged, ...small]
    server = spawn('/usr/sbin/mariadbd', settings, { stdio: ['ignore', 'ignore', 'pipe'] })
    await accepting(server)
  }

  async function asRoot(sql: string): Promise<void> {
    const connection = await createConnection({ socketPath: socket, user: 'root', multipleStatements: true })
    await connection.query(sql)
    await connection.end()
  }

  async function stop(): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server?.once('exit', resolve))
    server.kill('SIGKILL')
    await ended
  }

  const end = () => server?.kill('SIGKILL')
  process.once('exit', end)
  await start()
  await asRoot(`
    create database ${DATABASE};
    create user ${READER}@'127.0.0.1' identified by '${PASSWORD}';
    grant select on ${DATABASE}.* to ${READER}@'127.0.0.1';
  `)
  return {
    settings: {
      MYSQL_HOST: '127.0.0.1',
      MYSQL_PORT: String(port),
      MYSQL_DB: DATABASE,
      MYSQL_USER: READER,
      MYSQL_PASSWORD: PASSWORD,
    },
    socketPath: socket,
    run: (sql) => asRoot(`use ${DATABASE}; ${sql}`),
    readStatements: () => statementsOf(readFileSync(log, 'utf8')),
    stop,
    start,
    freeze: () => freeze(server?.pid ?? 0),
    thaw: () => thaw(server?.pid ?? 0),
    async remove() {
      await stop()
      process.off('exit', end)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Lines of the general log: a time or none, the connection's number, the command, the text. */
function statementsOf(log: string) {
  const readers = new Set<string>()
  return [...log.matchAll(/^(?:\d{6} [ \d:]{8})?\s+(\d+) (\w+)(?: stmt)?\t(.*)$/gm)].flatMap(
    ([, connection = '', command = '', text = '']) => {
      if (command === 'Connect' && text.startsWith(`${READER}@`)) readers.add(connection)
      return readers.has(connection) ? [{ command, text }] : []
    },
  )
}

function accepting(server: ChildProcess): Promise<void> {
  let log = ''
  return new Promise((resolve, reject) => {
    server.stderr?.on('data', (chunk) => {
      log = `${log}${chunk}`.slice(-4_000)
      if (/ready for connections/.test(log)) resolve()
    })
    server.once('exit', () => reject(new Error(`MariaDB ended:\n${log}`)))
  })
}
