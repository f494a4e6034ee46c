import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../src/hosts/node/cli.ts', import.meta.url))

/** Command is `parley` as somebody runs it, with what it has printed so far. */
export interface Command {
  /** Everything that it printed, in order. */
  readonly lines: readonly string[]
  /** The first line that matches, as soon as it is printed. Rejects when the command ends without it. */
  line(pattern: RegExp): Promise<RegExpExecArray>
  signal(signal: NodeJS.Signals): void
  /** The exit code, or null when a signal ended it. */
  readonly ended: Promise<number | null>
}

const running = new Set<ChildProcess>()

/** runCommand starts it with these arguments, not on a terminal. */
export function runCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): Command {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.add(child)
  const lines: string[] = []
  const watchers = new Set<() => void>()
  const watchAll = () => {
    for (const watch of watchers) watch()
  }
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line)
      watchAll()
    })
  }
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      running.delete(child)
      resolve(code)
      watchAll()
    })
  })

  function line(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      let next = 0
      const watch = () => {
        for (; next < lines.length; next += 1) {
          const found = pattern.exec(lines[next] ?? '')
          if (!found) continue
          watchers.delete(watch)
          resolve(found)
          return
        }
        if (!running.has(child)) reject(new Error(`No line like ${pattern} in:\n${lines.join('\n')}`))
      }
      watchers.add(watch)
      watch()
    })
  }

  return { lines, line, signal: (signal) => void child.kill(signal), ended }
}

/** endCommands ends what a failed test has left, as Ctrl-C would. */
export async function endCommands(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill('SIGINT')
      return ended
    }),
  )
}
