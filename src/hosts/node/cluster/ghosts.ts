import type { ChangesReader, UserReader } from '../../../gateway/ports.ts'
import { tellStatus } from '../../../gateway/presence.ts'
import type { Broadcast, Clock } from '../../../rooms/ports.ts'
import type { Members } from './members.ts'
import type { ClusterPresence } from './presence.ts'

interface GhostsPorts {
  readonly members: Pick<Members, 'self' | 'taking'>
  readonly presence: ClusterPresence
  readonly users: UserReader
  readonly changes: ChangesReader
  readonly broadcast: Broadcast
  readonly clock: Clock
}

/**
 * tellGhosts tells that the users of an instance that is gone are offline, except those who have come back elsewhere.
 * One of the others does it, the one the ring names for it.
 */
export async function tellGhosts(instanceId: string, ports: GhostsPorts): Promise<void> {
  const { members, presence, users, changes, broadcast, clock } = ports
  if (members.taking.ownerOf(instanceId) !== members.self) return
  const statuses = await presence.forget(instanceId)
  const gone = [...statuses].flatMap(([userId, status]) => (status === 'offline' ? [userId] : []))
  if (gone.length === 0) return
  await users.seen(new Map(gone.map((userId) => [userId, clock.now()])))
  const headsOf = Map.groupBy(await changes.listHeads(gone), ({ userId }) => userId)
  const profiles = await Promise.all(gone.map((userId) => users.profile(userId)))
  for (const [index, userId] of gone.entries()) {
    const chatIds = (headsOf.get(userId) ?? []).map(({ chatId }) => chatId)
    const contactIds = profiles[index]?.contactIds ?? []
    tellStatus({ broadcast, clock }, { userId, status: 'offline', chatIds, contactIds })
  }
}
