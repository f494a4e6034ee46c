import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, startChild } from '../../src/hosts/node/child.ts'
import { COMMIT_DEADLINE_SECONDS } from '../support/patience.ts'
import { askShared } from './postgres.ts'

export interface ServerOptions {
  /** Real Postgres; the embedded database when left out. */
  readonly databaseUrl?: string
  /** Settings over those of the tests; empty ones count as left out. */
  readonly env?: Readonly<Record<string, string>>
  /** Begin with an empty folder instead of a migrated one: slower, as for a newcomer. */
  readonly isNew?: boolean
  /** Hears every line that the service logs. */
  readonly onLine?: (line: string) => void
}

/** Server is the real service in a process of its own, on a port and in a folder that nothing else uses. */
export interface Server {
  readonly url: string
  readonly env: Readonly<Record<string, string>>
  pid(): number
  /** SIGKILL, as a crash; resolves when the process has ended. */
  kill(): Promise<void>
  /** Starts it again, on the same port and folder, with other settings if given. One that still runs is stopped before. */
  restart(env?: Readonly<Record<string, string>>): Promise<void>
  /** Ends it, as an operator would, and removes its folder. */
  stop(): Promise<void>
}

/** startServer resolves when the service is ready. */
export async function startServer({
  databaseUrl,
  env = {},
  isNew = false,
  onLine,
}: ServerOptions = {}): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-server-'))
  if (databaseUrl === undefined && !isNew) cpSync(await askShared('/pglite'), folder, { recursive: true })
  const settings: Record<string, string> = {
    NODE_ENV: 'test',
    HOST: '127.0.0.1',
    PORT: '0',
    DATA_DIR: folder,
    DATABASE_URL: databaseUrl ?? '',
    POSTGRES_HOST: '',
    LOG_LEVEL: 'error',
    RATE_LIMITS: 'off',
    DRAIN_SECONDS: '0',
    COMMIT_DEADLINE_SECONDS: String(COMMIT_DEADLINE_SECONDS),
    ...env,
  }
  let child: Child = await start()

  async function start(): Promise<Child> {
    const started = await startChild({ ...process.env, ...settings }, onLine)
    await started.ready
    settings.PORT = new URL(started.url).port
    return started
  }

  return {
    url: child.url,
    env: settings,
    pid: () => child.pid,
    async kill() {
      await child.end('SIGKILL')
    },
    async restart(other = {}) {
      await child.end('SIGTERM')
      Object.assign(settings, other)
      child = await start()
    },
    async stop() {
      await child.end('SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
