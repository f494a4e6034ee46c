import type { ChatKind, ContentType } from '../protocol/model.ts'
import type { Turn } from '../rooms/ports.ts'

/** NewJob is work for later. Its payload is JSON, and holds ids: never words of a message, a token or a secret. */
export interface NewJob {
  /** Names the handler. */
  readonly kind: string
  readonly payload: object
  /** Milliseconds until it is due; at once when left out. */
  readonly delay?: number
  /** While another job of this key waits for its first try, this one is not stored. Not for jobs of an outbox. */
  readonly key?: string
}

/** Job is a claimed job. `attempts` counts this one too, and is the claim: whoever has another number has lost it. */
export interface Job {
  readonly id: string
  readonly kind: string
  readonly payload: unknown
  readonly attempts: number
}

/**
 * JobQueue takes work that must be done even if this instance ends now.
 * Atomicity: `add` stores all of them or none. Ordering: none. Delivery: at least once, so handlers are idempotent.
 * Failure: `add` rejects when the store cannot be reached; they may be stored nevertheless.
 */
export interface JobQueue {
  add(jobs: readonly NewJob[]): Promise<void>
  /** Looks for work now: something else has made a job due. */
  wake(): void
}

/** Outbox names the jobs that a turn causes. They are stored by the statement that commits the turn, or not at all. Pure. */
export type Outbox = (turn: Turn) => readonly NewJob[]

/** Claim asks for jobs that are due: of each kind no more than there are hands for it. */
export interface Claim {
  readonly free: ReadonlyMap<string, number>
  /** Milliseconds for which nobody else gets them; after that they are due again. */
  readonly lease: number
  /** A job that was claimed so often and never came to an end is dead. */
  readonly mostAttempts: number
}

export interface Claimed {
  readonly jobs: readonly Job[]
  /** Milliseconds until the next one is due; null when none waits. */
  readonly nextIn: number | null
}

/**
 * JobStore keeps jobs until they are done. Each method is one statement; `finish` and `fail` of a claim that was lost
 * do nothing. All reject when the store cannot be reached.
 */
export interface JobStore extends Pick<JobQueue, 'add'> {
  claim(claim: Claim): Promise<Claimed>
  /** Removes the job, and stores what follows from it, together. */
  finish(job: Job, next: readonly NewJob[]): Promise<void>
  /** Has it tried again after so many milliseconds, or (null) never by itself: a dead letter. */
  fail(job: Job, why: { readonly error: string; readonly retryIn: number | null }): Promise<void>
}

/** JobHandler does the work of one kind, and answers what follows from it. */
export interface JobHandler {
  /** How many run at once in this instance. */
  readonly atOnce: number
  /** Rejects when it is to be tried again: with a JobError to say when, or that it never will succeed. */
  run(job: Job): Promise<readonly NewJob[]>
}

export type JobHandlers = Readonly<Record<string, JobHandler>>

/** JobError says more of a failure than that it was one. */
export class JobError extends Error {
  override readonly name = 'JobError'
  /** Milliseconds that the other side asks for; null when trying again is of no use. */
  readonly retryIn: number | null
  constructor(message: string, retryIn: number | null) {
    super(message)
    this.retryIn = retryIn
  }
}

/** Notification is a push as every provider gets it. */
export interface Notification {
  /** The same for every try of the same message and user, so that a provider can tell a double. A UUID. */
  readonly key: string
  readonly title: string
  readonly body: string
  readonly link: string
  readonly chatId: string
  readonly messageId: string
  readonly userId: string
  /** Messages of the chat that the user has not read. */
  readonly unread: number
}

/** WebPushSubscription is what a browser gives for its push service. Anybody may make one up. */
export interface WebPushSubscription {
  readonly endpoint: string
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

/** Delivery is one thing to be said to somebody outside, and to whom. */
export type Delivery =
  | { readonly via: 'onesignal'; readonly tokens: readonly string[]; readonly notification: Notification }
  | {
      readonly via: 'webpush'
      readonly subscription: WebPushSubscription
      readonly notification: Notification
    }
  /** A signed webhook; `id` is the same for every try. */
  | { readonly via: 'webhook'; readonly url: string; readonly id: string; readonly body: string }

export type Sent =
  | { readonly status: 'sent' }
  /** The device does not want pushes any more. */
  | { readonly status: 'gone' }
  /** `retryIn` milliseconds are what the other side asked for. */
  | { readonly status: 'failed'; readonly error: string; readonly retryIn: number | null }

/** Sender says it, once. It never rejects, and has answered within 15 s. */
export type Sender = (delivery: Delivery) => Promise<Sent>

/**
 * PushTokens knows devices that an older system has registered, of OneSignal.
 * Failure: rejects within seconds while it is away, and at once while it is known to be.
 */
export interface PushTokens {
  /** Whether there may be any of the issuer's users. */
  hasTokensOf(issuer: string): boolean
  listTokens(user: { readonly issuer: string; readonly subject: string }): Promise<readonly string[]>
}

/** Recipient is who has not read some messages, and where pushes for that user go. */
export interface Recipient {
  readonly userId: string
  readonly deliveredSeq: number
  readonly issuer: string
  readonly devices: readonly { readonly id: string; readonly provider: 'onesignal' | 'webpush' }[]
}

/** Whom a push is for: a participant, and one of the ways to reach that user. */
export interface PushTarget {
  readonly chatId: string
  readonly userId: string
  /** A provider, or the id of a device. */
  readonly target: string
}

/** Newest is the last message that a participant has not read, with what a push says of it. */
export interface Newest {
  readonly messageId: string
  readonly seq: number
  readonly content: string
  readonly contentType: ContentType
  readonly sender: string | null
  readonly kind: ChatKind
  readonly chatName: string | null
  readonly issuer: string
  readonly subject: string
  /** Counted up to 100. */
  readonly unread: number
  /** Up to where the target was told already. */
  readonly toldSeq: number
  /** It is to be told now, by this job and no other. */
  readonly isHeld: boolean
  /** Milliseconds of the pause, or of another job's hold, that are left. */
  readonly wait: number
  /** Of the user's devices that are meant, and whose logins have not ended. */
  readonly addresses: readonly PushAddress[]
}

/** Hold keeps other jobs from telling the same target. */
export interface Hold {
  /** Whose hold it is: the next try of the same job has it, too. */
  readonly jobId: string
  /** Milliseconds for which it lasts, unless the target is told before. */
  readonly milliseconds: number
  /** Milliseconds that must lie between the last push and this one. */
  readonly pause: number
}

/** PushAddress is where a device of a user gets pushes. */
export interface PushAddress {
  readonly token: string
  readonly keys: { readonly p256dh: string; readonly auth: string } | null
}

/** PushStore knows what is news to whom, at this moment. All reject when the store cannot be reached. */
export interface PushStore {
  /** Who takes part, has not muted the chat, and has not read the messages of others between the two seqs. */
  listRecipients(news: {
    readonly chatId: string
    readonly from: number
    readonly to: number
  }): Promise<readonly Recipient[]>
  /**
   * Holds the target for the job, if it was not told of the newest message, is not told just now by another, and the
   * pause is over. undefined when all is read, deleted or muted, or the user takes no part any more.
   */
  holdNewest(to: PushTarget, hold: Hold): Promise<Newest | undefined>
  /** Remembers that the target was told of everything up to the seq, just now, and ends the hold. */
  markTold(to: PushTarget, seq: number): Promise<void>
  /** The device does not want pushes any more. */
  removeDevice(userId: string, id: string): Promise<void>
}

export interface Request {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer>
  /** The operator has named it: it may be at a private address. */
  readonly isTrusted: boolean
}

export interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  /** The beginning of it, if it is longer. */
  readonly body: string
}

/**
 * Post makes one POST request. It follows no redirect, reads a bounded part of the answer, and rejects when there is
 * none within 10 s, or the address is private and not trusted.
 */
export type Post = (request: Request) => Promise<Answer>
