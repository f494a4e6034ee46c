import type { Clock } from '../../rooms/ports.ts'

/** Patience gives up what is not settled in time: the fallback stands for it. */
export type Patience = <T>(asked: Promise<T>, fallback: T) => Promise<T>

/**
 * createPatience waits so many milliseconds for each, by one timer for all of them: here each timer is a pass of the
 * runtime's loop. Only an object may do so, as the timers of a request end with it.
 */
export function createPatience(clock: Clock, milliseconds: number): Patience {
  /** In the order of their ends. */
  const waiting = new Set<{ readonly endsAt: number; readonly giveUp: () => void }>()
  let isLooking = false

  function look(): void {
    isLooking = false
    const now = clock.now()
    for (const it of waiting) {
      if (it.endsAt > now) break
      waiting.delete(it)
      it.giveUp()
    }
    const [next] = waiting
    if (next) lookIn(next.endsAt - now)
  }

  function lookIn(milliseconds: number): void {
    isLooking = true
    clock.after(milliseconds, look)
  }

  return (asked, fallback) =>
    new Promise((resolve, reject) => {
      const it = { endsAt: clock.now() + milliseconds, giveUp: () => resolve(fallback) }
      waiting.add(it)
      if (!isLooking) lookIn(milliseconds)
      asked.finally(() => waiting.delete(it)).then(resolve, reject)
    })
}

/** createPassingPatience has a timer for each. */
export function createPassingPatience(clock: Clock, milliseconds: number): Patience {
  return (asked, fallback) => createPatience(clock, milliseconds)(asked, fallback)
}
