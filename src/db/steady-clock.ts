import type { Clock } from '../rooms/ports.ts'

/** steadyClock is for waiting and for what lasts: not the wall clock, which may be set. */
export const steadyClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
}
