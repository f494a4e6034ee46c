import type { JSONWebKeySet } from 'jose'
import type { Authenticated } from '../gateway/ports.ts'
import type { UserSummary } from '../protocol/model.ts'

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

/** KeptKeys are the public keys of an issuer, as they were at a time. */
export interface KeptKeys {
  readonly keys: JSONWebKeySet
  /** Milliseconds since 1970. */
  readonly fetchedAt: number
}

/** KeyStore is where instances find the issuers' keys that another has fetched. Never rejects; may forget. */
export interface KeyStore {
  read(issuer: string): Promise<KeptKeys | undefined>
  write(issuer: string, kept: KeptKeys): Promise<void>
}

/** Wanted is whose name is asked for. */
export interface Wanted {
  readonly issuer: string
  readonly subject: string
  readonly type: UserSummary['type']
}

/** DirectoryEntry is what a directory says of somebody, as it stands there. */
export interface DirectoryEntry {
  readonly name: unknown
  readonly picture: unknown
}

/**
 * UserDirectory knows how users of outside issuers are called: undefined for who is not in it.
 * Failure: rejects within seconds while it is away, and at once while it is known to be.
 */
export interface UserDirectory {
  find(wanted: Wanted): Promise<DirectoryEntry | undefined>
}
