import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('./cli.ts', import.meta.url))
/** What is kept of the standard error, for the report of a start that failed. */
const OUTPUT_KEPT = 4_000

/** Child is the service as a process of its own, `parley start`. It ends with the process that started it. */
export interface Child {
  readonly pid: number
  readonly url: string
  /** Resolves when it serves; rejects with what it said when it ends before. */
  readonly ready: Promise<void>
  /** Resolves with how it ended: a signal, or an exit code. */
  readonly ended: Promise<string>
  /** Sends the signal and resolves when the process has ended. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<string>
}

/**
 * startChild runs `parley start` with these settings, and resolves when it listens. It is in a process group of its
 * own, so that Ctrl-C in a terminal is for the parent alone to act on. `onLine` hears every line that it logs.
 */
export async function startChild(env: NodeJS.ProcessEnv, onLine?: (line: string) => void): Promise<Child> {
  const child = fork(CLI, ['start'], {
    env,
    execArgv: [],
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  child.stderr?.on('data', (chunk) => {
    output = `${output}${chunk}`.slice(-OUTPUT_KEPT)
  })
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })
  const tooSoon = ended.then((how) =>
    Promise.reject(new Error(`The service ended (${how})\n${output}`.trim())),
  )
  // Whoever does not wait for the lines any more hears of the end by `ended`.
  tooSoon.catch(() => {})
  const lines = listen(child, onLine)
  const url = await Promise.race([lines.url, tooSoon])
  return {
    pid: child.pid ?? 0,
    url,
    ready: Promise.race([lines.ready, tooSoon]),
    ended,
    end(signal) {
      child.kill(signal)
      return ended
    },
  }
}

/** The two lines by which the service tells how far it is; between and after them it may log. */
function listen(
  { stdout }: ChildProcess,
  onLine?: (line: string) => void,
): { readonly url: Promise<string>; readonly ready: Promise<void> } {
  const url = Promise.withResolvers<string>()
  const ready = Promise.withResolvers<void>()
  if (stdout) {
    createInterface({ input: stdout }).on('line', (line) => {
      const address = /^Parley listens on (\S+)/.exec(line)?.[1]
      if (address !== undefined) url.resolve(address)
      else if (line.startsWith('Ready')) ready.resolve()
      onLine?.(line)
    })
  }
  return { url: url.promise, ready: ready.promise }
}
