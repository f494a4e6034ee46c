import { LIMITS } from '../protocol/limits.ts'
import type { MemoryChats } from './memory.ts'
import type { Desk, KnownSessions, SessionNeeds, Turn } from './ports.ts'

const NEW_DESK: Desk = {
  availability: 'available',
  capacity: LIMITS.agentCapacity,
  teams: [],
  sessionIds: [],
}

/** knowSessions answers SessionNeeds from memory, as every store does. */
export function knowSessions(
  tables: MemoryChats,
  { agentIds, chatIds, queues }: SessionNeeds,
): KnownSessions {
  const deskOf = (userId: string) => tables.desks.get(userId) ?? NEW_DESK
  const isServed = ({ availability, teams }: Desk) =>
    availability === 'available' && queues.some((team) => team === null || teams.includes(team))
  const listeners = [...tables.users.values()]
    .filter(({ id, type }) => type === 'admin' || (type === 'agent' && isServed(deskOf(id))))
    .map(({ id }) => id)
  return {
    desks: new Map(agentIds.map((userId) => [userId, deskOf(userId)])),
    chats: new Map(
      chatIds.flatMap((chatId) => {
        const chat = tables.chats.get(chatId)
        return chat ? [[chatId, chat.state]] : []
      }),
    ),
    listeners: queues.length === 0 ? [] : listeners,
  }
}

/** Whether the agent that the turn seats may have one more session. */
export function isSeatFree(desks: ReadonlyMap<string, Desk>, { chatId, seats }: Turn): boolean {
  if (!seats?.take) return true
  const { sessionIds, capacity } = desks.get(seats.take) ?? NEW_DESK
  return sessionIds.includes(chatId) || sessionIds.length < capacity
}

/** Seats and frees as the turn says. */
export function seat(desks: Map<string, Desk>, { chatId, seats }: Turn): void {
  for (const userId of [seats?.free, seats?.take]) {
    if (userId == null) continue
    const desk = desks.get(userId) ?? NEW_DESK
    const others = desk.sessionIds.filter((id) => id !== chatId)
    desks.set(userId, { ...desk, sessionIds: userId === seats?.take ? [...others, chatId] : others })
  }
}
