import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

/** How long a server may take to be ready, and to leave when asked, in milliseconds. */
const PATIENCE = 30_000
const OUTPUT_KEPT = 4_000

/** Child is a server that this run started. It never outlives the run. */
export interface Child {
  readonly pid: number
  /** Asks it to leave and waits until it has. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface ChildOptions extends Pick<SpawnOptions, 'env' | 'cwd' | 'uid' | 'gid'> {
  /** Whether it can be used by now; asked until it says so. */
  readonly isReady: () => Promise<boolean>
  readonly signal?: NodeJS.Signals
}

const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

/** startChild runs a program and resolves once it is ready; rejects with its output when it ends before. */
export async function startChild(
  command: string,
  args: readonly string[],
  { isReady, signal = 'SIGTERM', ...options }: ChildOptions,
): Promise<Child> {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  alive.add(child)
  let output = ''
  const keep = (text: Buffer) => {
    output = (output + text).slice(-OUTPUT_KEPT)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      output += error.message
      resolve()
    })
    child.once('exit', resolve)
  }).finally(() => alive.delete(child))

  const deadline = Date.now() + PATIENCE
  while (!(await isReady().catch(() => false))) {
    const hasEnded = await Promise.race([ended.then(() => true), sleep(10)])
    if (hasEnded || Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`${command} did not become ready:\n${output}`)
    }
  }
  return {
    pid: child.pid ?? 0,
    async stop(by = signal) {
      child.kill(by)
      const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
      await ended
      clearTimeout(late)
    },
  }
}
