import { beforeEach, expect, test } from 'vitest'
import type { Broadcastable, RoomState } from '../../src/rooms/ports.ts'
import { createTyping, type Typing } from '../../src/rooms/typing.ts'
import {
  ADAM,
  aDirect,
  aGroup,
  aParticipant,
  createHandClock,
  GROUP,
  type HandClock,
  MIA,
  OTTO,
  principalOf,
  SAM,
  settled,
} from '../support/builders.ts'

const mia = principalOf(MIA)
const otto = principalOf(OTTO)

let clock: HandClock
let typing: Typing
/** Each list that was told: when, and who. */
let told: [after: number, ...names: string[]][]
const NAMES: Record<string, string> = { [MIA.id]: 'mia', [OTTO.id]: 'otto', [ADAM.id]: 'adam' }

beforeEach(() => {
  clock = createHandClock()
  told = []
  const began = clock.now()
  const publish = (topic: string, item: Broadcastable) => {
    if (topic !== `chat:${GROUP}` || item.kind !== 'signal') throw new Error(`Unexpected: ${topic}`)
    const { type, data } = JSON.parse(item.text)
    expect([type, data.chatId]).toEqual(['typing', GROUP])
    told.push([clock.now() - began, ...data.userIds.map((id: string) => NAMES[id])])
  }
  typing = createTyping(GROUP, {
    broadcast: { publish },
    clock,
  })
})

const inGroup = async (): Promise<RoomState> => aGroup()

test('who types is told at once', async () => {
  typing.set(mia, true, inGroup)
  await clock.pass(0)
  expect(told).toEqual([[0, 'mia']])
})

test('the whole list is told, at most once a second', async () => {
  typing.set(mia, true, inGroup)
  await clock.pass(100)
  typing.set(otto, true, inGroup)
  await clock.pass(100)
  typing.set(mia, false, inGroup)
  await clock.pass(100)
  typing.set(mia, true, inGroup)
  await clock.pass(2_000)
  expect(told).toEqual([
    [0, 'mia'],
    [1_000, 'otto', 'mia'],
  ])
})

test('6.4 who is not heard of for 10 s is forgotten', async () => {
  typing.set(mia, true, inGroup)
  await clock.pass(9_999)
  expect(told).toEqual([[0, 'mia']])
  await clock.pass(1)
  expect(told.at(-1)).toEqual([10_000])
  await clock.pass(60_000)
  expect(told).toHaveLength(2)
  expect(clock.timers).toBe(0)
})

test('who goes on saying so stays', async () => {
  for (let step = 0; step < 10; step += 1) {
    typing.set(mia, true, inGroup)
    await clock.pass(3_000)
  }
  for (const [, ...names] of told) expect(names).toEqual(['mia'])
  await clock.pass(10_000)
  expect(told.at(-1)).toEqual([37_000])
})

test('who stops, or has sent, is told so within a second', async () => {
  typing.set(mia, true, inGroup)
  typing.set(otto, true, inGroup)
  await clock.pass(5_000)
  typing.stop(MIA.id)
  await clock.pass(0)
  expect(told.slice(-1)).toEqual([[5_000, 'otto']])
})

test('who stopped while it was looked up whether he may does not type', async () => {
  const { promise, resolve } = Promise.withResolvers<RoomState>()
  typing.set(mia, true, () => promise)
  typing.set(mia, false, inGroup)
  resolve(aGroup())
  await clock.pass(20_000)
  expect(told).toEqual([])
})

test('is looked up once, however often it is said meanwhile', async () => {
  const { promise, resolve } = Promise.withResolvers<RoomState>()
  let loads = 0
  const load = () => {
    loads += 1
    return promise
  }
  for (let times = 0; times < 5; times += 1) typing.set(mia, true, load)
  resolve(aGroup())
  await settled()
  expect(loads).toBe(1)
})

test.each<[string, RoomState | undefined]>([
  ['of no chat', undefined],
  ['of others', aGroup({ participants: [aParticipant(OTTO)] })],
  ['that is gone', aGroup({ isDeleted: true })],
  ['with somebody who has blocked him', aDirect({ isBlocked: true })],
  ['in which his role only looks on', aGroup({ participants: [aParticipant(MIA, { role: 'observer' })] })],
])('nobody types in a chat %s', async (_, state) => {
  typing.set(mia, true, async () => state)
  typing.set(principalOf(SAM), true, inGroup)
  await clock.pass(20_000)
  expect(told).toEqual([])
})

test('a store that is away loses the signal and nothing else', async () => {
  typing.set(mia, true, () => Promise.reject(new Error('away')))
  await clock.pass(1_000)
  expect(told).toEqual([])
  typing.set(mia, true, inGroup)
  await clock.pass(0)
  expect(told).toEqual([[1_000, 'mia']])
})
