import { beforeEach, describe, expect, test } from 'vitest'
import type { Command } from '../../src/protocol/commands.ts'
import { TIMES } from '../../src/protocol/limits.ts'
import { aGroup, aMessage, GROUP, MIA, OLGA, OTTO, SAM, settled, tablesWith } from '../support/builders.ts'
import { type Client, createStage, type Stage } from './stage.ts'

/** A heartbeat, and the moment that the audit waits for what may be on its way. */
const BEAT = TIMES.heartbeat + 2_500

let stage: Stage
let mia: Client
let otto: Client

beforeEach(async () => {
  stage = createStage(tablesWith([aGroup(), aMessage(5)]))
  mia = await stage.connect(MIA)
  otto = await stage.connect(OTTO)
  await stage.clock.pass(1_000)
  for (const client of [mia, otto]) client.heard()
})

function sent(content = 'hello'): Command {
  return { type: 'message:send', chatId: GROUP, contentType: 'text', content }
}

/** Does it while the broadcast loses everything. */
async function unheard(...commands: Command[]): Promise<void> {
  stage.loses = () => true
  for (const command of commands) expect(await stage.do(OLGA, command)).toMatchObject({ ok: true })
  stage.loses = () => false
}

describe('a hole in the broadcast', () => {
  test('is counted once for a chat, however many listen', async () => {
    let repairs = 0
    const onRepair = () => {
      repairs += 1
    }
    stage = createStage(tablesWith([aGroup(), aMessage(5)]), { onRepair })
    for (const user of [MIA, OTTO]) await stage.connect(user)
    await stage.do(OLGA, sent())
    expect(repairs).toBe(0)
    await unheard(sent())
    await stage.do(OLGA, sent())
    await settled()
    expect(repairs).toBe(1)
  })

  test('makes everybody who listens catch up, before what came after it', async () => {
    await unheard(sent(), sent())
    await stage.do(OLGA, sent())
    await settled()
    expect([mia.news(), otto.news()]).toEqual([['sync:batch 10-13'], ['sync:batch 10-13']])
    await stage.do(OLGA, sent())
    expect([mia.news(), otto.news()]).toEqual([['message:new 14'], ['message:new 14']])
  })

  test('holds back what comes while it is filled', async () => {
    await unheard(sent())
    const release = stage.changes.hang('changes')
    await stage.do(OLGA, sent())
    await settled()
    await stage.do(OLGA, sent())
    expect(mia.news()).toEqual([])
    release()
    await settled()
    expect(mia.news()).toEqual(['sync:batch 10-12', 'message:new 13'])
  })

  test('that hides the end of a participation ends it all the same', async () => {
    await unheard({ type: 'participant:remove', chatId: GROUP, userId: MIA.id })
    await stage.do(OLGA, sent('not for mia'))
    await stage.do(OLGA, sent('nor this'))
    await settled()
    expect(mia.heard()).toMatchObject([
      { type: 'sync:batch', data: { to: 11, participants: [{ userId: MIA.id, leftSeq: 11 }], messages: [] } },
    ])
  })

  test('is read by who connects while it is filled, before anything that comes after it', async () => {
    await unheard({ type: 'participant:remove', chatId: GROUP, userId: MIA.id })
    const release = stage.changes.hang('changes')
    await stage.do(OLGA, sent('not for mia'))
    const [another, other] = [await stage.connect(MIA), await stage.connect(OTTO)]
    for (const client of [another, other]) client.heard()
    await stage.do(OLGA, sent('nor this'))
    expect([another.news(), other.news()]).toEqual([[], []])
    release()
    await settled()
    // Up to her removal, and each may be told of it by the other.
    for (const client of [mia, another]) expect(new Set(client.news())).toEqual(new Set(['sync:batch 10-11']))
    expect(other.news()).toEqual(['sync:batch 10-12', 'message:new 13'])
    await stage.do(OLGA, sent())
    expect([mia.news(), another.news(), other.news()]).toEqual([[], [], ['message:new 14']])
    expect((await stage.connect(OTTO)).news()).toEqual([])
  })
})

test('news that is old or doubled is dropped', async () => {
  const items: Parameters<typeof stage.broadcast.publish>[1][] = []
  stage.loses = (_, item) => {
    items.push(item)
    return false
  }
  await Promise.all([sent('a'), sent('b'), sent('c')].map((command) => stage.do(OLGA, command)))
  stage.loses = () => false
  for (const item of [...items, ...items.toReversed()]) stage.broadcast.publish(`chat:${GROUP}`, item)
  await settled()
  expect(mia.news()).toEqual(['message:new 11', 'message:new 12', 'message:new 13'])
})

test('word of a head makes those look who have not heard so far', async () => {
  await unheard(sent())
  stage.broadcast.publish(`chat:${GROUP}`, { kind: 'head', seq: 11 })
  await settled()
  expect(mia.news()).toEqual(['sync:batch 10-11'])
  stage.broadcast.publish(`chat:${GROUP}`, { kind: 'head', seq: 11 })
  await settled()
  expect([mia.news(), stage.changes.reads.length]).toEqual([[], 2])
})

test('a heartbeat goes on after a store that was away', async () => {
  stage.changes.isAway = true
  await stage.clock.pass(TIMES.heartbeat)
  expect(stage.faults.length).toBeGreaterThan(0)
  stage.changes.isAway = false
  mia.connection.heard()
  await unheard(sent())
  await stage.clock.pass(BEAT)
  expect(mia.news()).toContain('sync:batch 10-11')
})

describe('the audit of a heartbeat', () => {
  test('7.18 finds a lost tail, and everybody gets it', async () => {
    await unheard(sent(), sent())
    await stage.clock.pass(BEAT)
    expect(mia.news().filter((it) => it.startsWith('sync'))).toEqual(['sync:batch 10-12'])
    expect(otto.news().filter((it) => it.startsWith('sync'))).toEqual(['sync:batch 10-12'])
    await stage.do(OLGA, sent())
    expect(mia.news()).toEqual(['message:new 13'])
  })

  test('waits for what is on its way', async () => {
    await stage.clock.pass(TIMES.heartbeat - 1_001)
    const late: [
      Parameters<typeof stage.broadcast.publish>[0],
      Parameters<typeof stage.broadcast.publish>[1],
    ][] = []
    stage.loses = (topic, item) => late.push([topic, item]) > 0
    await stage.do(OLGA, sent())
    stage.loses = () => false
    await stage.clock.pass(500)
    for (const [topic, item] of late) stage.broadcast.publish(topic, item)
    await stage.clock.pass(2_000)
    expect(mia.news().filter((it) => it !== 'heads')).toEqual(['message:new 11'])
    expect(stage.changes.reads).toEqual([])
  })

  test('finds a chat that the user was added to', async () => {
    const sam = await stage.connect(SAM)
    await unheard({ type: 'participant:add', chatId: GROUP, userIds: [SAM.id] })
    await stage.clock.pass(BEAT)
    expect(sam.news()).toContain('sync:batch 0-11')
    await stage.do(OLGA, sent())
    expect(sam.news()).toEqual(['message:new 12'])
  })

  test('finds a chat that is not the user’s any more, for all his connections', async () => {
    const other = await stage.connect(MIA)
    await unheard({ type: 'participant:remove', chatId: GROUP, userId: MIA.id })
    await stage.clock.pass(BEAT)
    for (const client of [mia, other])
      expect(client.news().filter((it) => it.startsWith('sync'))).toEqual(['sync:batch 10-11'])
    await stage.do(OLGA, sent())
    expect([mia.news(), other.news()]).toEqual([[], []])
  })

  test('finds a chat that is gone', async () => {
    await unheard({ type: 'chat:delete', chatId: GROUP })
    await stage.clock.pass(BEAT)
    expect(mia.news().filter((it) => it.startsWith('sync'))).toEqual(['sync:reset 0'])
    expect(stage.gateway.counts()).toMatchObject({ chats: 0 })
  })

  test('finds nothing where nothing was lost', async () => {
    await stage.do(OLGA, sent())
    for (let beat = 0; beat < 4; beat += 1) {
      await stage.clock.pass(TIMES.heartbeat)
      mia.connection.heard()
      otto.connection.heard()
    }
    expect(stage.changes.reads).toEqual([])
    expect(new Set(mia.news())).toEqual(new Set(['message:new 11', 'heads']))
  })
})

describe('while the broadcast is not well', () => {
  beforeEach(() => {
    stage.isImpaired = true
  })

  test('what it loses is asked for within a quarter of a second, and then twice a second', async () => {
    await unheard(sent())
    await stage.clock.pass(250)
    expect([mia.news(), otto.news()]).toEqual([['sync:batch 10-11'], ['sync:batch 10-11']])
    for (let seq = 12; seq < 15; seq += 1) {
      await unheard(sent())
      await stage.clock.pass(500)
      expect(mia.news()).toEqual([`sync:batch ${seq - 1}-${seq}`])
    }
  })

  test('it is asked for once more when that is well again', async () => {
    await stage.clock.pass(250)
    await unheard(sent())
    stage.isImpaired = false
    await stage.clock.pass(500)
    expect(mia.news()).toEqual(['sync:batch 10-11'])
    await unheard(sent())
    await stage.clock.pass(2_000)
    expect(mia.news()).toEqual([])
  })

  test('a store that needs long to answer is left alone for as long', async () => {
    let asked = 0
    const release = stage.changes.hang()
    const { listHeads } = stage.changes
    stage.changes.listHeads = (userIds) => {
      asked += 1
      return listHeads.call(stage.changes, userIds)
    }
    await stage.clock.pass(250)
    await stage.clock.pass(3_000)
    expect(asked).toBe(1)
    release()
    await stage.clock.pass(2_750)
    expect(asked).toBe(1)
    await stage.clock.pass(500)
    expect(asked).toBe(2)
  })

  test('it goes on after a store that was away', async () => {
    stage.changes.isAway = true
    await stage.clock.pass(2_000)
    expect(stage.faults.length).toBeGreaterThan(1)
    stage.changes.isAway = false
    await unheard(sent())
    await stage.clock.pass(500)
    expect(mia.news()).toEqual(['sync:batch 10-11'])
  })
})

describe('a membership that changes while its user connects', () => {
  test('and ends is not heard', async () => {
    mia.connection.disconnect()
    const release = stage.changes.hang()
    const again = stage.open(MIA)
    await settled()
    await stage.do(OLGA, { type: 'participant:remove', chatId: GROUP, userId: MIA.id })
    release()
    await settled()
    await stage.do(OLGA, sent('not for mia'))
    expect(again.news()).toEqual(['hello'])
  })

  test('and begins is heard', async () => {
    const release = stage.changes.hang()
    const sam = stage.open(SAM)
    await settled()
    await stage.do(OLGA, { type: 'participant:add', chatId: GROUP, userIds: [SAM.id] })
    release()
    await settled()
    await stage.do(OLGA, sent())
    expect(sam.news().filter((it) => it !== 'sync:batch 0-11')).toEqual(['hello', 'message:new 12'])
  })
})

test('word of joining that comes twice loses nothing in between', async () => {
  const sam = await stage.connect(SAM)
  stage.loses = (topic) => topic.startsWith('user:')
  await stage.do(OLGA, { type: 'participant:add', chatId: GROUP, userIds: [SAM.id] })
  stage.loses = () => false
  const release = stage.changes.hang()
  for (let times = 0; times < 2; times += 1)
    stage.broadcast.publish(`user:${SAM.id}`, { kind: 'joined', chatId: GROUP })
  await settled()
  await stage.do(OLGA, sent())
  release()
  await settled()
  await stage.do(OLGA, sent())
  const upTo = sam
    .heard()
    .map((frame) => (frame.type === 'sync:batch' ? frame.data.to : 'seq' in frame ? frame.seq : 0))
  expect(upTo.at(-1)).toBe(13)
  expect(upTo).toEqual([...upTo].sort((a, b) => a - b))
  expect(upTo).toContain(12)
})
