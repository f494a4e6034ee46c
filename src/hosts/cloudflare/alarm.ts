import type { Clock } from '../../rooms/ports.ts'

/** Alarms come at multiples of this, so that what is due at nearly the same time wakes an object once. */
const STEP = 5_000

/** An alarm waits this long for what it woke: whoever is not there by then gets a heartbeat from the next one. */
const WAIT = 1_000

/**
 * createAlarm plans the one alarm of an object: at the first of the times that are asked for, or less than 5 s after it.
 * Without a time it leaves what is planned.
 */
export function createAlarm(storage: DurableObjectStorage, clock: Clock) {
  return async (at: number | undefined): Promise<void> => {
    if (at === undefined) return
    const planned = await storage.getAlarm()
    const wanted = Math.ceil(Math.max(at, clock.now()) / STEP) * STEP
    if (planned === null || planned > wanted) await storage.setAlarm(wanted)
  }
}

/** ready resolves when the promise does, or in a second. */
export async function ready(promise: Promise<void>, clock: Clock): Promise<void> {
  let cancel = () => {}
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(WAIT, resolve)
  })
  await Promise.race([promise, late])
  cancel()
}
