import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'

/**
 * freeze stops a process and its children, and resolves when none of their threads runs: what was signalled alone may
 * still finish an answer.
 */
export async function freeze(pid: number): Promise<void> {
  signalAll(pid, 'SIGSTOP')
  await expect.poll(() => familyOf(pid).flatMap(statesOf), { interval: 1 }).not.toContainEqual(RUNNING)
}

/** thaw has a process and its children go on. */
export function thaw(pid: number): void {
  signalAll(pid, 'SIGCONT')
}

/** Of a thread, whatever is neither stopped nor dead. */
const RUNNING = expect.stringMatching(/^[^TtZX]$/)

function signalAll(pid: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
  for (const member of familyOf(pid)) ifThere(() => process.kill(member, signal))
}

function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').match(/\d+/g) ?? []
  return [pid, ...children.map(Number)]
}

function statesOf(pid: number): string[] {
  const threads = ifThere(() => readdirSync(`/proc/${pid}/task`)) ?? []
  return threads.flatMap((thread) => {
    const status = ifThere(() => readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))
    return /^State:\s+(\w)/m.exec(status ?? '')?.[1] ?? []
  })
}

/** Children and threads come and go. */
function ifThere<T>(act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'ENOENT') throw error
    return undefined
  }
}
