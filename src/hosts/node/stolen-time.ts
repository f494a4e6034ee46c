import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The kernel counts processor time in hundredths of a second (USER_HZ), on every Linux. */
export const MICROSECONDS_PER_TICK = 10_000

/**
 * stolenTime tells the processor time that a virtual machine wanted since it started and its host gave to others, in
 * microseconds; 0 where there is no Linux to say so.
 */
export function stolenTime(): number {
  // The first line sums up all processors; the eighth number is steal: proc(5).
  const [line = ''] = readStat().split('\n')
  return Number(line.split(/\s+/)[8] ?? 0) * MICROSECONDS_PER_TICK
}

/** watchStolen begins now; the result tells which share of all processors has been stolen since. */
export function watchStolen(): () => number {
  const [stolen, begin] = [stolenTime(), performance.now()]
  return () => {
    const passed = (performance.now() - begin) * 1_000 * availableParallelism()
    return passed > 0 ? (stolenTime() - stolen) / passed : 0
  }
}

function readStat(): string {
  try {
    return readFileSync('/proc/stat', 'utf8')
  } catch {
    return ''
  }
}
