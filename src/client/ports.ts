import type { Chat, Message } from '../protocol/model.ts'
import type { Changes } from '../protocol/rest.ts'
import type { QueuedMessage } from './chat-state.ts'

/** Clock is the client's only source of time. `after` runs once; the result cancels. */
export interface Clock {
  /** Milliseconds since 1970 as far as this device knows; nothing but what is shown relies on its being right. */
  now(): number
  after(milliseconds: number, run: () => void): () => void
}

/** Edges is what the client's machines take from the platform besides the network. */
export interface Edges {
  readonly clock: Clock
  /** A number in [0, 1), for jitter. */
  readonly random: () => number
  /** A UUIDv7, later ones greater than earlier ones. */
  readonly uuid: () => string
}

/** What a socket reports. After `closed` it reports nothing more. */
export interface SocketEvents {
  received(text: string): void
  /** 1006 when there was no close frame, as in browsers. */
  closed(code: number): void
}

export interface ClientSocket {
  /** A socket that is not open swallows. */
  send(text: string): void
  close(): void
}

/** OpenSocket opens a socket that says who it is by `token`. A failure comes as `closed`, never as a throw. */
export type OpenSocket = (token: string, events: SocketEvents) => ClientSocket

/** TokenSource gives access tokens. Both reject with a `ParleyError`; one that is not retryable ends the session. */
export interface TokenSource {
  get(): Promise<string>
  /** Another token than the one that was refused or is about to end. */
  renew(rejected: string): Promise<string>
}

export interface MessagePage {
  /** Newest first. */
  readonly data: readonly Message[]
  readonly hasMore: boolean
}

/** ChatReader reads what the client lacks, over REST. Everything rejects with a `ParleyError`. */
export interface ChatReader {
  /** All chats of the user, every page of them. */
  listChats(): Promise<readonly Chat[]>
  getChat(chatId: string): Promise<Chat>
  getChanges(chatId: string, since: number): Promise<Changes>
  /** The messages before a seq. */
  listMessages(chatId: string, before: number): Promise<MessagePage>
}

/**
 * OutboxStorage keeps what was not yet acknowledged over a restart of the client. It is of one account.
 * A message is sent only after `save` has resolved.
 */
export interface OutboxStorage {
  load(): Promise<readonly QueuedMessage[]> | readonly QueuedMessage[]
  save(message: QueuedMessage): Promise<void> | void
  remove(id: string): Promise<void> | void
}
