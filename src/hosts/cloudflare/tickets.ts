import type { OpenTicket, Tickets } from '../../auth/ports.ts'
import { digest, randomToken } from '../../auth/tokens.ts'
import type { Authenticated } from '../../gateway/ports.ts'
import { TIMES } from '../../protocol/limits.ts'
import { clock } from '../shared/clock.ts'
import { type GatewayCalls, toCall } from './calls.ts'
import { gatewayOf, type Objects } from './objects.ts'

interface KeptTicket {
  readonly authenticated: Authenticated
  readonly expiresAt: number
}

/** createRemoteTickets keeps a ticket in the gateway of its user, and names that in the ticket. */
export function createRemoteTickets(gateways: Objects<GatewayCalls>): Tickets {
  return {
    open: (authenticated) =>
      gateways.get(gatewayOf(authenticated.principal.user.id)).openTicket(toCall({ authenticated })),
    async redeem(ticket) {
      const [gateway = ''] = ticket.split('.')
      return /^\d{1,2}$/.test(gateway) ? gateways.get(gateway).redeemTicket(toCall({ ticket })) : undefined
    },
  }
}

/** createKeptTickets is the gateway's side: tickets outlive its sleep, and whoever takes one first has it. */
export function createKeptTickets(storage: DurableObjectStorage, gateway: string) {
  const keyOf = async (ticket: string) => `ticket:${await digest(ticket)}`
  return {
    async open(authenticated: Authenticated): Promise<OpenTicket> {
      const ticket = `${gateway}.${randomToken()}`
      const expiresAt = clock.now() + TIMES.ticket
      await storage.put<KeptTicket>(await keyOf(ticket), { authenticated, expiresAt })
      return { ticket, expiresAt }
    },
    async redeem(ticket: string): Promise<Authenticated | undefined> {
      const key = await keyOf(ticket)
      const kept = storage.kv.get<KeptTicket>(key)
      storage.kv.delete(key)
      return kept && kept.expiresAt > clock.now() ? kept.authenticated : undefined
    },
    /** Forgets those that nobody came with in time. */
    sweep(): void {
      for (const [key, { expiresAt }] of storage.kv.list<KeptTicket>({ prefix: 'ticket:' })) {
        if (expiresAt <= clock.now()) storage.kv.delete(key)
      }
    },
  }
}
