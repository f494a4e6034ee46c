import type { PresenceStatus } from '../protocol/model.ts'
import type { Broadcast, Clock } from '../rooms/ports.ts'
import type { LocalUser } from './audience.ts'
import type { PresenceStore, UserReader } from './ports.ts'

/** News of one user waits this long, so that a reload of a page is no news, and a storm is few frames. */
const PRESENCE_PAUSE = 500
const MOST_PRESENT: readonly PresenceStatus[] = ['online', 'busy', 'away']

/** mostPresent is how a user is seen who is present in several ways. */
export function mostPresent(statuses: Iterable<PresenceStatus>): PresenceStatus {
  const seen = new Set(statuses)
  return MOST_PRESENT.find((status) => seen.has(status)) ?? 'offline'
}

interface PresencePorts {
  readonly presence: PresenceStore
  readonly users: UserReader
  readonly broadcast: Broadcast
  readonly clock: Clock
  readonly onFault: (fault: { error: unknown }) => void
}

/** Presence tells those who share a chat or a contact with a user how he is seen. A signal: it may be lost. */
export interface Presence {
  /** `offline` when the last connection here has ended. */
  set(user: LocalUser, status: PresenceStatus): void
  /** Knows again what was told before the gateway fell asleep. */
  restore(userId: string, status: PresenceStatus): void
  /** Tells now what waits. Never rejects. */
  flush(): Promise<void>
}

interface Pending {
  readonly status: PresenceStatus
  readonly chatIds: readonly string[]
  readonly contactIds: readonly string[]
}

export function createPresence({ presence, users, broadcast, clock, onFault }: PresencePorts): Presence {
  const pending = new Map<string, Pending>()
  /** Those who are not offline, as they were last told. */
  const told = new Map<string, PresenceStatus>()
  let cancelFlush = () => {}

  async function tell(userId: string, { status, chatIds, contactIds }: Pending): Promise<void> {
    const seen = await presence.set(userId, status)
    if (status === 'offline') told.delete(userId)
    else told.set(userId, status)
    tellStatus({ broadcast, clock }, { userId, status: seen, chatIds, contactIds })
  }

  async function flush(): Promise<void> {
    cancelFlush()
    const now = clock.now()
    const batch = [...pending]
    pending.clear()
    const gone = batch.filter(([, { status }]) => status === 'offline').map(([userId]) => userId)
    const news = batch.filter(([userId, { status }]) => status !== (told.get(userId) ?? 'offline'))
    const work = news.map(([userId, it]) => tell(userId, it))
    if (gone.length > 0) work.push(users.seen(new Map(gone.map((userId) => [userId, now]))))
    for (const { reason } of (await Promise.allSettled(work)).filter(isRejected)) onFault({ error: reason })
  }

  return {
    flush,
    restore: (userId, status) => void told.set(userId, status),
    set({ id, chats, contactIds }, status) {
      if (pending.size === 0) cancelFlush = clock.after(PRESENCE_PAUSE, () => void flush())
      pending.set(id, { status, chatIds: [...chats.keys()], contactIds: [...contactIds] })
    },
  }
}

/** tellStatus tells every gateway how a user is seen now, and who there wants to know. */
export function tellStatus(
  { broadcast, clock }: Pick<PresencePorts, 'broadcast' | 'clock'>,
  { userId, status, chatIds, contactIds }: Pending & { readonly userId: string },
): void {
  const lastSeen = status === 'offline' ? new Date(clock.now()).toISOString() : null
  const text = JSON.stringify({ type: 'user:status', data: { userId, status, lastSeen } })
  broadcast.publish('presence', { kind: 'presence', userId, text, chatIds, contactIds })
}

function isRejected(result: PromiseSettledResult<void>): result is PromiseRejectedResult {
  return result.status === 'rejected'
}
