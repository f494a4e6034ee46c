import { z } from 'zod'
import type { OpenTicket, Tickets } from '../../../auth/ports.ts'
import { digest, randomToken } from '../../../auth/tokens.ts'
import type { Authenticated } from '../../../gateway/ports.ts'
import { TIMES } from '../../../protocol/limits.ts'
import { UserSummary } from '../../../protocol/model.ts'
import type { Clock } from '../../../rooms/ports.ts'
import type { RedisClient } from './redis.ts'

const Stored = z.object({
  principal: z.object({ user: UserSummary, sessionId: z.string().nullable() }),
  expiresAt: z.number(),
})

interface RedisTicketsPorts {
  readonly redis: RedisClient
  readonly prefix: string
  readonly clock: Clock
  /** Opens and redeems while Redis is away: such a ticket is good at this instance alone. */
  readonly fallback: Tickets
}

/** createRedisTickets keeps tickets where every instance finds them, by their digest. Who takes one has it. */
export function createRedisTickets({ redis, prefix, clock, fallback }: RedisTicketsPorts): Tickets {
  const keyOf = async (ticket: string) => `${prefix}ticket:${await digest(ticket)}`

  return {
    async open(authenticated: Authenticated): Promise<OpenTicket> {
      const ticket = randomToken()
      try {
        await redis.set(await keyOf(ticket), JSON.stringify(authenticated), 'PX', TIMES.ticket)
        return { ticket, expiresAt: clock.now() + TIMES.ticket }
      } catch {
        return fallback.open(authenticated)
      }
    },

    async redeem(ticket) {
      const own = await fallback.redeem(ticket)
      if (own) return own
      const stored = await redis.getdel(await keyOf(ticket)).catch(() => null)
      return stored === null ? undefined : Stored.parse(JSON.parse(stored))
    },
  }
}
