import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { keepSettings } from '../../db/pooled-role.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PROCESS = fileURLToPath(new URL('./wrangler-process.ts', import.meta.url))
/** What is kept of what it says, for the report of a start that failed. */
const OUTPUT_KEPT = 4_000

export interface WorkerdOptions extends Omit<WranglerOptions, 'config' | 'databases'> {
  /** Postgres by TCP: `postgres://user:password@host:port/database`. */
  readonly databaseUrl: string
}

export interface WranglerOptions {
  /** Which file says what runs: `wrangler.toml`. */
  readonly config: string
  /** Addresses of databases by the names of their bindings. */
  readonly databases: Readonly<Record<string, string>>
  /** 0 takes a free one. */
  readonly port: number
  /** Where objects keep what they store. */
  readonly folder: string
  /** Variables and secrets over those of the file. */
  readonly settings: Readonly<Record<string, string>>
  readonly onOutput?: (line: string) => void
}

/** Workerd is the Cloudflare host on this machine: the platform's own runtime, under `wrangler dev`, without a network. */
export interface Workerd {
  readonly url: string
  /** Of the process that leads the group of all of them. */
  readonly pid: number
  /** Resolves when it and all that it started have ended. SIGKILL is a crash: both are killed at once. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** startWorkerd readies the role of the database, and resolves when it serves; rejects with what it said when it ends before. */
export async function startWorkerd({ databaseUrl, ...options }: WorkerdOptions): Promise<Workerd> {
  await keepSettings(databaseUrl)
  return startWrangler({ ...options, config: 'wrangler.toml', databases: { POSTGRES: databaseUrl } })
}

/** startWrangler runs what a file describes, and resolves when it serves. */
export async function startWrangler({ onOutput, ...options }: WranglerOptions): Promise<Workerd> {
  const child = run(options.databases)
  let output = ''
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue
    createInterface({ input: stream }).on('line', (line) => {
      output = `${output}${line}\n`.slice(-OUTPUT_KEPT)
      onOutput?.(line)
    })
  }
  child.send(options)
  const url = await new Promise<string>((resolve, reject) => {
    child.once('message', (served) => resolve(String(served)))
    void ended.then(() => reject(new Error(`wrangler ended\n${output}`)))
  })
  const endWithThis = () => kill(child, 'SIGKILL')
  process.once('exit', endWithThis)
  return {
    url,
    pid: child.pid ?? 0,
    async end(signal) {
      process.off('exit', endWithThis)
      kill(child, signal)
      await ended
    },
  }
}

/** In a process group of its own: wrangler that is killed alone leaves the runtime behind. */
function run(databases: WranglerOptions['databases']): ChildProcess {
  return fork(PROCESS, {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: toEnvironment(databases),
  })
}

/** toEnvironment is what wrangler needs to find the databases, to stay on this machine, and to do nothing else. */
export function toEnvironment(databases: WranglerOptions['databases']): NodeJS.ProcessEnv {
  const local = Object.entries(databases).map(([binding, url]) => [
    `CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_${binding}`,
    url,
  ])
  return {
    ...process.env,
    PATH: `${ROOT}node_modules/.bin:${process.env.PATH}`,
    CI: '1',
    WRANGLER_SEND_METRICS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    // Both write every call and frame into a database, which takes more time than the service itself.
    X_LOCAL_OBSERVABILITY: 'false',
    X_LOCAL_EXPLORER: 'false',
    ...Object.fromEntries(local),
  }
}

function kill({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // It has ended already.
  }
}
