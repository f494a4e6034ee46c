import type { Message, Participant } from '../protocol/model.ts'

/** One send, from the client's side. Contents are unique in a history, so that a doubled message shows. */
export interface SendRecord {
  readonly chatId: string
  /** Empty while the client has not told it. */
  messageId: string
  readonly content: string
  /** Any clock that all records of the history share. */
  readonly invokedAt: number
  settledAt: number | undefined
  /** `unknown` until it is settled; for ever when the answer was lost. */
  outcome: 'ok' | 'failed' | 'unknown'
  /** Of an `ok`. */
  seq: number | undefined
}

/** One numbered change that reached a client, on whichever path. */
export interface SeenRecord {
  readonly chatId: string
  readonly seq: number
  /** Tells two contents apart; null on a path that does not tell which change it was. */
  readonly key: string | null
  /** Watermarks that it carried. */
  readonly marks?: readonly {
    readonly userId: string
    readonly readSeq: number
    readonly deliveredSeq: number
  }[]
}

/** One answer to a client that asked what it had missed. */
export interface ResumeRecord {
  /** When it asked, by the clock of the sends. */
  readonly invokedAt: number
  /** Up to where it was told that it has each chat now. */
  readonly heads: Readonly<Record<string, number>>
}

export interface ClientHistory {
  readonly clientId: string
  readonly userId: string
  /** In the order of arrival. */
  readonly seen: readonly SeenRecord[]
  /** Left out where nobody wrote them down. */
  readonly resumes?: readonly ResumeRecord[]
  /** The client's own state at the end, by chat. */
  readonly state: ReadonlyMap<string, ChatView>
}

/** ChatView is a chat as somebody has it: what a client built from events, or what a fresh read says. */
export interface ChatView {
  readonly seq: number
  readonly messages: readonly Message[]
  readonly participants: readonly Participant[]
  readonly unread: number
}

/** What the checker looks at of a stored message. */
export type StoredMessage = Pick<Message, 'id' | 'seq' | 'content' | 'isDeleted'>

export interface StoredChat {
  readonly chatId: string
  readonly head: number
  readonly messages: readonly StoredMessage[]
  /** Every number that was given out, where the store can tell. */
  readonly numbers?: readonly number[]
  /** When each user joined and left: [joinedSeq, leftSeq] pairs, the last one open with `null`. */
  readonly stays: ReadonlyMap<string, readonly (readonly [number, number | null])[]>
}

/** History is everything that a run of clients against a service did and saw, and what was stored in the end. */
export interface History {
  readonly sends: readonly SendRecord[]
  readonly clients: readonly ClientHistory[]
  readonly stored: readonly StoredChat[]
  /** What a fresh read says at the end, by user and chat. */
  readonly fresh: ReadonlyMap<string, ReadonlyMap<string, ChatView>>
  /** Processes that ended, errors that nobody expected. */
  readonly unexpected: readonly string[]
}
