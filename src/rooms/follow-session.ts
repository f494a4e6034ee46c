import type { Signal } from '../protocol/events.ts'
import type { ChatInfo, User, UserSummary } from '../protocol/model.ts'
import { notesIdOf } from '../protocol/sessions.ts'
import type { Principal, Publisher, RoomDirectory, RoomState, RoomStore } from './ports.ts'
import type { TurnPlan } from './turn.ts'

interface FollowPorts {
  readonly store: Pick<RoomStore, 'read'>
  readonly broadcast: Publisher
  readonly rooms: RoomDirectory
  readonly onFault: (fault: { chatId: string; error: unknown }) => void
}

interface Followed {
  readonly before: RoomState | undefined
  readonly plan: TurnPlan
  /** Who has changed the session. */
  readonly principal: Principal
}

/**
 * followSession does what a change of a session brings about elsewhere, once it is committed: the notes get the same
 * staff, and the queue's agents hear of it. Neither is waited for. What is lost with the process is made good: opening
 * the notes puts their participants right, and a signal may be lost.
 */
export function followSession(ports: FollowPorts, { before, plan, principal }: Followed): void {
  const { next, turn } = plan
  if (!next) return
  if (turn.events.some(({ type }) => type.startsWith('participant:'))) {
    const chatId = notesIdOf(next.chat.id)
    const command = { type: 'notes:follow', chatId, sessionId: next.chat.id } as const
    void ports.rooms.get(chatId).dispatch({ principal, command, origin: null })
  }
  const changes = turn.events.some(({ type }) => type.startsWith('session:') || type === 'chat:created')
  if (!changes || (before?.chat.status !== 'waiting' && next.chat.status !== 'waiting')) return
  tellQueue(ports, before?.chat, next).catch((error: unknown) =>
    ports.onFault({ chatId: next.chat.id, error }),
  )
}

async function tellQueue(
  { store, broadcast }: FollowPorts,
  before: ChatInfo | undefined,
  { chat, participants }: RoomState,
): Promise<void> {
  const teamOf = (it: ChatInfo) => it.session?.team ?? null
  const queues = [...new Set([...(before?.status === 'waiting' ? [teamOf(before)] : []), teamOf(chat)])]
  const { sessions } = await store.read({
    messageIds: [],
    userIds: [],
    uploadIds: [],
    sessions: { agentIds: [], chatIds: [], queues },
  })
  const user = participants.get(chat.ownerId ?? '')?.user
  const customer = user && toSummary(user)
  const signal: Signal = { type: 'session:waiting', data: { chat, customer: customer ?? null } }
  const text = JSON.stringify(signal)
  for (const userId of sessions?.listeners ?? []) {
    broadcast.publish(`user:${userId}`, { kind: 'signal', text })
  }
}

function toSummary({ id, username, displayName, avatarUrl, type }: User): UserSummary {
  return { id, username, displayName, avatarUrl, type }
}
