import { beforeEach, describe, expect, test } from 'vitest'
import type { GatewayPorts } from '../../src/gateway/gateway.ts'
import { createMemoryPresence } from '../../src/gateway/memory.ts'
import type { PresenceStore } from '../../src/gateway/ports.ts'
import { aGroup, aUser, GROUP, MIA, OLGA, OTTO, SAM, settled, tablesWith } from '../support/builders.ts'
import { type Client, createStage, type Stage } from './stage.ts'

/** Longer than news of a status waits to be told with others. */
const PAUSE = 600

let stage: Stage
let otto: Client

async function begin(with_: Partial<GatewayPorts> = {}): Promise<void> {
  stage = createStage(tablesWith([aGroup()]), with_)
  otto = await stage.connect(OTTO)
  await stage.clock.pass(PAUSE)
  otto.heard()
}

beforeEach(() => begin())

/** What the client was told of others, as `name status`. */
function statuses(client: Client): string[] {
  return client.heard().flatMap((frame) => {
    if (frame.type !== 'user:status') return []
    const name = [...stage.tables.users.values()].find(({ id }) => id === frame.data.userId)?.username
    return `${name} ${frame.data.status}`
  })
}

describe('a user is', () => {
  test('online from the first connection on, offline after the last', async () => {
    const first = await stage.connect(MIA)
    await stage.clock.pass(PAUSE)
    expect(statuses(otto)).toEqual(['mia online'])
    const second = await stage.connect(MIA)
    first.connection.disconnect()
    await stage.clock.pass(PAUSE)
    expect(statuses(otto)).toEqual([])
    second.connection.disconnect()
    await stage.clock.pass(PAUSE)
    expect(statuses(otto)).toEqual(['mia offline'])
  })

  test('as the most present of his connections', async () => {
    const [phone, desk] = [await stage.connect(MIA), await stage.connect(MIA)]
    await stage.clock.pass(PAUSE)
    statuses(otto)
    const seen: string[][] = []
    for (const [client, status] of [
      [phone, 'away'],
      [desk, 'away'],
      [phone, 'busy'],
      [desk, 'online'],
      [desk, 'busy'],
    ] as const) {
      expect(await client.ask('presence:update', { status })).toEqual({
        type: 'ack',
        id: expect.any(String),
        data: {},
      })
      await stage.clock.pass(PAUSE)
      seen.push(statuses(otto))
    }
    expect(seen).toEqual([[], ['mia away'], ['mia busy'], ['mia online'], ['mia busy']])
  })

  test('as those that remain, when the most present one ends', async () => {
    const [phone, desk] = [await stage.connect(MIA), await stage.connect(MIA)]
    await phone.ask('presence:update', { status: 'away' })
    await stage.clock.pass(PAUSE)
    statuses(otto)
    desk.connection.disconnect()
    await stage.clock.pass(PAUSE)
    expect(statuses(otto)).toEqual(['mia away'])
  })
})

describe('a status is told', () => {
  test('to who shares a chat, to contacts and to oneself, and to nobody else', async () => {
    const pat = aUser(0x21, 'pat')
    await begin({
      users: {
        profile: async (id) => ({
          user: aUser(Number.parseInt(id.slice(-4), 16), 'x'),
          contactIds: id === MIA.id ? [SAM.id] : [],
        }),
        seen: async () => {},
      },
    })
    stage.tables.users.set(pat.id, pat)
    const [sam, stranger] = [await stage.connect(SAM), await stage.connect(pat)]
    const mia = await stage.connect(MIA)
    await stage.clock.pass(PAUSE)
    const told = [otto, sam, mia, stranger].map((client) => statuses(client).includes('mia online'))
    expect(told).toEqual([true, true, true, false])
  })

  test('to who became a contact meanwhile, and not to who is one no more', async () => {
    const pat = aUser(0x21, 'pat')
    stage.tables.users.set(pat.id, pat)
    const friend = await stage.connect(pat)
    const mia = await stage.connect(MIA)
    const text = JSON.stringify({ type: 'contact:updated', data: { userId: pat.id, contact: null } })
    const tell = (isAccepted: boolean) =>
      stage.broadcast.publish(`user:${MIA.id}`, { kind: 'contact', userId: pat.id, isAccepted, text })
    tell(true)
    await mia.ask('presence:update', { status: 'away' })
    await stage.clock.pass(PAUSE)
    expect(statuses(friend)).toContain('mia away')
    tell(false)
    await mia.ask('presence:update', { status: 'online' })
    await stage.clock.pass(PAUSE)
    expect(statuses(friend)).toEqual([])
  })

  test('once for many, a little later, each with its latest', async () => {
    const clients = await Promise.all([MIA, OLGA].map((user) => stage.connect(user)))
    await clients[0]?.ask('presence:update', { status: 'busy' })
    expect(statuses(otto)).toEqual([])
    await stage.clock.pass(PAUSE)
    expect(statuses(otto)).toEqual(['mia busy', 'olga online'])
  })

  test('not at all when a page is reloaded', async () => {
    const first = await stage.connect(MIA)
    await stage.clock.pass(PAUSE)
    statuses(otto)
    first.connection.disconnect()
    await stage.clock.pass(100)
    await stage.connect(MIA)
    await stage.clock.pass(PAUSE)
    expect(statuses(otto)).toEqual([])
    expect(stage.seen.has(MIA.id)).toBe(false)
  })

  test('with the moment when it ended', async () => {
    const mia = await stage.connect(MIA)
    await stage.clock.pass(PAUSE)
    mia.connection.disconnect()
    await stage.clock.pass(PAUSE)
    const ended = Date.parse('2026-01-01T00:00:01.700Z')
    expect(otto.heard().at(-1)).toEqual({
      type: 'user:status',
      data: { userId: MIA.id, status: 'offline', lastSeen: new Date(ended).toISOString() },
    })
    expect(stage.seen.get(MIA.id)).toBe(ended)
  })

  test('as other instances have it, not only this one', async () => {
    const elsewhere: PresenceStore = {
      ...createMemoryPresence(),
      set: async (_, status) => (status === 'offline' ? 'away' : status),
    }
    await begin({ presence: elsewhere })
    const mia = await stage.connect(MIA)
    await stage.clock.pass(PAUSE)
    mia.connection.disconnect()
    await stage.clock.pass(PAUSE)
    expect(statuses(otto)).toEqual(['mia online', 'mia away'])
  })

  test('though it cannot be stored when somebody was last seen', async () => {
    const users = {
      profile: async () => ({ user: MIA, contactIds: [] }),
      seen: () => Promise.reject(new Error('away')),
    }
    await begin({ users })
    const mia = await stage.connect(MIA)
    await stage.clock.pass(PAUSE)
    mia.connection.disconnect()
    await stage.clock.pass(PAUSE)
    expect(statuses(otto)).toEqual(['mia online', 'mia offline'])
    expect(stage.faults).toHaveLength(1)
  })
})

describe('typing', () => {
  const IN_GROUP = { chatId: GROUP }

  test('ends with the connection that said so', async () => {
    const mia = await stage.connect(MIA)
    await mia.ask('typing:start', IN_GROUP)
    await stage.clock.pass(2_000)
    mia.connection.disconnect()
    await settled()
    await stage.clock.pass(0)
    const lists = otto.heard().flatMap((frame) => (frame.type === 'typing' ? [frame.data.userIds] : []))
    expect(lists).toEqual([[MIA.id], []])
  })

  test('has no ack', async () => {
    const mia = await stage.connect(MIA)
    expect(await mia.ask('typing:start', IN_GROUP)).toBeUndefined()
    expect(await mia.ask('typing:stop', IN_GROUP)).toBeUndefined()
  })

  test('in a chat of others is refused', async () => {
    const sam = await stage.connect(SAM)
    expect(await sam.ask('typing:start', IN_GROUP)).toMatchObject({
      error: { code: 'NOT_FOUND', details: [{ field: 'chatId' }] },
    })
    expect(sam.connection.typingIn.size).toBe(0)
  })
})
