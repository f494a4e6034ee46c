import type { ChatEvent } from '../protocol/events.ts'
import type { Publisher } from './ports.ts'
import type { TurnPlan } from './turn.ts'

/** tell publishes a committed turn: to the chat its events, each encoded once, and to who joined the news of it. */
export function tell(broadcast: Publisher, { turn, events }: TurnPlan): void {
  const { chatId } = turn
  broadcast.publish(`chat:${chatId}`, {
    kind: 'events',
    chatId,
    events: events.map(({ event, origin }) => ({
      seq: event.seq,
      text: JSON.stringify(event),
      origin,
      left: leftBy(event),
    })),
  })
  for (const { event } of events) {
    if (event.type === 'participant:joined') {
      broadcast.publish(`user:${event.data.participant.userId}`, { kind: 'joined', chatId })
    } else if (event.type === 'chat:created') {
      for (const { userId } of event.data.participants)
        broadcast.publish(`user:${userId}`, { kind: 'joined', chatId })
    }
  }
}

function leftBy(event: ChatEvent): string | null {
  if (event.type === 'chat:deleted') return 'everybody'
  return event.type === 'participant:left' ? event.data.userId : null
}
