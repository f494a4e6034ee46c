import type { Authenticated } from '../gateway/ports.ts'

/** Passwords hashes slowly, off the thread that serves. */
export interface Passwords {
  hash(password: string): Promise<string>
  matches(password: string, hash: string): Promise<boolean>
  /** Of no password, and as slow to compare with as those of `hash`. */
  readonly nobodysHash: string
}

/** Tickets are one-use keys to a socket, for clients that can send no header. */
export interface Tickets {
  open(authenticated: Authenticated): Promise<OpenTicket>
  /** undefined when there is no such ticket, or no longer: the first to redeem it has it. */
  redeem(ticket: string): Promise<Authenticated | undefined>
}

export interface OpenTicket {
  readonly ticket: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}
