import { Command } from 'ioredis'

/** Names that are tried, in a millisecond or two: enough for every shard that has a hundredth of the slots. */
const MOST_TRIES = 1_000

/** The server of each slot: the one that has it, then its replicas. */
type Slots = readonly (readonly string[])[]

/**
 * oneOnEachShard adds a number to a channel's name, so that one of the names lives on each shard of a Redis Cluster as
 * its slots are now. A prefix with a hash tag keeps all channels on one shard, which is then the only one.
 */
export function oneOnEachShard(name: string, slots: Slots): string[] {
  const without = new Set(slots.flatMap(([server]) => server ?? []))
  const names: string[] = []
  for (let number = 0; number < MOST_TRIES && without.size > 0; number += 1) {
    const candidate = `${name}:${number}`
    const server = slots[slotOf(candidate)]?.[0]
    if (server !== undefined && without.delete(server)) names.push(candidate)
  }
  return names
}

/** As the driver itself finds the shard of a channel. */
function slotOf(channel: string): number {
  return new Command('spublish', [channel]).getSlot()
}
