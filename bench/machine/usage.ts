import { readdirSync, readFileSync } from 'node:fs'
import { MICROSECONDS_PER_TICK } from '../../src/hosts/node/stolen-time.ts'

/** cpuOf tells the processor time that a process and its children (ended ones too) have used, in microseconds. */
export function cpuOf(pid: number): number {
  const own = readStat(pid)
  if (!own) return 0
  const living = childrenOf(pid).map((child) => readStat(child)?.own ?? 0)
  return (own.own + own.endedChildren + living.reduce((sum, ticks) => sum + ticks, 0)) * MICROSECONDS_PER_TICK
}

/** rssOf tells what of a process's memory is resident, in bytes. */
export function rssOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes ?? 0) * 1_024
}

/** inGroup lists the processes of a process group that run this program. */
export function inGroup(leader: number, program: string): number[] {
  return listProcesses().filter((pid) => {
    const stat = readStat(pid)
    return stat?.group === leader && stat.program === program
  })
}

interface Stat {
  readonly own: number
  readonly endedChildren: number
  readonly parent: number
  readonly group: number
  readonly program: string
}

function readStat(pid: number): Stat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The second field is the program's name in parentheses and may hold spaces: proc(5).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [parent = 0, group = 0, user = 0, system = 0, endedUser = 0, endedSystem = 0] = [
    1, 2, 11, 12, 13, 14,
  ].map((index) => Number(fields[index]))
  return {
    own: user + system,
    endedChildren: endedUser + endedSystem,
    parent,
    group,
    program: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')),
  }
}

function childrenOf(pid: number): number[] {
  return listProcesses().filter((other) => readStat(other)?.parent === pid)
}

function listProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}
