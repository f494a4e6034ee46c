import type { PresenceStore } from '../../gateway/ports.ts'
import type { PresenceStatus } from '../../protocol/model.ts'
import { type GatewayCalls, toCall } from './calls.ts'
import { gatewayOf, type Objects } from './objects.ts'

/** createRemotePresence asks each user's gateway, which knows his connections. One that is lost knows nobody. */
export function createRemotePresence(gateways: Objects<GatewayCalls>): PresenceStore {
  return {
    set: async (_, status) => status,
    async list(userIds) {
      const groups = Map.groupBy(userIds, gatewayOf)
      const asked = [...groups].map(([name, theirs]) =>
        gateways.get(name).statuses(toCall({ userIds: theirs })),
      )
      const found = (await Promise.allSettled(asked)).flatMap((it): [string, PresenceStatus][] =>
        it.status === 'fulfilled' ? Object.entries(it.value) : [],
      )
      return new Map(found)
    },
  }
}
