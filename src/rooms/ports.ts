import type { AckOf, CommandOf, CommandType } from '../protocol/commands.ts'
import type { Refusal } from '../protocol/errors.ts'
import type { ChatEvent } from '../protocol/events.ts'
import type { Attachment, ChatInfo, Message, Participant, User, UserSummary } from '../protocol/model.ts'
import type { Availability } from '../protocol/sessions.ts'

/** Principal is who sends a command: a verified user, by one of its logins. */
export interface Principal {
  readonly user: UserSummary
  /** The login that the token belongs to, so that ending it ends its connections; null where an outside issuer keeps it. */
  readonly sessionId: string | null
}

/** Envelope is a command with who sent it, and from which connection, which then hears the ack and not the event. */
export interface Envelope<T extends CommandType = CommandType> {
  readonly principal: Principal
  readonly command: CommandOf<T>
  readonly origin: string | null
}

export type Outcome<T extends CommandType = CommandType> =
  | { readonly ok: true; readonly data: AckOf<T> }
  | { readonly ok: false; readonly refusal: Refusal }

/**
 * RoomHandle reaches the room of one chat, wherever its owner is.
 * Ordering: commands dispatched one after another to a chat are decided in that order, unless its owner is lost.
 * Failure: `dispatch` never rejects. A refusal that is retryable may have been done: retry it as it is.
 */
export interface RoomHandle {
  dispatch<T extends CommandType>(envelope: Envelope<T>): Promise<Outcome<T>>
  /** A signal: may be dropped, answers nothing. */
  typing(principal: Principal, isTyping: boolean): void
  /** Drops what the room remembers, because something outside its sequence (a block, a name) changed. */
  reload(): Promise<void>
}

/** RoomDirectory finds the room of a chat. `get` is cheap and never fails; whether the chat exists shows on dispatch. */
export interface RoomDirectory {
  get(chatId: string): RoomHandle
}

/** RoomState is all that a room keeps of its chat: small, and never changed in place. */
export interface RoomState {
  readonly chat: ChatInfo
  /** The number of the last change. */
  readonly seq: number
  readonly isDeleted: boolean
  /** Those who take part now. */
  readonly participants: ReadonlyMap<string, Participant>
  /** A direct chat in which one has blocked the other. */
  readonly isBlocked: boolean
}

/** Needs is what commands ask of the store beyond the room's state. */
export interface Needs {
  readonly messageIds: readonly string[]
  readonly userIds: readonly string[]
  readonly uploadIds: readonly string[]
  readonly sessions?: SessionNeeds
}

/** SessionNeeds is what commands of sessions ask beyond that. */
export interface SessionNeeds {
  /** Whose desks: a professional who has none gets one. */
  readonly agentIds: readonly string[]
  /** Other chats as they are stored now. */
  readonly chatIds: readonly string[]
  /** Whose queues: null is that of all agents. */
  readonly queues: readonly (string | null)[]
}

export interface KnownUser {
  readonly user: User
  /** Whom of the asked users this one has blocked. */
  readonly blocked: readonly string[]
}

/** Upload is a file that was checked and stored, and that no message has claimed. */
export interface Upload {
  readonly chatId: string
  readonly uploaderId: string
  readonly attachment: Attachment
}

/** Known answers needs. Messages and uploads of another chat are included: their `chatId` tells. Who is disabled is left out. */
export interface Known {
  readonly messages: ReadonlyMap<string, Message>
  readonly users: ReadonlyMap<string, KnownUser>
  readonly uploads: ReadonlyMap<string, Upload>
  readonly sessions?: KnownSessions
}

/** Desk is how an agent stands to the queue. */
export interface Desk {
  readonly availability: Availability
  /** Sessions that the agent may have at once. */
  readonly capacity: number
  readonly teams: readonly string[]
  /** The sessions that the agent has now. */
  readonly sessionIds: readonly string[]
}

/** KnownSessions answers SessionNeeds. */
export interface KnownSessions {
  readonly desks: ReadonlyMap<string, Desk>
  readonly chats: ReadonlyMap<string, RoomState>
  /** Users who are to hear of the queues: their available agents, and admins. */
  readonly listeners: readonly string[]
}

/**
 * Seats is what a turn changes at the desks of agents. The commit takes a seat only where the capacity allows it,
 * and is `stale` otherwise: two rooms that seat one agent at once cannot both find room for the last session.
 */
export interface Seats {
  readonly take: string | null
  readonly free: string | null
}

/**
 * Turn is what one pass of a room decided: changes numbered `prevSeq + 1` onwards without a hole.
 * Either any number of new messages and at most one `receipts`, or the changes of one other command.
 */
export interface Turn {
  readonly chatId: string
  readonly prevSeq: number
  readonly events: readonly ChatEvent[]
  /** Mutes of this turn: they change a participant's own row and show in no event. */
  readonly mutes: readonly { readonly userId: string; readonly until: string | null }[]
  /** undefined when no agent's desk changes. */
  readonly seats?: Seats | undefined
  /** The user whose command had an effect, the last one of several: for what is audited, a turn has one. */
  readonly by?: string | undefined
}

export type CommitResult =
  | { readonly status: 'committed' }
  /** Another has written this chat, knows one of the message ids, or has an upload: nothing was done. Load afresh and decide again. */
  | { readonly status: 'stale' }
  /** The turn breaks a rule of the store (a slug that is taken): nothing was done, and never will be. */
  | { readonly status: 'refused'; readonly refusal: Refusal }
  /** The store cannot be reached: nothing was done. */
  | { readonly status: 'unavailable' }
  /** The connection was lost on the way: done or not. Load afresh and look. */
  | { readonly status: 'unknown' }

/**
 * RoomStore keeps chats.
 * Atomicity: a turn is committed as a whole or not at all, and only if the chat's seq is still `prevSeq`.
 * Durability: `committed` means flushed by the primary.
 * Failure: `load` and `read` reject when the store cannot be reached; `commit` answers, and never rejects.
 */
export interface RoomStore {
  /** undefined when there is no such chat. Reads the primary. */
  load(chatId: string): Promise<RoomState | undefined>
  read(needs: Needs): Promise<Known>
  commit(turn: Turn): Promise<CommitResult>
}

/** A change as it goes to sockets: encoded once, by the room. */
export interface EncodedEvent {
  readonly seq: number
  readonly text: string
  /** The connection that gets the ack instead. */
  readonly origin: string | null
  /** Who hears this and nothing after it: a user's id, or `everybody` when the chat is gone. */
  readonly left: string | null
}

/** Broadcastable is what goes over the broadcast. `events` are contiguous. */
export type Broadcastable =
  | { readonly kind: 'events'; readonly chatId: string; readonly events: readonly EncodedEvent[] }
  /** There are changes up to here that may not have been told. */
  | { readonly kind: 'head'; readonly seq: number }
  | { readonly kind: 'signal'; readonly text: string }
  /** To a user: a signal that also says whether another user is an accepted contact now. */
  | { readonly kind: 'contact'; readonly userId: string; readonly isAccepted: boolean; readonly text: string }
  /** To a user: takes part in this chat now. */
  | { readonly kind: 'joined'; readonly chatId: string }
  /** To a user: a login ended, or (null) all of them. */
  | { readonly kind: 'revoked'; readonly sessionId: string | null; readonly exceptSessionId?: string }
  /** To every gateway: a user's presence, for those who share a chat or a contact. */
  | {
      readonly kind: 'presence'
      readonly userId: string
      readonly text: string
      readonly chatIds: readonly string[]
      readonly contactIds: readonly string[]
    }

export type Topic = `chat:${string}` | `user:${string}` | 'presence'

/**
 * Broadcast carries what was stored, and signals, to every gateway that listens.
 * Ordering: per topic and publisher, usually. Delivery: at most once, may lose, double or delay; seq shows it.
 * Failure: `publish` never throws or waits.
 */
export interface Broadcast {
  publish(topic: Topic, item: Broadcastable): void
  /** Resolves when everything published from now on is heard; the result ends it. */
  subscribe(topic: Topic, listener: (item: Broadcastable) => void): Promise<() => void>
  /** What others publish may not arrive for now: whoever listens asks the store for heads twice a second. */
  readonly isImpaired: boolean
}

/** Publisher is all of the broadcast that whoever only tells has to know. */
export type Publisher = Pick<Broadcast, 'publish'>

/** Clock is the only source of time. `after` runs once; the result cancels. */
export interface Clock {
  now(): number
  after(milliseconds: number, run: () => void): () => void
}

/** Ids makes UUIDv7s, and is the only source of randomness. */
export interface Ids {
  uuid(): string
}
