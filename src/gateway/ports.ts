import type { CloseReason } from '../protocol/errors.ts'
import type { ChangeSet, PresenceStatus, User } from '../protocol/model.ts'
import type { Principal } from '../rooms/ports.ts'

/**
 * Frames is one or more frames that go out together, encoded once: a host keeps its own bytes in `encoded`
 * and writes the same buffer to every socket.
 */
export interface Frames {
  readonly texts: readonly string[]
  encoded?: unknown
}

/**
 * Socket is one client's socket, as a host gives it to a connection.
 * Ordering: as sent. Failure: a dead socket swallows; the host reports the end by `connection.disconnect`.
 */
export interface Socket {
  send(frames: Frames): void
  /** Whether more waits for the network than LIMITS.queuedBytes or LIMITS.queuedFrames. */
  isSlow(): boolean
  /** Resolves when the network has taken what was sent, or the socket has ended. */
  drained(): Promise<void>
  /** Asks the other side for a sign of life, below the protocol. */
  ping(): void
  close(reason: CloseReason): void
}

/** What somebody's token said, verified. */
export interface Authenticated {
  readonly principal: Principal
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** Authenticator turns an access token into a principal. Rejects with a RefusalError that says why. */
export interface Authenticator {
  verify(token: string): Promise<Authenticated>
  /** Whether the login and the user behind a principal still stand; asked at most every minute per connection. */
  isCurrent(principal: Principal): Promise<boolean>
}

export interface ChangesWanted {
  readonly chatId: string
  readonly since: number
}

/** What a reader gets of one chat. `left` and `gone` end the reader's interest in it. */
export type ChangesRead =
  | { readonly status: 'changes'; readonly changes: ChangeSet }
  /** More than can be sent, or the reader is ahead of the history. */
  | { readonly status: 'reset'; readonly chatId: string; readonly head: number }
  /** The reader was removed at `changes.to`, which holds the reader's own participant and nothing else. */
  | { readonly status: 'left'; readonly changes: ChangeSet }
  /** No such chat for this reader. */
  | { readonly status: 'gone'; readonly chatId: string }

export interface UserHead {
  readonly userId: string
  readonly chatId: string
  readonly seq: number
}

/** ChangesReader answers what a gateway has to know, from the primary. Rejects when the store cannot be reached. */
export interface ChangesReader {
  /** Names the history; another one after a restored backup. */
  logId(): Promise<string>
  /** The chats that these users take part in now, with their heads. One round trip. */
  listHeads(userIds: readonly string[]): Promise<UserHead[]>
  /** One answer for each wanted chat, in their order. One round trip. */
  readChanges(userId: string, wanted: readonly ChangesWanted[]): Promise<ChangesRead[]>
  /** The chat and place of a message that the user may see. */
  locate(
    userId: string,
    messageId: string,
  ): Promise<{ readonly chatId: string; readonly seq: number } | undefined>
}

/** UserReader gives a gateway the account behind a principal and whom it has accepted as contacts. */
export interface UserReader {
  profile(
    userId: string,
  ): Promise<{ readonly user: User; readonly contactIds: readonly string[] } | undefined>
  /** Remembers when the last connection of each user ended. */
  seen(at: ReadonlyMap<string, number>): Promise<void>
}

/**
 * PresenceStore knows who has a connection anywhere, and how each wants to be seen.
 * `set` replaces what this instance says of the user (`offline`: no connection here) and answers how the user is
 * now seen over all instances. Presence is not exact: an instance that dies is forgotten within its timeout.
 */
export interface PresenceStore {
  set(userId: string, status: PresenceStatus): Promise<PresenceStatus>
  /** Only those who are not offline. */
  list(userIds: readonly string[]): Promise<ReadonlyMap<string, PresenceStatus>>
}

/**
 * What is counted apart: see `protocol.md`, Limits. `frame` is every socket frame that is no message, `file` each
 * picture or file that is looked at, `service` every request of a backend.
 */
export type Bucket = 'rest' | 'service' | 'auth' | 'message' | 'search' | 'frame' | 'file'

/** RateLimiter counts. Answers 0 when there was room, else the seconds until there is. Never rejects. */
export interface RateLimiter {
  take(bucket: Bucket, key: string): number | Promise<number>
  /** Puts one back, where only failures are to count. */
  giveBack(bucket: Bucket, key: string): void
}
