import { beforeEach, describe, expect, test } from 'vitest'
import type { Refusal } from '../../src/protocol/errors.ts'
import { TIMES } from '../../src/protocol/limits.ts'
import type { MemoryChats } from '../../src/rooms/memory.ts'
import type { Outcome } from '../../src/rooms/ports.ts'
import { aGroup, GROUP, MIA, NOWHERE, OLGA, OTTO, settled, tablesWith, uuid } from '../support/builders.ts'
import { SAMPLES, send } from './case.ts'
import { createStage, eventsOf, type Stage, typesOf } from './stage.ts'

const AWAY = { ok: false, refusal: { code: 'SERVICE_UNAVAILABLE', retryAfter: 1 } }

let tables: MemoryChats
let stage: Stage

beforeEach(async () => {
  tables = tablesWith([aGroup()])
  stage = createStage(tables)
  await stage.do(MIA, send({ content: 'warm' }))
  stage.told.length = 0
  stage.store.commits.length = 0
})

function contents(): string[] {
  return [...(tables.chats.get(GROUP)?.messages.values() ?? [])].map(({ content }) => content)
}

/** How long it took until the outcome was there, by the clock of the stage. */
async function timed(outcome: Promise<Outcome>): Promise<{ outcome: Outcome; after: number }> {
  const began = stage.clock.now()
  let found: { outcome: Outcome; after: number } | undefined
  void outcome.then((it) => {
    found = { outcome: it, after: stage.clock.now() - began }
  })
  for (let waited = 0; !found && waited < 10_000; waited += 50) await stage.clock.pass(50)
  if (!found) throw new Error('No outcome within 10 s')
  return found
}

describe('a commit whose answer is lost', () => {
  test.each(['lost after', 'lost before'] as const)(
    '(%s it was done) is made once, and acknowledged',
    async (fate) => {
      stage.store.fates.push(fate)
      const { outcome } = await timed(stage.do(MIA, send({ id: uuid(7), content: 'once' })))
      expect(outcome).toMatchObject({ ok: true, data: { seq: 12, replayed: fate === 'lost after' } })
      expect(contents()).toEqual(['warm', 'once'])
    },
  )

  test('is told, so that others look', async () => {
    stage.store.fates.push('lost after')
    await timed(stage.do(MIA, send({ id: uuid(7) })))
    expect(stage.told).toContainEqual({ topic: `chat:${GROUP}`, item: { kind: 'head', seq: 12 } })
  })

  test('tells of what was there before, and never of what is told right after', async () => {
    await stage.do(MIA, send({ id: uuid(7) }))
    stage.told.length = 0
    const release = stage.store.hang()
    const turn = [stage.do(OTTO, send()), stage.do(MIA, send({ id: uuid(7) })), stage.do(OTTO, send())]
    release()
    expect(await Promise.all(turn)).toMatchObject([13, 12, 14].map((seq) => ({ ok: true, data: { seq } })))
    const heads = stage.told.filter(({ item }) => item.kind === 'head')
    expect(heads.every(({ item }) => item.kind === 'head' && item.seq <= 13)).toBe(true)
  })

  test('is told later, if the store is away meanwhile', async () => {
    stage.store.fates.push('lost after')
    const lost = stage.do(MIA, send({ id: uuid(7) }))
    await settled()
    stage.store.isAway = true
    expect(await timed(lost)).toMatchObject({ outcome: AWAY })
    stage.store.isAway = false
    expect(stage.told).toEqual([])
    expect(await stage.do(OTTO, send())).toMatchObject({ ok: true, data: { seq: 13 } })
    expect(stage.told[0]).toMatchObject({ item: { kind: 'head', seq: 12 } })
  })

  test('is told once the store is back, also if nobody writes any more', async () => {
    stage.store.fates.push('lost after')
    const lost = stage.do(MIA, send({ id: uuid(7) }))
    await settled()
    stage.store.isAway = true
    expect(await timed(lost)).toMatchObject({ outcome: AWAY })
    for (let sends = 0; sends < 3; sends += 1)
      expect(await timed(stage.do(OTTO, send()))).toMatchObject({ outcome: AWAY })
    expect(stage.told).toEqual([])
    stage.store.isAway = false
    await stage.clock.pass(TIMES.commitDeadline)
    expect(stage.told).toEqual([{ topic: `chat:${GROUP}`, item: { kind: 'head', seq: 12 } }])
    await stage.clock.pass(10 * TIMES.commitDeadline)
    expect(stage.told).toHaveLength(1)
  })

  test('and which had no id of its own is one message all the same', async () => {
    const before = ['x', 'a', 'b', 'c'].map((content) => stage.do(MIA, send({ content })))
    stage.store.fates.push('lost after', 'stale', 'lost after')
    await stage.clock.pass(1_000)
    expect(await Promise.all(before)).toMatchObject(
      [12, 13, 14, 15].map((seq) => ({ ok: true, data: { seq } })),
    )
    expect(contents()).toEqual(['warm', 'x', 'a', 'b', 'c'])
  })
})

describe('a store that is away', () => {
  test('a little while is waited for', async () => {
    stage.store.fates.push('unavailable', 'unavailable')
    const { outcome, after } = await timed(stage.do(MIA, send()))
    expect(outcome).toMatchObject({ ok: true })
    expect(after).toBeLessThan(TIMES.commitDeadline)
  })

  test('12.4 is reported as retryable within the deadline', async () => {
    stage.store.isAway = true
    const { outcome, after } = await timed(stage.do(MIA, send()))
    expect(outcome).toMatchObject(AWAY)
    expect(after).toBeLessThanOrEqual(TIMES.commitDeadline + 50)
  })

  test.each([500, 6_000])('is reported after %i ms where these are its deadline', async (commitDeadline) => {
    stage = createStage(tables, GROUP, { commitDeadline })
    stage.store.isAway = true
    const { outcome, after } = await timed(stage.do(MIA, send()))
    expect(outcome).toMatchObject(AWAY)
    expect(after).toBeGreaterThan(commitDeadline - 300)
    expect(after).toBeLessThanOrEqual(commitDeadline + 50)
  })

  test('is reported so to a room that has to load first, and as one fault', async () => {
    stage = createStage(tables)
    stage.store.isAway = true
    expect(await timed(stage.do(MIA, send()))).toMatchObject({ outcome: AWAY })
    expect(stage.faults).toHaveLength(1)
  })

  test('is waited for by what has to read first as well', async () => {
    stage.store.isAway = true
    const edited = stage.do(MIA, {
      type: 'message:edit',
      chatId: GROUP,
      messageId: uuid(0xf0001),
      content: 'new',
    })
    await stage.clock.pass(500)
    stage.store.isAway = false
    await stage.clock.pass(500)
    expect(await edited).toMatchObject({ ok: true })
  })

  test.each(['warm', 'cold'])('and hangs is given up within the deadline (a %s room)', async (kind) => {
    if (kind === 'cold') stage = createStage(tables)
    const release = stage.store.hang()
    const waiting = [send(), SAMPLES['chat:mute'], send()].map((command) => timed(stage.do(OLGA, command)))
    for (const { outcome, after } of await Promise.all(waiting)) {
      expect(outcome).toMatchObject(AWAY)
      expect(after).toBeLessThanOrEqual(TIMES.commitDeadline + 150)
    }
    release()
    await settled()
    expect(await stage.do(MIA, send())).toMatchObject({ ok: true })
  })

  test('and back again does what came in time, once', async () => {
    stage.store.isAway = true
    const early = stage.do(MIA, send({ content: 'early' }))
    await stage.clock.pass(1_500)
    const late = stage.do(MIA, send({ content: 'late' }))
    await stage.clock.pass(600)
    stage.store.isAway = false
    await stage.clock.pass(100)
    expect(await early).toMatchObject(AWAY)
    expect(await late).toMatchObject({ ok: true, data: { seq: 12 } })
    expect(contents()).toEqual(['warm', 'late'])
  })
})

describe('a turn that the store refuses', () => {
  const refusal: Refusal = { code: 'INTERNAL_ERROR', message: 'poison' }

  test('is taken apart, so that one poison fails alone', async () => {
    stage.store.refuses = ({ events }) =>
      events.some((event) => event.type === 'message:new' && event.data.message.content === 'poison')
        ? refusal
        : undefined
    const all = ['before', 'a', 'poison', 'b', 'c'].map((content) => stage.do(MIA, send({ content })))
    const outcomes = await Promise.all(all)
    expect(outcomes.map((it) => (it.ok ? it.data.seq : it.refusal.message))).toEqual([
      12,
      13,
      'poison',
      14,
      15,
    ])
    expect(contents()).toEqual(['warm', 'before', 'a', 'b', 'c'])
    expect(eventsOf(stage).map(([, seq]) => seq)).toEqual([12, 13, 14, 15])
  })

  test('is halved, so that a poison among 256 is found by few commits', async () => {
    stage.store.refuses = ({ events }) =>
      events.some((event) => event.type === 'message:new' && event.data.message.content === 'poison')
        ? refusal
        : undefined
    const first = stage.do(MIA, send())
    const all = Array.from({ length: 256 }, (_, place) =>
      stage.do(MIA, send({ content: place === 100 ? 'poison' : `${place}` })),
    )
    await first
    const outcomes = await Promise.all(all)
    expect(outcomes.flatMap((it, place) => (it.ok ? [] : [place]))).toEqual([100])
    expect(stage.store.commits.length).toBeLessThanOrEqual(1 + 1 + 2 * Math.log2(256))
  })

  test('alone is refused with the reason of the store', async () => {
    stage = createStage(tablesWith([aGroup()], [aGroup({ chat: { id: NOWHERE, slug: 'us' } })]))
    const taken = { type: 'chat:update' as const, chatId: GROUP, slug: 'us' }
    expect(await stage.do(OLGA, taken)).toMatchObject({
      ok: false,
      refusal: { code: 'CONFLICT', details: [{ field: 'slug' }] },
    })
    expect(await stage.do(OLGA, { ...taken, slug: 'them' })).toMatchObject({ ok: true, data: { seq: 11 } })
    expect(stage.store.commits.map(typesOf)).toEqual([['chat:updated'], ['chat:updated']])
  })
})

test('a fault while telling is reported, and the room goes on', async () => {
  const { push } = stage.told
  stage.told.push = () => {
    throw new Error('The bus is gone')
  }
  expect(await stage.do(MIA, send())).toMatchObject({ ok: true, data: { seq: 12 } })
  await settled()
  stage.told.push = push
  expect(stage.faults).toHaveLength(1)
  expect(await stage.do(MIA, send())).toMatchObject({ ok: true, data: { seq: 13 } })
})
