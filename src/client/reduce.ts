import type { ChatEvent } from '../protocol/events.ts'
import type { ChangeSet, Chat, Message, UserSummary } from '../protocol/model.ts'
import { applyEvent, messageAfter, putMessages, putParticipants } from './apply-event.ts'
import {
  type ChatState,
  fromBeginning,
  fromSnapshot,
  type MessageEvent,
  type QueuedMessage,
} from './chat-state.ts'

/** Events that may wait for a hole to be filled. Later ones are read again with it. */
const HELD_MOST = 1_000

/** ChatInput is everything that can happen to the copy of a chat. */
export type ChatInput =
  /** A change, from the socket or out of an ack. */
  | { readonly type: 'event'; readonly event: ChatEvent }
  | { readonly type: 'changes'; readonly changes: ChangeSet }
  /** The chat is known to have got as far as this. */
  | { readonly type: 'head'; readonly seq: number }
  /** Start afresh: what is applied is of no use for going on. */
  | { readonly type: 'reset'; readonly head: number }
  | { readonly type: 'snapshot'; readonly chat: Chat }
  /** The chat is not this user's to see any more. */
  | { readonly type: 'gone' }
  | { readonly type: 'older:wanted' }
  /** The messages before `before`; null when they could not be read. */
  | { readonly type: 'older'; readonly before: number; readonly page: OlderPage | null }
  | { readonly type: 'typing'; readonly userIds: readonly string[] }
  /** How a participant is called and shown now. */
  | { readonly type: 'user'; readonly user: UserSummary }
  | { readonly type: 'queued'; readonly message: QueuedMessage }
  /** Acknowledged earlier, or refused. */
  | { readonly type: 'unqueued'; readonly id: string }

type ChatInputOf<T extends ChatInput['type']> = Extract<ChatInput, { type: T }>

interface OlderPage {
  readonly data: readonly Message[]
  readonly hasMore: boolean
}

/**
 * reduce gives the state after an input. Pure and total: whatever is lost, doubled or out of order, `applied` only
 * moves over changes that were applied, each once and in order.
 */
export function reduce(state: ChatState, input: ChatInput): ChatState {
  switch (input.type) {
    case 'event':
      return receive(state, input.event)
    case 'changes':
      return catchUp(state, input.changes)
    case 'head':
      return heardOf(state, input.seq)
    case 'reset':
      return { ...state, isStale: true, head: input.head, held: new Map() }
    case 'snapshot':
      return refresh(state, input.chat)
    case 'gone':
      return gone(state)
    case 'older:wanted':
      return { ...state, late: [] }
    case 'older':
      return addOlder(state, input)
    case 'typing':
      return { ...state, typing: input.userIds.filter((userId) => userId !== state.userId) }
    case 'user':
      return rename(state, input.user)
    case 'queued':
      return { ...state, queued: [...state.queued, input.message] }
    case 'unqueued':
      return { ...state, queued: state.queued.filter(({ id }) => id !== input.id) }
    default:
      return input satisfies never
  }
}

function rename(state: ChatState, user: UserSummary): ChatState {
  const participant = state.participants.get(user.id)
  if (!participant) return state
  const renamed = { ...participant, user: { ...participant.user, ...user } }
  return { ...state, participants: new Map(state.participants).set(user.id, renamed) }
}

function receive(state: ChatState, event: ChatEvent): ChatState {
  if (!state.isStale && event.seq <= state.applied) return state
  if (state.standing !== 'in') return heardOf(state, event.seq)
  if (!state.isStale && event.seq === state.applied + 1) return drain(applyEvent(state, event))
  const next = heardOf(state, event.seq)
  if (state.held.size >= HELD_MOST) return next
  return { ...next, held: new Map(state.held).set(event.seq, event) }
}

function heardOf(state: ChatState, seq: number): ChatState {
  return seq > state.head ? { ...state, head: seq } : state
}

/** Applies what was held and is next now. */
function drain(state: ChatState): ChatState {
  if (state.held.size === 0 || state.isStale) return state
  let next = state
  for (;;) {
    const event = next.held.get(next.applied + 1)
    if (!event || next.standing !== 'in') break
    next = applyEvent(next, event)
  }
  const held = new Map([...next.held].filter(([seq]) => seq > next.applied))
  return held.size === next.held.size ? next : { ...next, held }
}

function catchUp(state: ChatState, changes: ChangeSet): ChatState {
  const { from, to, me } = changes
  if (state.isStale || (state.standing === 'left' && to > state.applied)) {
    const fresh = fromBeginning(changes, state)
    if (fresh) return begin(state, fresh)
  }
  if (state.isStale || to < state.applied) return state
  if (state.standing !== 'in' || from > state.applied) return heardOf(state, to)
  const next = to === state.applied ? state : merge(state, changes)
  const isAnswer = next.doubtfulSince !== null && from < next.doubtfulSince
  return drain(isAnswer ? { ...next, me: me ?? next.me, doubtfulSince: null } : next)
}

function merge(state: ChatState, changes: ChangeSet): ChatState {
  const { to, chat, me, participants } = changes
  const messages = changes.messages.filter(({ changedSeq }) => changedSeq > state.applied)
  const notLoaded = messages.filter(({ seq }) => seq < state.loadedFrom)
  const merged = {
    ...state,
    ...putMessages(state, messages),
    ...putParticipants(state, participants),
    info: chat ?? state.info,
    late: state.late && [...state.late, ...notLoaded.map(toEdit)],
    applied: to,
    head: Math.max(state.head, to),
  }
  return { ...merged, me: me ?? { ...merged.me, unread: state.me.unread + moreUnread(state, messages) } }
}

/** What the rows that changed after `applied` add to what is unread. A row changes no more once it is deleted. */
function moreUnread({ applied, me, userId }: ChatState, rows: readonly Message[]): number {
  let more = 0
  for (const { seq, senderId, isDeleted } of rows) {
    if (senderId === userId || seq <= me.readSeq) continue
    if (seq > applied && !isDeleted) more += 1
    else if (seq <= applied && isDeleted) more -= 1
  }
  return more
}

/** The row of a message as the event that it stands for. */
function toEdit(message: Message): MessageEvent {
  const { chatId, changedSeq, createdAt } = message
  return { type: 'message:edited', chatId, seq: changedSeq, at: createdAt, data: { message } }
}

/** A stale state, or one that was left, begins again; any other learns who takes part, unless it is newer itself. */
function refresh(state: ChatState, chat: Chat): ChatState {
  const fresh = fromSnapshot(chat, state)
  if (state.isStale) return begin(state, fresh)
  if (state.standing === 'left' && chat.seq > state.applied) return begin(state, fresh)
  if (state.standing !== 'in' || !fresh.hasAllParticipants || chat.seq < state.applied) return state
  const head = Math.max(state.head, chat.seq)
  return { ...state, info: fresh.info, participants: fresh.participants, hasAllParticipants: true, head }
}

/** Goes on from `fresh`, with what came meanwhile. What is still to be sent, the outbox knows. */
function begin({ held, head }: ChatState, fresh: ChatState): ChatState {
  return drain({ ...fresh, held, head: Math.max(head, fresh.head) })
}

function gone(state: ChatState): ChatState {
  const standing = state.standing === 'deleted' ? 'deleted' : 'left'
  return { ...state, standing, typing: [], isStale: false, head: state.applied, held: new Map() }
}

function addOlder(state: ChatState, { before, page }: ChatInputOf<'older'>): ChatState {
  const { late } = state
  if (!late || !page || before !== state.loadedFrom) return { ...state, late: null }
  const older = page.data.map((message) =>
    late.filter((event) => isOf(event, message)).reduce(messageAfter, message),
  )
  const messages = state.messages.prepend(older)
  return { ...state, messages, loadedFrom: page.hasMore ? (messages.at(0)?.seq ?? 0) : 0, late: null }
}

function isOf({ type, data }: MessageEvent, { id }: Message): boolean {
  return (type === 'message:edited' ? data.message.id : data.messageId) === id
}
