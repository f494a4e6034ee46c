import { beforeEach, expect, test } from 'vitest'
import { TIMES } from '../../src/protocol/limits.ts'
import { createRooms, type Rooms } from '../../src/rooms/directory.ts'
import { createMemoryBroadcast, createMemoryRoomStore } from '../../src/rooms/memory.ts'
import {
  aGroup,
  createHandClock,
  createIds,
  envelope,
  GROUP,
  type HandClock,
  MIA,
  NOWHERE,
  settled,
  tablesWith,
} from '../support/builders.ts'
import { read, send } from './case.ts'

let clock: HandClock
let rooms: Rooms

beforeEach(() => {
  clock = createHandClock()
  const store = createMemoryRoomStore(tablesWith([aGroup()]))
  rooms = createRooms({
    store,
    broadcast: createMemoryBroadcast(),
    clock,
    ids: createIds(),
    onFault: () => {},
  })
})

test('a chat has one room', () => {
  expect(rooms.get(GROUP)).toBe(rooms.get(GROUP))
  expect(rooms.get(NOWHERE)).not.toBe(rooms.get(GROUP))
  expect(rooms.count).toBe(2)
})

test('a room that nobody has used for five minutes leaves memory', async () => {
  await rooms.get(GROUP).dispatch(envelope(MIA, send()))
  await clock.pass(TIMES.roomIdle)
  expect(rooms.count).toBe(1)
  await clock.pass(TIMES.roomIdle / 5)
  expect(rooms.count).toBe(0)
  expect(await rooms.get(GROUP).dispatch(envelope(MIA, send()))).toMatchObject({
    ok: true,
    data: { seq: 12 },
  })
})

test('a room that is used stays', async () => {
  const room = rooms.get(GROUP)
  for (let step = 0; step < 6; step += 1) {
    room.typing(envelope(MIA, send()).principal, true)
    await clock.pass(TIMES.roomIdle / 2)
  }
  expect(rooms.get(GROUP)).toBe(room)
})

test('a drain commits what was held, and looks after nothing more', async () => {
  const room = rooms.get(GROUP)
  await room.dispatch(envelope(MIA, read(2)))
  const held = room.dispatch(envelope(MIA, read(5)))
  await settled()
  rooms.drain()
  expect(await held).toMatchObject({ ok: true, data: { seq: 12 } })
  await clock.pass(10 * TIMES.roomIdle)
  expect(clock.timers).toBe(0)
})
