import type { Clock } from '../../src/rooms/ports.ts'

/** TestClock stands still until it is moved; what waits for a time runs when that is reached. */
export interface TestClock extends Clock {
  pass(milliseconds: number): void
}

export function createTestClock(start = Date.UTC(2026, 0, 1)): TestClock {
  let now = start
  const waiting = new Set<{ at: number; run: () => void }>()
  return {
    now: () => now,
    after(milliseconds, run) {
      const timer = { at: now + milliseconds, run }
      waiting.add(timer)
      return () => waiting.delete(timer)
    },
    pass(milliseconds) {
      now += milliseconds
      for (const timer of [...waiting].sort((a, b) => a.at - b.at)) {
        if (timer.at > now || !waiting.delete(timer)) continue
        timer.run()
      }
    },
  }
}
