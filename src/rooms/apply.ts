import type { ChatEvent, ChatEventOf } from '../protocol/events.ts'
import type { Participant } from '../protocol/model.ts'
import type { RoomState } from './ports.ts'

/**
 * apply gives the state after an event. Pure; shares what did not change. The event must be the next one, and
 * the first of a chat must be `chat:created`.
 */
export function apply(state: RoomState | undefined, event: ChatEvent): RoomState {
  if (event.type === 'chat:created') return created(event)
  if (!state) throw new Error(`${event.type} came before chat:created`)
  switch (event.type) {
    case 'message:new':
    case 'message:edited':
    case 'message:deleted':
    case 'reaction:added':
    case 'reaction:removed':
      return { ...state, seq: event.seq }
    case 'receipts':
      return withParticipants(state, event.seq, (participants) => {
        for (const { userId, readSeq, deliveredSeq } of event.data.marks) {
          const participant = participants.get(userId)
          if (participant) participants.set(userId, { ...participant, readSeq, deliveredSeq })
        }
      })
    case 'chat:updated': {
      const { chat, participants } = event.data
      return withParticipants({ ...state, chat }, event.seq, put(participants))
    }
    case 'session:queued':
    case 'session:accepted':
    case 'session:transferred':
    case 'session:closed':
    case 'session:reopened':
      return { ...state, chat: event.data.chat, seq: event.seq }
    case 'chat:deleted':
      return { ...state, seq: event.seq, isDeleted: true }
    case 'participant:joined':
    case 'participant:updated':
      return withParticipants(state, event.seq, put([event.data.participant]))
    case 'participant:left':
      return withParticipants(state, event.seq, (participants) => participants.delete(event.data.userId))
    default:
      return event satisfies never
  }
}

function created({ seq, data }: ChatEventOf<'chat:created'>): RoomState {
  const participants = new Map(data.participants.map((participant) => [participant.userId, participant]))
  return { chat: data.chat, seq, isDeleted: false, isBlocked: false, participants }
}

function withParticipants(
  state: RoomState,
  seq: number,
  change: (participants: Map<string, Participant>) => void,
): RoomState {
  const participants = new Map(state.participants)
  change(participants)
  return { ...state, seq, participants }
}

function put(changed: readonly Participant[]) {
  return (participants: Map<string, Participant>) => {
    for (const participant of changed) participants.set(participant.userId, participant)
  }
}
