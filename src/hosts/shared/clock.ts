import { v7 } from 'uuid'
import type { Clock, Ids } from '../../rooms/ports.ts'

export const clock: Clock = {
  now: Date.now,
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds)
    return () => clearTimeout(timer)
  },
}

export const ids: Ids = { uuid: () => v7() }
