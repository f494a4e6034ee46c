import type { Clock } from '../../rooms/ports.ts'

/** Alarms come at multiples of this, so that what is due at nearly the same time wakes an object once. */
const STEP = 5_000

/** createAlarm plans the one alarm of an object: at the first of the times that are asked for, or less than 5 s after it. */
export function createAlarm(storage: DurableObjectStorage, clock: Clock) {
  return async (at: number): Promise<void> => {
    const planned = await storage.getAlarm()
    const wanted = Math.ceil(Math.max(at, clock.now()) / STEP) * STEP
    if (planned === null || planned > wanted) await storage.setAlarm(wanted)
  }
}
