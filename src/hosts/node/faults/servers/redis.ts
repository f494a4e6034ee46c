import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { findPort } from './port.ts'

const NEED = 'Redis 7 or later is needed: install it (Debian: apt-get install redis-server)'

/** RedisServer is a real Redis of one's own, on a free port of the loopback, that keeps nothing on disk. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  pid(): number | undefined
  /** Ends it the hard way: SIGKILL. */
  stop(): Promise<void>
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>
  /** Stops it and removes its folder. */
  remove(): Promise<void>
}

/** createRedisServer finds Redis and starts it. Throws one line that says what to install when there is none. */
export async function createRedisServer(settings: Record<string, string> = {}): Promise<RedisServer> {
  const binary = findRedis()
  if (binary === undefined) throw new Error(NEED)
  const folder = mkdtempSync(join(tmpdir(), 'parley-redis-'))
  const port = await findPort()
  const given = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...given]
  let server: ChildProcess | undefined
  const start = async () => {
    server = spawn(binary, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    await accepting(server)
  }
  const stop = async () => {
    if (!server || server.exitCode !== null || server.signalCode !== null) return
    const ended = new Promise((resolve) => server?.once('exit', resolve))
    server.kill('SIGKILL')
    await ended
  }
  const end = () => server?.kill('SIGKILL')
  process.once('exit', end)
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: () => server?.pid,
    stop,
    start,
    async remove() {
      await stop()
      process.off('exit', end)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** findRedis is the path of Redis on this machine, if it is there. */
export function findRedis(): string | undefined {
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, 'redis-server')).find((path) => existsSync(path))
}

/** Resolves when the server takes connections; rejects with what it said when it ends before. */
function accepting(server: ChildProcess): Promise<void> {
  let log = ''
  return new Promise((resolve, reject) => {
    server.stdout?.on('data', (chunk) => {
      log = `${log}${chunk}`.slice(-4_000)
      if (/[Rr]eady to accept connections/.test(log)) resolve()
    })
    server.once('exit', () => reject(new Error(`Redis ended:\n${log}`)))
  })
}
