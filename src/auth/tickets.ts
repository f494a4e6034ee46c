import type { Authenticated } from '../gateway/ports.ts'
import { TIMES } from '../protocol/limits.ts'
import type { Clock } from '../rooms/ports.ts'
import type { Tickets } from './ports.ts'
import { randomToken } from './tokens.ts'

interface Waiting {
  readonly authenticated: Authenticated
  readonly expiresAt: number
}

/** createMemoryTickets keeps tickets in this process: they open sockets of this instance alone. */
export function createMemoryTickets(clock: Clock): Tickets {
  // In the order of their opening, which is that of their end.
  const waiting = new Map<string, Waiting>()

  function forgetOld(): void {
    for (const [ticket, { expiresAt }] of waiting) {
      if (expiresAt > clock.now()) return
      waiting.delete(ticket)
    }
  }

  return {
    async open(authenticated) {
      forgetOld()
      const ticket = randomToken()
      const expiresAt = clock.now() + TIMES.ticket
      waiting.set(ticket, { authenticated, expiresAt })
      return { ticket, expiresAt }
    },

    async redeem(ticket) {
      const found = waiting.get(ticket)
      waiting.delete(ticket)
      return found && found.expiresAt > clock.now() ? found.authenticated : undefined
    },
  }
}
