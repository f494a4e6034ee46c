import type { PresenceStatus } from '../protocol/model.ts'
import type { Broadcast, Clock } from '../rooms/ports.ts'
import type { LocalUser } from './audience.ts'
import type { PresenceStore, UserReader } from './ports.ts'

/** News of one user waits this long, so that a reload of a page is no news, and a storm is few frames. */
const PRESENCE_PAUSE = 500

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
}

interface Pending {
  readonly status: PresenceStatus
  readonly chatIds: readonly string[]
  readonly contactIds: readonly string[]
}

export function createPresence({ presence, users, broadcast, clock, onFault }: PresencePorts): Presence {
  const pending = new Map<string, Pending>()

  async function tell(userId: string, { status, chatIds, contactIds }: Pending): Promise<void> {
    const seen = await presence.set(userId, status)
    const lastSeen = seen === 'offline' ? new Date(clock.now()).toISOString() : null
    const text = JSON.stringify({ type: 'user:status', data: { userId, status: seen, lastSeen } })
    broadcast.publish('presence', { kind: 'presence', userId, text, chatIds, contactIds })
  }

  async function flush(): Promise<void> {
    const batch = [...pending]
    pending.clear()
    const now = clock.now()
    const gone = batch.filter(([, { status }]) => status === 'offline')
    if (gone.length > 0) await users.seen(new Map(gone.map(([userId]) => [userId, now])))
    await Promise.all(batch.map(([userId, news]) => tell(userId, news)))
  }

  return {
    set({ id, chats, contactIds }, status) {
      if (pending.size === 0)
        clock.after(PRESENCE_PAUSE, () => void flush().catch((error) => onFault({ error })))
      pending.set(id, { status, chatIds: [...chats.keys()], contactIds })
    },
  }
}
