import { beforeEach, describe, expect, test } from 'vitest'
import type { Resumption } from '../../src/gateway/wake.ts'
import { TIMES } from '../../src/protocol/limits.ts'
import { aGroup, createIds, GROUP, MIA, OLGA, OTTO, settled, tablesWith, uuid } from '../support/builders.ts'
import { Client, createStage, type Stage } from './stage.ts'

/** Longer than news of a status waits to be told with others. */
const PAUSE = 600

let before: Stage
let mia: Client
let asleep: Omit<Resumption, 'socket'>
let sent = 0
/** Of both gateways: no two connections have one name. */
const ids = createIds()

/** Otto says something, over a connection that ends. */
async function send(stage: Stage): Promise<void> {
  const otto = await stage.connect(OTTO)
  sent += 1
  await otto.ask('message:send', { chatId: GROUP, id: uuid(0xe00 + sent), content: 'while you slept' })
  otto.connection.disconnect()
}

/** What a host keeps of a connection while its gateway is out of memory. */
function keep({ gateway }: Stage, { connection }: Client): Omit<Resumption, 'socket'> {
  const heard = new Map(gateway.heard().map((chat) => [chat.chatId, chat]))
  return structuredClone({ state: connection.state, heard })
}

/** A gateway in place of the one that fell asleep, over the same store and time. */
function wakeUp(): Stage {
  return createStage(before.tables, { clock: before.clock, ids, isWoken: true })
}

function resume({ gateway }: Stage, kept = asleep): Client {
  return new Client((socket) => gateway.resume({ ...kept, socket }))
}

beforeEach(async () => {
  before = createStage(tablesWith([aGroup()]), { ids, isWoken: true })
  mia = await before.connect(MIA)
  await before.clock.pass(PAUSE)
  asleep = keep(before, mia)
})

describe('a connection that is taken up again', () => {
  test('is the same one, and hears no second hello', async () => {
    const client = resume(wakeUp())
    await settled()
    expect([client.connection.id, client.news()]).toEqual([mia.connection.id, []])
    expect(await client.ask('ping', {})).toMatchObject({ type: 'ack' })
  })

  test('gets what happened meanwhile, and then what happens', async () => {
    await send(before)
    const stage = wakeUp()
    const client = resume(stage)
    await settled()
    await send(stage)
    await settled()
    const [batch, next] = client.news()
    const { seq } = before.tables.chats.get(GROUP)?.state ?? { seq: 0 }
    expect([batch, next]).toEqual([`sync:batch ${seq - 2}-${seq - 1}`, `message:new ${seq}`])
  })

  test('is told that its user was removed meanwhile', async () => {
    await before.do(OLGA, { type: 'participant:remove', chatId: GROUP, userId: MIA.id })
    const client = resume(wakeUp())
    await settled()
    expect(client.heard()).toMatchObject([
      { type: 'sync:batch', data: { participants: [{ userId: MIA.id, leftSeq: expect.any(Number) }] } },
    ])
  })

  test('reads a chat that is new to it from its beginning', async () => {
    const client = resume(wakeUp(), { ...asleep, heard: new Map() })
    await settled()
    expect(client.news()).toEqual([expect.stringMatching(/^sync:batch 0-/)])
  })

  test('has its frames answered in their order, those of before it was open first', async () => {
    const client = resume(wakeUp())
    const ids = [client.say('ping', {}), client.say('message:send', { chatId: GROUP, content: 'one' })]
    await settled()
    expect(ids.map((id) => client.replyTo(id)?.type)).toEqual(['ack', 'ack'])
  })

  test('keeps its status, of which nobody is told again, and its end is told', async () => {
    const stage = wakeUp()
    const told: unknown[] = []
    await stage.broadcast.subscribe('presence', (item) => told.push(item))
    const client = resume(stage, { ...asleep, state: { ...asleep.state, status: 'busy', shownAs: 'busy' } })
    await settled()
    await before.clock.pass(PAUSE)
    expect([client.connection.status, told]).toEqual(['busy', []])
    client.connection.disconnect()
    await before.clock.pass(PAUSE)
    expect(told).toMatchObject([{ kind: 'presence', userId: MIA.id }])
  })

  test('stays while the store is away: frames are refused, and it catches up after', async () => {
    await send(before)
    const stage = wakeUp()
    stage.changes.isAway = true
    const client = resume(stage)
    const id = client.say('message:send', { chatId: GROUP, content: 'now?' })
    await settled()
    expect(client.replyTo(id)).toMatchObject({ type: 'error', error: { code: 'SERVICE_UNAVAILABLE' } })
    expect(client.socket.closed).toBeUndefined()
    stage.changes.isAway = false
    await before.clock.pass(1_000)
    expect(client.news()).toEqual([expect.stringMatching(/^sync:batch/)])
  })
})

describe('a gateway that its host wakes', () => {
  test('says when it is next due: a heartbeat, or the end of a token', async () => {
    const now = before.clock.now()
    expect(before.gateway.dueAt).toBe(now - PAUSE + TIMES.heartbeat)
    await before.connect(OTTO, { expiresAt: now + 2_000 })
    expect(before.gateway.dueAt).toBe(now + 2_000)
  })

  test('gives all their heartbeats at once, so that it wakes up once for them', async () => {
    await before.clock.pass(10_000)
    const otto = await before.connect(OTTO)
    const { dueAt = 0 } = before.gateway
    expect(dueAt).toBe(before.clock.now() - PAUSE - 10_000 + TIMES.heartbeat)
    // The third is past the minute after which a login is looked at.
    for (let beats = 1; beats <= 3; beats += 1) {
      await before.clock.pass((before.gateway.dueAt ?? 0) - before.clock.now())
      before.gateway.tick()
      await settled()
      expect([mia, otto].map(({ socket }) => socket.pings)).toEqual([beats, beats])
      for (const { connection } of [mia, otto]) connection.heard()
    }
  })

  test('7.16 tells what changed before a sleep, during it and after it, and nothing twice', async () => {
    const beat = async ({ gateway }: Stage) => {
      await before.clock.pass((gateway.dueAt ?? 0) - before.clock.now())
      gateway.tick()
      await settled()
    }
    const heads = (client: Client) =>
      client.heard().flatMap((it) => (it.type === 'heads' ? [it.data.chats] : []))
    await send(before)
    asleep = keep(before, mia)
    let stage = wakeUp()
    let client = resume(stage)
    await stage.gateway.awake()
    await beat(stage)
    expect(heads(client)).toEqual([{ [GROUP]: 11 }])
    asleep = keep(stage, client)
    await send(before)
    stage = wakeUp()
    client = resume(stage)
    await stage.gateway.awake()
    await beat(stage)
    expect(heads(client)).toEqual([{ [GROUP]: 12 }])
    await beat(stage)
    expect(heads(client)).toEqual([{}])
  })

  test('is awake when those are open with whom it woke up, and gives them the heartbeat that is due', async () => {
    await before.clock.pass(TIMES.heartbeat)
    const stage = wakeUp()
    const release = stage.changes.hang()
    const client = resume(stage)
    let isAwake = false
    void stage.gateway.awake().then(() => {
      isAwake = true
    })
    await settled()
    stage.gateway.tick()
    expect([isAwake, client.news()]).toEqual([false, []])
    release()
    await settled()
    stage.gateway.tick()
    await settled()
    expect([isAwake, client.news()]).toEqual([true, ['heads']])
  })

  test('has nothing due without connections', () => {
    mia.connection.disconnect()
    expect(before.gateway.dueAt).toBeUndefined()
  })

  test('does nothing by itself, and gives heartbeats over a sleep when they are due', async () => {
    const stage = wakeUp()
    const client = resume(stage)
    await before.clock.pass(TIMES.heartbeat)
    expect(client.news()).toEqual([])
    stage.gateway.tick()
    await settled()
    expect(client.news()).toEqual(['heads'])
  })

  test('closes whose token has ended while it slept', async () => {
    const stage = wakeUp()
    const expiresAt = before.clock.now() + 1_000
    const client = resume(stage, { ...asleep, state: { ...asleep.state, expiresAt } })
    await before.clock.pass(1_000)
    stage.gateway.tick()
    expect(client.socket.closed).toBe('notAuthenticated')
  })

  test('knows up to where whom it passed a chat on to', async () => {
    await send(before)
    const head = before.tables.chats.get(GROUP)?.state.seq
    const changedAt = before.clock.now()
    expect(before.gateway.heard()).toEqual([{ chatId: GROUP, head, changedAt, userIds: [MIA.id] }])
  })
})
