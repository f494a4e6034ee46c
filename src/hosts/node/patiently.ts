import { setTimeout as sleep } from 'node:timers/promises'
import { pauseAfter } from '../../client/backoff.ts'
import { type ParleyError, toParleyError } from '../../client/error.ts'

/** With the pauses of the client's backoff, some minutes. */
const MOST_TRIES = 20

/**
 * patiently asks until it is answered: what a service that restarts or limits rates did not do, it is asked again,
 * and not before it says. Rejects with a refusal that is final, or with the last one when nothing helps.
 */
export async function patiently<T>(
  ask: () => Promise<T>,
  onWait: (error: ParleyError) => void = () => {},
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask()
    } catch (thrown) {
      const error = toParleyError(thrown)
      if (!error.retryable || tries === MOST_TRIES) throw error
      onWait(error)
      await sleep(pauseAfter(error, tries, Math.random))
    }
  }
}
