import type { Publisher } from '../../rooms/ports.ts'
import { type GatewayCalls, toHearCall } from './calls.ts'
import { gatewayOf, type Objects } from './objects.ts'

/** createRemotePublisher tells news of a user to the user's gateway. Everything else rooms and gateways tell. */
export function createRemotePublisher(
  gateways: Objects<GatewayCalls>,
  waitUntil: (promise: Promise<unknown>) => void,
): Publisher {
  return {
    publish(topic, item) {
      const [kind, userId = ''] = topic.split(':')
      if (kind !== 'user') throw new Error(`Requests tell nothing to ${topic}`)
      const told = gateways.get(gatewayOf(userId)).hear(toHearCall(topic, item))
      waitUntil(told.catch(() => {})) // a signal may be lost
    },
  }
}
