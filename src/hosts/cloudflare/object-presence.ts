import type { PresenceStore } from '../../gateway/ports.ts'
import { mostPresent } from '../../gateway/presence.ts'
import type { PresenceStatus } from '../../protocol/model.ts'

/**
 * createObjectPresence knows the users of one gateway, and no others are asked of it. `statusesOf` gives how each
 * connection of a user wants him to be seen: nothing is kept that a sleep would lose.
 */
export function createObjectPresence(
  statusesOf: (userId: string) => Iterable<PresenceStatus>,
): PresenceStore {
  return {
    set: async (_, status) => status,
    async list(userIds) {
      const all = userIds.map((userId) => [userId, mostPresent(statusesOf(userId))] as const)
      return new Map(all.filter(([, status]) => status !== 'offline'))
    },
  }
}
