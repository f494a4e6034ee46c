import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * limitFiles makes the kernel refuse what a process and those that it started write beyond so many bytes of a file, as
 * on a disk without room; a disk of its own would need a mount, which not every machine allows. Linux only.
 */
export function limitFiles(pid: number, bytes: number | 'unlimited'): void {
  for (const process of [pid, ...childrenOf(pid)]) {
    execFileSync('prlimit', ['--pid', String(process), `--fsize=${bytes}:`])
  }
}

/** childrenOf lists the processes that a process has started and that are still there. Linux only. */
export function childrenOf(pid: number): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return all.filter((name) => parentOf(name) === pid).map(Number)
}

/** undefined when it has ended meanwhile. */
function parentOf(pid: string): number | undefined {
  try {
    // The name before it is in parentheses, and may hold anything.
    return Number(/^.*\) \w (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1])
  } catch {
    return undefined
  }
}
