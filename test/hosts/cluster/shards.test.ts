import { Command } from 'ioredis'
import { expect, test } from 'vitest'
import { oneOnEachShard } from '../../../src/hosts/node/cluster/shards.ts'

const SLOTS = 16_384

/** Slots in runs of equal length, as a new cluster has them. */
function slotsOf(...servers: string[]): string[][] {
  return Array.from({ length: SLOTS }, (_, slot) => [
    servers[Math.floor((slot * servers.length) / SLOTS)] ?? '',
    'replica',
  ])
}

function serverOf(channel: string, slots: readonly (readonly string[])[]): string | undefined {
  return slots[new Command('spublish', [channel]).getSlot()]?.[0]
}

test('there is one name on each shard, however many', () => {
  const servers = Array.from({ length: 100 }, (_, number) => `10.0.0.${number}:6379`)
  const slots = slotsOf(...servers)
  const names = oneOnEachShard('parley:probe:a', slots)
  expect(names.map((name) => serverOf(name, slots)).sort()).toEqual(servers.sort())
})

test('a prefix that keeps all channels on one shard has one name, on that', () => {
  const slots = slotsOf('a', 'b', 'c')
  expect(oneOnEachShard('{parley}:probe:a', slots)).toEqual(['{parley}:probe:a:0'])
})

test('without slots there is no name, and slots that nobody has need none', () => {
  expect(oneOnEachShard('parley:probe:a', [])).toEqual([])
  expect(oneOnEachShard('parley:probe:a', Array(SLOTS))).toEqual([])
})
