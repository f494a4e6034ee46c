import { setTimeout as sleep } from 'node:timers/promises'

const PAUSE = 100

/** until asks again and again whether it is so, for so many milliseconds, and answers the last. */
export async function until(isSo: () => Promise<boolean> | boolean, within: number): Promise<boolean> {
  const deadline = performance.now() + within
  while (!(await isSo())) {
    if (performance.now() > deadline) return false
    await sleep(PAUSE)
  }
  return true
}
