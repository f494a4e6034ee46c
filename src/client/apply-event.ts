import type { ChatEvent, ChatEventOf } from '../protocol/events.ts'
import type { Message, Participant } from '../protocol/model.ts'
import { toTombstone } from '../protocol/tombstone.ts'
import { type ChatState, counts, type MessageEvent } from './chat-state.ts'

/** applyEvent gives the state after the next event. Pure. */
export function applyEvent(state: ChatState, event: ChatEvent): ChatState {
  const { seq } = event
  return { ...state, ...changeOf(state, event), applied: seq, head: Math.max(state.head, seq) }
}

function changeOf(state: ChatState, event: ChatEvent): Partial<ChatState> {
  switch (event.type) {
    case 'message:new':
      return addMessage(state, event.data.message)
    case 'message:deleted': {
      const { messageSeq, senderId } = event.data
      const wasUnread = messageSeq > state.me.readSeq && senderId !== state.userId
      return { ...changeMessage(state, event), ...(wasUnread && addUnread(state, -1)) }
    }
    case 'message:edited':
    case 'reaction:added':
    case 'reaction:removed':
      return changeMessage(state, event)
    case 'receipts':
      return moveMarks(state, event)
    case 'chat:created':
    case 'chat:updated':
      return { info: event.data.chat, ...putParticipants(state, event.data.participants) }
    case 'session:queued':
    case 'session:accepted':
    case 'session:transferred':
    case 'session:closed':
    case 'session:reopened':
      return { info: event.data.chat }
    case 'chat:deleted':
      return { standing: 'deleted', typing: [] }
    case 'participant:joined':
      return putParticipants(state, [event.data.participant])
    case 'participant:updated':
      return {
        ...putParticipants(state, [event.data.participant]),
        // a mute shows to nobody else, so it is not in the event
        ...(event.data.participant.userId === state.userId && { doubtfulSince: event.seq }),
      }
    case 'participant:left':
      return removeParticipant(state, event.data.userId)
    default:
      return event satisfies never
  }
}

function addMessage(state: ChatState, message: Message): Partial<ChatState> {
  const { senderId, seq } = message
  return {
    ...putMessages(state, [message]),
    ...(senderId !== null &&
      state.typing.includes(senderId) && {
        typing: state.typing.filter((userId) => userId !== senderId),
      }),
    ...(senderId !== state.userId && seq > state.me.readSeq && addUnread(state, 1)),
  }
}

/** putMessages takes in rows, each in place of an older one; rows before the loaded ones are left out. */
export function putMessages(state: ChatState, rows: readonly Message[]): Partial<ChatState> {
  let { messages, queued } = state
  for (const row of rows) {
    if (row.seq < state.loadedFrom) continue
    const known = messages.find(row.seq)
    if (!known || known.changedSeq < row.changedSeq) messages = messages.put(row)
    if (queued.length > 0) queued = queued.filter(({ id }) => id !== row.id)
  }
  const kept = messages.keep(state.keepMessages)
  const loadedFrom = kept.length < messages.length ? (kept.at(0)?.seq ?? 0) : state.loadedFrom
  return { messages: kept, queued, loadedFrom }
}

function changeMessage(state: ChatState, event: MessageEvent): Partial<ChatState> {
  const known = findMessage(state, event)
  if (!known) return state.late ? { late: [...state.late, event] } : {}
  const message = messageAfter(known, event)
  return message === known ? {} : { messages: state.messages.put(message) }
}

function findMessage({ messages }: ChatState, { type, data }: MessageEvent): Message | undefined {
  if (type === 'message:edited') return messages.find(data.message.seq)
  return type === 'message:deleted' ? messages.find(data.messageSeq) : messages.findById(data.messageId)
}

/** messageAfter gives a message as an event leaves it; the same one when it is as new already. */
export function messageAfter(before: Message, event: MessageEvent): Message {
  if (event.seq <= before.changedSeq) return before
  switch (event.type) {
    case 'message:edited':
      return event.data.message
    case 'message:deleted':
      return toTombstone(before, event)
    case 'reaction:added':
    case 'reaction:removed':
      return { ...before, reactions: event.data.reactions, changedSeq: event.seq }
    default:
      return event satisfies never
  }
}

function addUnread({ me }: ChatState, count: number): Partial<ChatState> {
  return { me: { ...me, unread: Math.max(me.unread + count, 0) } }
}

function moveMarks(state: ChatState, { seq, data }: ChatEventOf<'receipts'>): Partial<ChatState> {
  const participants = new Map(state.participants)
  let change: Partial<ChatState> = { participants }
  for (const { userId, readSeq, deliveredSeq } of data.marks) {
    const before = participants.get(userId)
    if (before) {
      participants.set(userId, {
        ...before,
        readSeq: Math.max(before.readSeq, readSeq),
        deliveredSeq: Math.max(before.deliveredSeq, deliveredSeq),
      })
    }
    if (userId === state.userId) change = { ...change, ...read({ ...state, applied: seq }, readSeq) }
  }
  return change
}

/** One's own watermark moved: what is unread is counted where it is all loaded, and is in doubt otherwise. */
function read(state: ChatState, readSeq: number): Partial<ChatState> {
  if (readSeq <= state.me.readSeq) return {}
  const me = { ...state.me, readSeq }
  const later = state.messages.after(readSeq)
  const unread = later.filter((message) => counts({ ...state, me }, message)).length
  const isExact = state.loadedFrom <= readSeq + 1 || later.length < state.messages.length
  return { me: { ...me, unread }, ...(!isExact && { doubtfulSince: state.applied }) }
}

/** putParticipants takes in rows of those who take part; a row that ended removes. */
export function putParticipants(state: ChatState, rows: readonly Participant[]): Partial<ChatState> {
  if (rows.length === 0) return {}
  const participants = new Map(state.participants)
  for (const row of rows) {
    if (row.leftSeq === null) participants.set(row.userId, row)
    else participants.delete(row.userId)
  }
  const mine = rows.find(({ userId }) => userId === state.userId)
  if (!mine) return { participants }
  if (mine.leftSeq !== null) return { participants, standing: 'left', typing: [] }
  return { participants, me: { ...state.me, role: mine.role } }
}

function removeParticipant(state: ChatState, userId: string): Partial<ChatState> {
  const participants = new Map(state.participants)
  participants.delete(userId)
  const typing = state.typing.filter((each) => each !== userId)
  return userId === state.userId ? { participants, typing: [], standing: 'left' } : { participants, typing }
}
