import { beforeEach, describe, expect, test } from 'vitest'
import type { Command } from '../../src/protocol/commands.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { createMemoryRoomStore } from '../../src/rooms/memory.ts'
import {
  AT,
  aDirect,
  aGroup,
  aMessage,
  aParticipant,
  DIRECT,
  GROUP,
  MIA,
  NOWHERE,
  OLGA,
  OTTO,
  SAM,
  settled,
  tablesWith,
  uuid,
} from '../support/builders.ts'
import { type Client, createStage, type Stage } from './stage.ts'

let stage: Stage
let mia: Client

beforeEach(async () => {
  stage = createStage(tablesWith([aGroup(), aMessage(5), aMessage(9)], [aDirect()]))
  mia = await stage.connect(MIA)
})

function sent(content = 'hello'): Command {
  return { type: 'message:send', chatId: GROUP, contentType: 'text', content }
}

/** What another instance commits and no broadcast tells. */
async function sendUnheard(seq: number): Promise<void> {
  const message = aMessage(seq, { senderId: OTTO.id })
  const event = { type: 'message:new' as const, chatId: GROUP, seq, at: AT, data: { message, sender: OTTO } }
  const turn = { chatId: GROUP, prevSeq: seq - 1, events: [event], mutes: [] }
  expect(await createMemoryRoomStore(stage.tables).commit(turn)).toEqual({ status: 'committed' })
}

/** A frame that names a number, in the place of an event. */
function heads(seq: number): string {
  return JSON.stringify({ type: 'heads', data: { logId: 'log-1', chats: { [GROUP]: seq } } })
}

describe('a sync', () => {
  test('brings what changed since, and is answered with the heads after it', async () => {
    const reply = await mia.ask('sync', { logId: 'log-1', chats: { [GROUP]: 7, [DIRECT]: 10 } })
    expect(mia.heard()).toMatchObject([
      { type: 'sync:batch', data: { chatId: GROUP, from: 7, to: 10, messages: [{ seq: 9 }], chat: null } },
    ])
    expect(reply).toMatchObject({
      type: 'ack',
      data: { logId: 'log-1', chats: { [GROUP]: 10, [DIRECT]: 10 } },
    })
    expect(mia.socket.sent.at(-1)?.texts[0]).toContain('"ack"')
  })

  test('reads nothing of chats in which nothing has changed', async () => {
    await mia.ask('sync', { chats: { [GROUP]: 10, [DIRECT]: 10 } })
    expect([mia.heard(), stage.changes.reads]).toEqual([[], []])
  })

  test('brings what is stored and was not heard here, though the client has all that was heard', async () => {
    await sendUnheard(11)
    const reply = await mia.ask('sync', { chats: { [GROUP]: 10, [DIRECT]: 10 } })
    expect(mia.news()).toEqual(['sync:batch 10-11'])
    expect(reply).toMatchObject({ data: { chats: { [GROUP]: 11, [DIRECT]: 10 } } })
  })

  test('takes the word of a client that has what was not heard here', async () => {
    await sendUnheard(11)
    const reply = await mia.ask('sync', { chats: { [GROUP]: 11, [DIRECT]: 10 } })
    expect([mia.news(), stage.changes.reads]).toEqual([[], []])
    expect(reply).toMatchObject({ data: { chats: { [GROUP]: 11 } } })
    await stage.do(OLGA, sent())
    await settled()
    expect(mia.news().at(-1)).toBe('sync:batch 10-12')
  })

  test('tells the stored heads of chats that the client does not know', async () => {
    await sendUnheard(11)
    await mia.ask('sync', { chats: {} })
    expect(mia.news().sort()).toEqual(['sync:reset 10', 'sync:reset 11'])
  })

  test('tells the heads of chats that the client does not know', async () => {
    await mia.ask('sync', { chats: { [GROUP]: 10 } })
    expect(mia.heard()).toEqual([{ type: 'sync:reset', data: { chatId: DIRECT, head: 10 } }])
  })

  test('begins everything afresh when the client knows another history', async () => {
    await mia.ask('sync', { logId: 'log-0', chats: { [GROUP]: 10, [DIRECT]: 3 } })
    expect(mia.news()).toEqual(['sync:reset 10', 'sync:reset 10'])
    expect(stage.changes.reads).toEqual([])
  })

  test('begins a chat afresh that has changed too much, or less than the client says', async () => {
    for (let seq = 11; seq <= LIMITS.changesMost + 11; seq += 1) await sendUnheard(seq)
    await mia.ask('sync', { chats: { [GROUP]: 0, [DIRECT]: 99 } })
    expect(mia.news()).toEqual([`sync:reset ${LIMITS.changesMost + 11}`, 'sync:reset 10'])
  })

  test('says where a participation ended, and of no chat that is none of his', async () => {
    await stage.do(OLGA, { type: 'participant:remove', chatId: GROUP, userId: MIA.id })
    mia.heard()
    await mia.ask('sync', { chats: { [GROUP]: 7, [DIRECT]: 10, [NOWHERE]: 3 } })
    expect(mia.heard()).toMatchObject([
      {
        type: 'sync:batch',
        data: { chatId: GROUP, to: 11, participants: [{ userId: MIA.id, leftSeq: 11 }], messages: [] },
      },
      { type: 'sync:reset', data: { chatId: NOWHERE, head: 0 } },
    ])
    const sam = await stage.connect(SAM)
    await sam.ask('sync', { chats: { [GROUP]: 7 } })
    expect(sam.heard()).toEqual([{ type: 'sync:reset', data: { chatId: GROUP, head: 0 } }])
  })

  test('fails as retryable while the store is away, or begins anew', async () => {
    stage.changes.isAway = true
    expect(await mia.ask('sync', { chats: {} })).toMatchObject({ error: { code: 'SERVICE_UNAVAILABLE' } })
    stage.changes.isAway = false
    const { readChanges } = stage.changes
    stage.changes.readChanges = () => Promise.reject(new Error('away'))
    await mia.ask('sync', { chats: { [GROUP]: 7 } })
    stage.changes.readChanges = readChanges
    expect(mia.socket.closed).toBe('resync')
  })
})

describe('while a chat is read', () => {
  test('what is new in it waits, and follows without a hole; other chats go on', async () => {
    const release = stage.changes.hang('changes')
    mia.say('sync', { chats: { [GROUP]: 7, [DIRECT]: 10 } })
    await settled()
    await stage.do(OTTO, sent())
    await stage.do(OTTO, { ...sent(), chatId: DIRECT } as Command)
    expect(mia.news()).toEqual(['message:new 11'])
    release()
    await settled()
    expect(mia.news()).toEqual(['sync:batch 7-10', 'message:new 11'])
  })

  test('what was read already does not come twice', async () => {
    await sendUnheard(11)
    const release = stage.changes.hang('changes')
    mia.say('sync', { chats: { [GROUP]: 7, [DIRECT]: 10 } })
    await settled()
    const late = {
      kind: 'events',
      chatId: GROUP,
      events: [{ seq: 11, text: '{}', origin: null, left: null }],
    } as const
    stage.broadcast.publish(`chat:${GROUP}`, late)
    release()
    await settled()
    expect(mia.news()).toEqual(['sync:batch 7-11'])
  })

  test('and more was read than has been heard, what is heard of it then is old', async () => {
    await sendUnheard(11)
    await sendUnheard(12)
    const reply = await mia.ask('sync', { chats: { [GROUP]: 7, [DIRECT]: 10 } })
    expect(reply).toMatchObject({ data: { chats: { [GROUP]: 12 } } })
    expect(mia.news()).toEqual(['sync:batch 7-12'])
    for (const seqs of [[11], [12, 13], [14]]) {
      const events = seqs.map((seq) => ({ seq, text: heads(seq), origin: null, left: null }))
      stage.broadcast.publish(`chat:${GROUP}`, { kind: 'events', chatId: GROUP, events })
    }
    expect(mia.heard()).toEqual([13, 14].map((seq) => JSON.parse(heads(seq))))
  })

  test('and news comes with a hole, it is read again', async () => {
    const release = stage.changes.hang('changes')
    mia.say('sync', { chats: { [GROUP]: 7, [DIRECT]: 10 } })
    await settled()
    await sendUnheard(11)
    await stage.do(OTTO, sent())
    release()
    await settled()
    expect(mia.news().at(-1)).toBe('sync:batch 7-12')
    expect(stage.changes.reads.map(([read]) => read?.since)).toEqual([7, 7])
  })

  test('and it is asked for again, both get what they asked for', async () => {
    const release = stage.changes.hang('changes')
    const [first, second] = [
      mia.say('sync', { chats: { [GROUP]: 7 } }),
      mia.say('sync', { chats: { [GROUP]: 3 } }),
    ]
    await settled()
    expect([first, second].map((id) => mia.replyTo(id))).toEqual([undefined, undefined])
    release()
    await settled()
    expect(mia.news().filter((it) => it.startsWith('sync:batch'))).toEqual(['sync:batch 3-10'])
    expect([first, second].map((id) => mia.replyTo(id)?.type)).toEqual(['ack', 'ack'])
  })

  test('7.19 and it has changed again whenever it was read, the client is told to begin anew', async () => {
    let seq = 10
    const { readChanges } = stage.changes
    stage.changes.readChanges = async (userId, wanted) => {
      const answer = await readChanges.call(stage.changes, userId, wanted)
      seq += 2
      await sendUnheard(seq - 1)
      await sendUnheard(seq)
      const event = { seq, text: '{}', origin: null, left: null }
      stage.broadcast.publish(`chat:${GROUP}`, { kind: 'events', chatId: GROUP, events: [event] })
      return answer
    }
    await mia.ask('sync', { chats: { [GROUP]: 7 } })
    expect(mia.socket.closed).toBe('resync')
    expect(seq).toBe(20)
  })

  test('and the connection ends, nothing more is read', async () => {
    const chats = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [uuid(0x5000 + index), 1]))
    const release = stage.changes.hang('changes')
    mia.say('sync', { chats })
    await settled()
    mia.connection.disconnect()
    release()
    await settled()
    expect(stage.changes.reads.map(({ length }) => length)).toEqual([100])
  })
})

describe('a catch-up', () => {
  test('of many chats is read by the hundred', async () => {
    const chats = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [uuid(0x5000 + index), 1]))
    expect(await mia.ask('sync', { chats })).toMatchObject({ type: 'ack' })
    expect(stage.changes.reads.map(({ length }) => length)).toEqual([100, 100, 50])
  })

  test('larger than the network takes at once waits for it, and closes nobody as slow', async () => {
    const states = Array.from({ length: 1_500 }, (_, index) =>
      aGroup({ chat: { id: uuid(0x9000 + index) }, participants: [aParticipant(MIA)] }),
    )
    stage = createStage(tablesWith(...states.map((state) => [state] as const)))
    mia = await stage.connect(MIA)
    mia.socket.stuck = true
    const id = mia.say('sync', { chats: {} })
    await settled()
    const taken = mia.news().length
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(LIMITS.queuedFrames)
    mia.socket.stuck = false
    await settled()
    expect(taken + mia.news().length).toBe(1_500)
    expect(mia.replyTo(id)?.type).toBe('ack')
  })
})
