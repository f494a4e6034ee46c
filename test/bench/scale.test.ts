import { beforeAll, describe, expect, test } from 'vitest'
import { createRandom } from '../../bench/generator/words.ts'
import { add, nothing, type Traffic, trafficOf } from '../../bench/scale/bus.ts'
import { createFleet, type Fleet } from '../../bench/scale/fleet.ts'
import { createIds } from '../../bench/scale/ids.ts'
import { createPopulation } from '../../bench/scale/population.ts'
import { balanceOf, batchOf } from '../../bench/scale/rates.ts'
import { measureSizes, type Sizes } from '../../bench/scale/sizes.ts'
import { type Spread, spread } from '../../bench/scale/spread.ts'
import {
  beatTraffic,
  type Habit,
  joinTraffic,
  messageTraffic,
  probeTraffic,
} from '../../bench/scale/traffic.ts'
import { createRing } from '../../src/hosts/node/cluster/ring.ts'
import { LIMITS } from '../../src/protocol/limits.ts'

const SEED = 7
const CONTENT = 'The train leaves at nine'

describe('people drawn from a seed', () => {
  test('are the same for the same seed', () => {
    expect(createPopulation(500, createRandom(SEED))).toEqual(createPopulation(500, createRandom(SEED)))
  })

  test('are in chats of two or more, nobody twice in one, and no group is too large', () => {
    const { chats, starts, members } = createPopulation(2_000, createRandom(SEED))
    for (let chat = 0; chat < chats; chat += 1) {
      const own = members.subarray(starts[chat], starts[chat + 1])
      expect(new Set(own).size).toBe(own.length)
      expect(own.length).toBeGreaterThanOrEqual(2)
      expect(own.length).toBeLessThanOrEqual(LIMITS.groupParticipants)
    }
  })
})

describe.each([3, 10, 40])('the ring of %i instances', (instances) => {
  let counted: Spread
  beforeAll(() => {
    const random = createRandom(SEED)
    counted = spread(createPopulation(4_000, random), instances, random)
  })

  test('shares chats out as evenly as chance does', () => {
    const { balance, sample } = counted.ring
    expect(balance - 1).toBeLessThan(1.5 * (balanceOf(instances, sample) - 1))
  })

  test('moves the chats of the instances that go, and no others', () => {
    const { movedByOne, movedByTenth, movedNeedlessly } = counted.ring
    const tenth = Math.max(1, Math.round(instances / 10))
    expect(movedByOne * instances).toBeCloseTo(1, 0)
    expect((movedByTenth * instances) / tenth).toBeCloseTo(1, 0)
    expect(movedNeedlessly).toBe(0)
  })

  test('sends (n - 1) / n of the messages elsewhere', () => {
    expect(counted.ring.relayed).toBeCloseTo(1 - 1 / instances, 1)
  })

  test('has every membership heard, where members share an instance once', () => {
    const heard = counted.heard.reduce((sum, count) => sum + count, 0)
    expect(heard).toBeLessThanOrEqual(counted.memberships)
    expect(heard).toBeGreaterThanOrEqual(counted.chats)
  })
})

describe('what goes over the bus', () => {
  let sizes: Sizes
  const uuid = createIds(createRandom(SEED))
  beforeAll(async () => {
    sizes = await measureSizes({ content: CONTENT, chats: 1, contacts: 0, uuid })
  })

  test.each<[Habit, 'direct' | 'group', number[]]>([
    ['send', 'direct', [0, 1]],
    ['send', 'direct', [2, 2]],
    ['send', 'group', [0, 1, 2, 3, 4, 4, 3]],
    ['type, send, acknowledge', 'direct', [0, 1]],
    ['type, send, acknowledge', 'direct', [3, 3]],
  ])('is as derived, for people who %s in a %s chat of members at %j', async (habit, kind, homes) => {
    const fleet = await createFleet(5, uuid)
    const { counted, relayed } = await letAllSend(fleet, { kind, homes, habit })
    const heardBy = new Set(homes).size
    const receipts = habit === 'send' ? 0 : 1
    const means = { others: homes.length - 1, heardBy, receipts, receiptsHeardBy: receipts * heardBy }
    const each = messageTraffic({ sizes, means, relayed, habit })
    const derived = add(nothing(), each, homes.length)
    // Time stands still: of the lists of who types, two for each message, none but the first is told.
    const untold = habit === 'send' ? 0 : 2 * homes.length - 1
    expect(counted.publishes).toBeCloseTo(derived.publishes - untold)
    expect(counted.pushes).toBeCloseTo(derived.pushes - untold * heardBy)
    const bytes = counted.bytesOut + untold * trafficOf(`chat:${uuid()}`, sizes.typing.news, heardBy).bytesOut
    expect(bytes / derived.bytesOut).toBeCloseTo(1, 1)
  })

  test.each([2, 5, 12])('of %i instances without users is as derived', async (instances) => {
    const fleet = await createFleet(instances, uuid)
    expect(fleet.bus.count().pushes).toBe(instances ** 3 + instances)
    fleet.bus.clear()
    fleet.pass()
    await fleet.settle()
    expect(fleet.bus.count()).toEqual(add(beatTraffic(sizes, instances), probeTraffic(sizes, instances)))
    fleet.bus.clear()
    fleet.join()
    await fleet.settle()
    const { publishes, pushes } = joinTraffic(sizes, instances)
    expect(fleet.bus.count()).toMatchObject({ publishes: publishes + 1, pushes: pushes + 1 })
  })
})

describe('turns of one statement', () => {
  test('are one while nothing waits, more when they come faster, and without end when nothing keeps up', () => {
    expect(batchOf(100)).toBe(1)
    expect(batchOf(5_000)).toBeGreaterThan(5)
    expect(batchOf(20_000)).toBe(Number.POSITIVE_INFINITY)
  })
})

interface Sending {
  readonly kind: 'direct' | 'group'
  readonly homes: readonly number[]
  readonly habit: Habit
}

/** What it leads to that everybody in a chat sends one message, and which share of the commands is decided elsewhere. */
async function letAllSend(
  { bus, instances, settle, createChat }: Fleet,
  { kind, homes, habit }: Sending,
): Promise<{ counted: Traffic; relayed: number }> {
  const { id, principals } = await createChat(kind, homes)
  const ids = instances.map((instance) => instance.id)
  const members = homes.flatMap((home, index) => {
    const [instance, principal] = [instances[home], principals[index]]
    return instance && principal
      ? [{ instanceId: instance.id, room: instance.directory.get(id), principal }]
      : []
  })
  bus.clear()
  for (const { room, principal } of members) {
    if (habit !== 'send') room.typing(principal, true)
    await settle()
    const command = { type: 'message:send', chatId: id, content: CONTENT, contentType: 'text' } as const
    const sent = room.dispatch({ principal, origin: id, command })
    await settle()
    const outcome = await sent
    for (const other of members) {
      if (habit === 'send' || other.principal === principal || !outcome.ok) continue
      const mark = { type: 'message:delivered', chatId: id, seq: outcome.data.seq } as const
      void other.room.dispatch({ principal: other.principal, origin: null, command: mark })
      await settle()
    }
  }
  const owner = createRing(ids).ownerOf(id)
  const away = members.filter(({ instanceId }) => instanceId !== owner)
  return { counted: bus.count(), relayed: away.length / members.length }
}
