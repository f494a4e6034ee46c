import { beforeEach, describe, expect, test } from 'vitest'
import type { MemoryChats } from '../../src/rooms/memory.ts'
import type { Outcome } from '../../src/rooms/ports.ts'
import {
  ADAM,
  aDirect,
  aGroup,
  DIRECT,
  MIA,
  OLGA,
  OTTO,
  SAM,
  settled,
  tablesWith,
} from '../support/builders.ts'
import { delivered, read, send } from './case.ts'
import { createStage, eventsOf, type Stage } from './stage.ts'

let tables: MemoryChats
let stage: Stage

beforeEach(() => {
  tables = tablesWith([aGroup()], [aDirect()])
  stage = createStage(tables)
})

/** What came of it so far: its number, its refusal, or nothing yet. */
function watched(outcome: Promise<Outcome>): { seq?: number; code?: string } {
  const it: { seq?: number; code?: string } = {}
  void outcome.then((found) => Object.assign(it, found.ok ? { seq: found.data.seq } : found.refusal))
  return it
}

describe('in a group', () => {
  test('the first receipts go at once, those of the next second as one change at its end', async () => {
    await stage.do(MIA, read(2))
    const held = [
      stage.do(MIA, read(5)),
      stage.do(OTTO, read(6)),
      stage.do(ADAM, delivered(7)),
      stage.do(MIA, read(4)),
    ].map(watched)
    await stage.clock.pass(999)
    expect(held).toEqual([{}, {}, {}, {}])
    await stage.clock.pass(1)
    expect(held).toEqual([12, 12, 12, 12].map((seq) => ({ seq })))
    expect(eventsOf(stage)).toEqual([
      ['receipts', 11],
      ['receipts', 12],
    ])
    expect(stage.store.commits[1]?.events).toMatchObject([
      {
        data: {
          marks: [
            { userId: MIA.id, readSeq: 5 },
            { userId: OTTO.id, readSeq: 6 },
            { userId: ADAM.id, readSeq: 1, deliveredSeq: 7 },
          ],
        },
      },
    ])
  })

  test('are at most one a second, however many read', async () => {
    for (let step = 0; step < 100; step += 1) {
      void stage.do(step % 2 === 0 ? MIA : OTTO, read(Math.min(10, 2 + Math.floor(step / 10))))
      await stage.clock.pass(100)
    }
    await stage.clock.pass(1_000)
    expect(eventsOf(stage).length).toBeLessThanOrEqual(11)
    expect(tables.chats.get(aGroup().chat.id)?.state.participants.get(MIA.id)?.readSeq).toBe(10)
  })

  test('hold no message up', async () => {
    await stage.do(MIA, read(2))
    const held = watched(stage.do(MIA, read(5)))
    expect(await stage.do(OTTO, send())).toMatchObject({ ok: true, data: { seq: 12 } })
    expect(held).toEqual({})
    await stage.clock.pass(1_000)
    expect(held).toEqual({ seq: 13 })
  })

  test('that are held are checked when they go', async () => {
    await stage.do(MIA, read(2))
    const held = watched(stage.do(MIA, read(5)))
    await stage.do(MIA, { type: 'chat:leave', chatId: aGroup().chat.id })
    await stage.clock.pass(1_000)
    expect(held).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('go at once when the instance stops', async () => {
    await stage.do(MIA, read(2))
    const held = watched(stage.do(MIA, read(5)))
    await settled()
    expect(held).toEqual({})
    stage.room.flush()
    await settled()
    expect(held).toEqual({ seq: 12 })
  })

  test('keep the room in memory while they are held', async () => {
    await stage.do(MIA, read(2))
    void stage.do(MIA, read(5))
    await settled()
    expect(stage.room.isIdleSince(Number.POSITIVE_INFINITY)).toBe(false)
    await stage.clock.pass(1_000)
    expect(stage.room.isIdleSince(Number.POSITIVE_INFINITY)).toBe(true)
  })
})

test('in a direct chat receipts go at once', async () => {
  stage = createStage(tables, DIRECT)
  for (const seq of [2, 3, 4]) {
    const outcome = stage.do(MIA, { ...read(seq), chatId: DIRECT })
    expect(await outcome).toMatchObject({ ok: true, data: { seq: 9 + seq } })
  }
  expect(eventsOf(stage)).toEqual([
    ['receipts', 11],
    ['receipts', 12],
    ['receipts', 13],
  ])
})

test('a watermark that is not the principal’s to set is refused', async () => {
  expect(await stage.do(SAM, read(2))).toMatchObject({ ok: false, refusal: { code: 'NOT_FOUND' } })
  expect(await stage.do(OLGA, read(11))).toMatchObject({ ok: false, refusal: { code: 'VALIDATION_ERROR' } })
})
