import { beforeEach, describe, expect, test } from 'vitest'
import { LIMITS } from '../../src/protocol/limits.ts'
import type { MemoryChats } from '../../src/rooms/memory.ts'
import { createMemoryRoomStore } from '../../src/rooms/memory.ts'
import type { Turn } from '../../src/rooms/ports.ts'
import {
  ADAM,
  aDirect,
  aGroup,
  aMessage,
  DIRECT,
  GROUP,
  MIA,
  OLGA,
  OTTO,
  SAM,
  settled,
  tablesWith,
  uuid,
} from '../support/builders.ts'
import { edit, SAMPLES, send } from './case.ts'
import { createStage, eventsOf, type Stage, typesOf } from './stage.ts'

let tables: MemoryChats
let stage: Stage

beforeEach(() => {
  tables = tablesWith([aGroup(), aMessage(5)])
  stage = createStage(tables)
})

function contents(): string[] {
  return [...(tables.chats.get(GROUP)?.messages.values() ?? [])]
    .sort((a, b) => a.seq - b.seq)
    .map(({ seq, content }) => `${seq} ${content}`)
}

/** What another owner of the chat commits, unseen by the room. */
async function commitElsewhere(turn: Pick<Turn, 'prevSeq' | 'events'>): Promise<void> {
  expect(await createMemoryRoomStore(tables).commit({ chatId: GROUP, mutes: [], ...turn })).toEqual({
    status: 'committed',
  })
}

function sentElsewhere(seq: number, with_: { id?: string; content?: string } = {}) {
  const message = aMessage(seq, { senderId: OTTO.id, content: 'elsewhere', ...with_ })
  return {
    type: 'message:new' as const,
    chatId: GROUP,
    seq,
    at: message.createdAt,
    data: { message, sender: OTTO },
  }
}

describe('a turn', () => {
  test('takes what arrived while the one before was in flight, as one commit', async () => {
    await stage.do(MIA, send({ content: 'warm' }))
    await settled()
    const release = stage.store.hang()
    const first = stage.do(MIA, send({ content: 'a' }))
    const others = [OTTO, ADAM, OLGA].map((user) => stage.do(user, send({ content: user.username })))
    await settled()
    expect(stage.store.commits.map(({ events }) => events.length)).toEqual([1, 1])
    release()
    expect(await Promise.all([first, ...others])).toMatchObject(
      [12, 13, 14, 15].map((seq) => ({ ok: true, data: { seq } })),
    )
    expect(stage.store.commits.map(({ prevSeq, events }) => [prevSeq, events.length])).toEqual([
      [10, 1],
      [11, 1],
      [12, 3],
    ])
  })

  test('answers and tells nothing before its commit', async () => {
    await stage.do(MIA, send())
    stage.told.length = 0
    const release = stage.store.hang()
    let isAnswered = false
    const outcome = stage.do(MIA, send()).finally(() => {
      isAnswered = true
    })
    await settled()
    expect(isAnswered).toBe(false)
    expect(stage.told).toEqual([])
    release()
    expect(await outcome).toMatchObject({ ok: true })
    expect(eventsOf(stage)).toEqual([['message:new', 12]])
  })

  test('of sends is broken by any other command, which goes alone', async () => {
    const all = [
      send(),
      send(),
      SAMPLES['participant:add'],
      send(),
      SAMPLES['chat:update'],
      SAMPLES['chat:mute'],
    ]
    await Promise.all(all.map((command) => stage.do(OLGA, command)))
    expect(stage.store.commits.map(typesOf)).toEqual([
      ['message:new'],
      ['message:new'],
      ['participant:joined'],
      ['message:new'],
      ['chat:updated'],
      ['participant:updated'],
    ])
  })

  test('has a bound', async () => {
    await Promise.all(Array.from({ length: 600 }, () => stage.do(MIA, send())))
    expect(stage.store.commits.map(({ events }) => events.length)).toEqual([1, 256, 256, 87])
    expect(contents()).toHaveLength(601)
  })

  test('tells which connection has its ack instead of the event', async () => {
    await stage.do(MIA, send(), 'here')
    await stage.do(MIA, edit(aMessage(5), 'new'), 'here')
    await stage.do(MIA, SAMPLES['reaction:add'], 'here')
    const origins = stage.told.flatMap(({ item }) =>
      item.kind === 'events' ? item.events.map(({ origin }) => origin) : [],
    )
    expect(origins).toEqual(['here', 'here', null])
  })

  test('tells who joined, on their own topic, and who hears nothing after', async () => {
    await stage.do(OLGA, SAMPLES['participant:add'])
    expect(stage.told.at(-1)).toEqual({ topic: `user:${SAM.id}`, item: { kind: 'joined', chatId: GROUP } })
    await stage.do(SAM, SAMPLES['chat:leave'])
    expect(stage.told.at(-1)).toMatchObject({
      topic: `chat:${GROUP}`,
      item: { events: [{ left: SAM.id, seq: 12 }] },
    })
  })
})

describe('a room whose view is old', () => {
  test('loads afresh and decides the same commands again', async () => {
    await stage.do(MIA, send({ content: 'first' }))
    await commitElsewhere({ prevSeq: 11, events: [sentElsewhere(12)] })
    expect(await stage.do(MIA, send({ content: 'second' }))).toMatchObject({ ok: true, data: { seq: 13 } })
    expect(contents()).toEqual(['5 message 5', '11 first', '12 elsewhere', '13 second'])
  })

  test('refuses nobody before it has looked', async () => {
    await stage.do(MIA, send())
    const participant = {
      userId: SAM.id,
      role: 'member' as const,
      joinedSeq: 12,
      leftSeq: null,
      readSeq: 12,
      deliveredSeq: 12,
      user: SAM,
    }
    await commitElsewhere({
      prevSeq: 11,
      events: [
        {
          type: 'participant:joined',
          chatId: GROUP,
          seq: 12,
          at: sentElsewhere(12).at,
          data: { participant },
        },
      ],
    })
    expect(await stage.do(SAM, send())).toMatchObject({ ok: true, data: { seq: 13 } })
  })

  test('says that there is nothing to do only when there is not', async () => {
    await stage.do(OLGA, SAMPLES['participant:add'])
    await commitElsewhere({
      prevSeq: 11,
      events: [
        {
          type: 'participant:left',
          chatId: GROUP,
          seq: 12,
          at: sentElsewhere(12).at,
          data: { userId: SAM.id, by: SAM.id },
        },
      ],
    })
    expect(await stage.do(OLGA, SAMPLES['participant:add'])).toMatchObject({ ok: true, data: { seq: 13 } })
  })

  test('does not take what it read for typing for a fresh state', async () => {
    stage.room.typing({ user: OTTO, sessionId: 's' }, true)
    await settled()
    await commitElsewhere({ prevSeq: 10, events: [sentElsewhere(11)] })
    const until = { type: 'message:read' as const, chatId: GROUP, seq: 11 }
    expect(await stage.do(MIA, until)).toMatchObject({ ok: true, data: { seq: 12 } })
  })
})

describe('a send with an id that is known', () => {
  test('is answered with what is stored, and changes nothing', async () => {
    const id = uuid(7)
    const first = await stage.do(MIA, send({ id, content: 'once' }))
    const second = await stage.do(MIA, send({ id, content: 'once' }))
    expect(first).toMatchObject({ ok: true, data: { seq: 11, replayed: false } })
    expect(second).toMatchObject({ ok: true, data: { seq: 11, replayed: true } })
    expect(contents()).toEqual(['5 message 5', '11 once'])
  })

  test('is one message also within a turn, and the numbers have no hole', async () => {
    const id = uuid(7)
    const twice = [send({ id, content: 'once' }), send({ id, content: 'once' }), send({ content: 'next' })]
    const outcomes = await Promise.all(
      [send({ content: 'warm' }), ...twice].map((command) => stage.do(MIA, command)),
    )
    expect(outcomes).toMatchObject([11, 12, 12, 13].map((seq) => ({ data: { seq } })))
    expect(outcomes.map((it) => it.ok && 'replayed' in it.data && it.data.replayed)).toEqual([
      false,
      false,
      true,
      false,
    ])
    expect(contents()).toEqual(['5 message 5', '11 warm', '12 once', '13 next'])
  })

  test('makes others look, for whoever stored it may have died before telling', async () => {
    const id = uuid(7)
    await commitElsewhere({ prevSeq: 10, events: [sentElsewhere(11, { id })] })
    expect(await stage.do(OTTO, send({ id }))).toMatchObject({ ok: true, data: { seq: 11, replayed: true } })
    expect(stage.told).toEqual([{ topic: `chat:${GROUP}`, item: { kind: 'head', seq: 11 } }])
  })

  test('is answered also to who has left since', async () => {
    const id = uuid(7)
    await stage.do(MIA, send({ id }))
    await stage.do(MIA, SAMPLES['chat:leave'])
    expect(await stage.do(MIA, send({ id }))).toMatchObject({ ok: true, data: { seq: 11, replayed: true } })
  })
})

test('an old message that a command is about is read before the turn decides', async () => {
  expect(await stage.do(MIA, edit(aMessage(5), 'new'))).toMatchObject({ ok: true, data: { seq: 11 } })
  expect(stage.store.reads).toEqual([{ messageIds: [aMessage(5).id], userIds: [], uploadIds: [] }])
})

test('a reload makes the room see what is outside of its sequence', async () => {
  tables = tablesWith([aDirect()])
  stage = createStage(tables, DIRECT)
  expect(await stage.do(MIA, send({ chatId: DIRECT }))).toMatchObject({ ok: true })
  tables.blocks.set(OTTO.id, new Set([MIA.id]))
  await stage.room.reload()
  expect(await stage.do(MIA, send({ chatId: DIRECT }))).toMatchObject({
    ok: false,
    refusal: { code: 'FORBIDDEN' },
  })
})

test('a mailbox that is full refuses what comes, as retryable, and the rest is done', async () => {
  const release = stage.store.hang()
  const accepted = Array.from({ length: LIMITS.roomMailbox + 1 }, () => stage.do(MIA, send()))
  expect(await stage.do(MIA, send())).toMatchObject({
    ok: false,
    refusal: { code: 'SERVICE_UNAVAILABLE', retryAfter: 1 },
  })
  release()
  const outcomes = await Promise.all(accepted)
  expect(outcomes.every(({ ok }) => ok)).toBe(true)
})
