import { v7 } from 'uuid'
import { createMembers } from '../../src/hosts/node/cluster/members.ts'
import type { PubSub } from '../../src/hosts/node/cluster/pubsub.ts'
import { createRing } from '../../src/hosts/node/cluster/ring.ts'

const SIZES = [10, 100, 1_000] as const

/** Microseconds of an instance's processor time, by how many instances there are. */
export interface InstanceCosts {
  /** To find the owner of a chat. */
  readonly owner: Readonly<Record<number, number>>
  /** To take note of one heartbeat. */
  readonly heartbeat: Readonly<Record<number, number>>
}

export function measureInstance(): InstanceCosts {
  const owner: Record<number, number> = {}
  const heartbeat: Record<number, number> = {}
  for (const size of SIZES) {
    const ids = Array.from({ length: size }, () => v7())
    owner[size] = measureOwner(ids)
    heartbeat[size] = measureHeartbeat(ids)
  }
  return { owner, heartbeat }
}

function measureOwner(ids: readonly string[]): number {
  const ring = createRing(ids)
  const chatIds = Array.from({ length: 1_000 }, () => v7())
  return perCall(2_000_000 / ids.length, (index) => void ring.ownerOf(chatIds[index % 1_000] ?? ''))
}

function measureHeartbeat(ids: readonly string[]): number {
  let hear = (_text: string): void => {}
  const pubsub: PubSub = {
    isDown: false,
    publish() {},
    async subscribe(_channel, listener) {
      hear = listener
      return () => {}
    },
    reconnect() {},
  }
  const clock = { now: () => 0, after: () => () => {} }
  createMembers({ self: ids[0] ?? '', pubsub, clock, onGone() {} })
  for (const id of ids) hear(`beat ${id}`)
  return perCall(2_000_000 / ids.length, (index) => hear(`beat ${ids[index % ids.length]}`))
}

/** The best of five, as other programs of the machine only ever make it slower. */
function perCall(calls: number, call: (index: number) => void): number {
  const times = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage()
    for (let index = 0; index < calls; index += 1) call(index)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / calls
  })
  return Math.min(...times)
}
