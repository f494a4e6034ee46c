import { expect, test } from 'vitest'
import type { GatewayCalls, HearCall } from '../../src/hosts/cloudflare/calls.ts'
import type { Objects } from '../../src/hosts/cloudflare/objects.ts'
import { createTeller } from '../../src/hosts/cloudflare/teller.ts'
import { clock } from '../../src/hosts/shared/clock.ts'
import { fromBroadcastText } from '../../src/rooms/broadcast-text.ts'
import type { Broadcastable, Clock } from '../../src/rooms/ports.ts'
import { GROUP } from '../support/builders.ts'
import { createTestClock } from '../support/test-clock.ts'

const topic = `chat:${GROUP}` as const

function events(...seqs: number[]): Broadcastable {
  const told = seqs.map((seq) => ({ seq, origin: null, left: null, text: `{"seq":${seq}}` }))
  return { kind: 'events', chatId: GROUP, events: told }
}

/** Gateways that answer when they are told to, and what each of them was called with. */
function stage(listeners: readonly string[], ticking: Clock = clock) {
  const calls: { way: string; name: string; call: HearCall; answer: PromiseWithResolvers<void> }[] = []
  const forgotten: string[] = []
  const waiting: Promise<unknown>[] = []
  const reachedBy = (way: string): Objects<Pick<GatewayCalls, 'hear'>> => ({
    get: (name) => ({
      hear(call) {
        const answer = Promise.withResolvers<void>()
        calls.push({ way, name, call, answer })
        return answer.promise
      },
    }),
    forget: (name) => void forgotten.push(`${way} ${name}`),
  })
  const teller = createTeller({
    clock: ticking,
    gateways: reachedBy('call'),
    links: reachedBy('link'),
    listeners: new Set(listeners),
    waitUntil: (promise) => void waiting.push(promise),
  })
  const heardBy = (name: string) =>
    calls.filter((it) => it.name === name).map((it) => fromBroadcastText(it.call.text))
  return { teller, calls, forgotten, waiting, heardBy }
}

test('what comes while nobody has taken the last is told in one, in its order, to every gateway', async () => {
  const names = Array.from({ length: 20 }, (_, index) => String(index))
  const { teller, calls, heardBy } = stage(names)
  teller.publish(topic, events(1))
  await expect.poll(() => calls.length).toBe(names.length)
  teller.publish(topic, events(2, 3))
  teller.publish(topic, events(4))
  calls[0]?.answer.resolve()
  await expect.poll(() => calls.length).toBe(2 * names.length)
  for (const name of names) expect(heardBy(name)).toEqual([events(1), events(2, 3, 4)])
})

test('a gateway that never answers holds nobody up', async () => {
  const { teller, heardBy } = stage(['silent'])
  teller.publish(topic, events(1))
  await expect.poll(() => heardBy('silent')).toHaveLength(1)
  teller.publish(topic, events(2))
  await expect.poll(() => heardBy('silent')).toEqual([events(1), events(2)])
})

test('after much the next waits as long as telling took, and little waits for nothing', async () => {
  const time = createTestClock()
  const { teller, heardBy } = stage(['silent'], time)
  const passes = async (milliseconds: number) => {
    time.pass(milliseconds)
    for (let turns = 0; turns < 20; turns += 1) await Promise.resolve()
  }
  const much = events(...Array.from({ length: 20 }, (_, index) => index + 1))
  teller.publish(topic, much)
  await passes(0)
  expect(heardBy('silent')).toEqual([much])
  teller.publish(topic, events(21))
  await passes(20) // PACE: the gateway does not answer
  teller.publish(topic, events(22))
  await passes(19)
  expect(heardBy('silent')).toEqual([much])
  await passes(1)
  await passes(0)
  expect(heardBy('silent')).toEqual([much, events(21, 22)])
  teller.publish(topic, events(23))
  await passes(20)
  await passes(0)
  expect(heardBy('silent')).toEqual([much, events(21, 22), events(23)])
})

test('only events without a hole between them go together, and nothing overtakes', async () => {
  const { teller, heardBy } = stage(['1'])
  const items: Broadcastable[] = [
    ...[events(1), events(3)],
    { kind: 'head', seq: 3 },
    ...[events(4), { kind: 'signal', text: '{}' } as const, events(5)],
  ]
  for (const item of items) teller.publish(topic, item)
  await expect.poll(() => heardBy('1')).toEqual(items)
})

test('a gateway that is lost is reached afresh, and news of a user goes to the gateway of the user', async () => {
  const { teller, calls, forgotten, waiting, heardBy } = stage(['1'])
  teller.publish('user:mia', { kind: 'joined', chatId: GROUP })
  expect(calls).toHaveLength(1)
  calls[0]?.answer.reject(new Error('lost'))
  await expect.poll(() => calls.length).toBe(2)
  calls[1]?.answer.reject(new Error('lost'))
  await Promise.all(waiting)
  const name = calls[0]?.name
  expect(forgotten).toEqual([`link ${name}`, `call ${name}`])
  expect(heardBy('1')).toEqual([])
})

test('what a link does not carry is told by a call: an object of the last release knows no links', async () => {
  const { teller, calls, forgotten } = stage(['1'])
  teller.publish(topic, events(1))
  await expect.poll(() => calls.length).toBe(1)
  calls[0]?.answer.reject(new TypeError('The RPC receiver does not implement the method "link".'))
  await expect.poll(() => calls.length).toBe(2)
  expect(calls.map(({ way, call }) => [way, fromBroadcastText(call.text)])).toEqual([
    ['link', events(1)],
    ['call', events(1)],
  ])
  expect(forgotten).toEqual(['link 1'])
})

test('with nobody listening nothing is kept', () => {
  const { teller, waiting } = stage([])
  teller.publish(topic, events(1))
  expect(waiting).toEqual([])
})
