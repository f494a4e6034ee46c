import type { Fault } from './fault.ts'
import { killOwners } from './instance-faults.ts'
import { flushAgain } from './redis-faults.ts'

/** Flush and kill is F1 and F7 at once, for a minute: whoever keeps sending sees no error that is not retried. */
export const flushAndKill: Fault = {
  id: 'F1+F7',
  title: 'kill -9 an instance every 5 s and FLUSHALL every second',
  leastSeconds: 60,
  async inject(scene) {
    await Promise.all([flushAgain(scene), killOwners(scene)])
  },
}
