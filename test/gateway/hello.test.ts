import { beforeEach, describe, expect, test } from 'vitest'
import { LIMITS, TIMES } from '../../src/protocol/limits.ts'
import { PROTOCOL_VERSION } from '../../src/protocol/version.ts'
import { aGroup, aUser, GROUP, MIA, OTTO, SAM, settled, tablesWith } from '../support/builders.ts'
import { createStage, HOUR, type Stage } from './stage.ts'

const SEND = { chatId: GROUP, content: 'hello' }

let stage: Stage

beforeEach(() => {
  stage = createStage(tablesWith([aGroup()]))
})

test('hello is the first frame, and tells what a client has to know', async () => {
  const client = stage.open(MIA)
  await settled()
  expect(client.heard()).toEqual([
    {
      type: 'hello',
      data: {
        connectionId: client.connection.id,
        protocolVersion: PROTOCOL_VERSION,
        user: { ...MIA, status: 'online' },
        logId: 'log-1',
        heartbeatMs: TIMES.heartbeat,
        serverTime: '2026-01-01T00:00:00.000Z',
        expiresAt: '2026-01-01T01:00:00.000Z',
        limits: { messageCharacters: 10_000, frameBytes: 65_536, groupParticipants: 300 },
      },
    },
  ])
})

test('1.14 ping is answered before hello, too', () => {
  stage.changes.hang()
  const client = stage.open(MIA)
  client.connection.receive('ping')
  expect(client.socket.sent).toEqual([{ texts: ['pong'] }])
})

describe('frames before hello', () => {
  test('wait for it, and are then acted on in their order', async () => {
    const release = stage.changes.hang()
    const client = stage.open(MIA)
    const ids = [
      client.say('message:send', SEND),
      client.say('nonsense', {}),
      client.say('message:send', SEND),
    ]
    await settled()
    expect(client.socket.sent).toEqual([])
    release()
    await settled()
    expect(client.heard()[0]?.type).toBe('hello')
    expect(ids.map((id) => client.replyTo(id))).toMatchObject([
      { type: 'ack', data: { seq: 11 } },
      { type: 'error', error: { code: 'VALIDATION_ERROR' } },
      { type: 'ack', data: { seq: 12 } },
    ])
  })

  test('have a bound', async () => {
    const release = stage.changes.hang()
    const client = stage.open(MIA)
    for (let count = 0; count <= LIMITS.commandsInFlight; count += 1) client.say('ping', {})
    expect(client.socket.closed).toBe('badFrame')
    release()
    await settled()
    expect(client.socket.sent).toEqual([])
    expect(stage.gateway.counts()).toEqual({ connections: 0, users: 0, chats: 0 })
  })

  test('have a bound in their size as well', () => {
    stage.changes.hang()
    const client = stage.open(MIA)
    const content = 'x'.repeat(60_000)
    for (let count = 0; count < 18; count += 1) client.say('message:send', { chatId: GROUP, content })
    expect(client.socket.closed).toBe('badFrame')
  })
})

describe('a connection that cannot be opened', () => {
  test('is asked to come back when the store is away, and is forgotten', async () => {
    stage.changes.isAway = true
    const client = stage.open(MIA)
    await settled()
    expect(client.socket.closed).toBe('restart')
    expect(stage.faults).toHaveLength(1)
    expect(stage.gateway.counts()).toEqual({ connections: 0, users: 0, chats: 0 })
    stage.changes.isAway = false
    await stage.connect(MIA)
  })

  test('is closed when the user is unknown', async () => {
    const client = stage.open(aUser(0x77, 'nobody'))
    await settled()
    expect(client.socket.closed).toBe('restart')
    expect(stage.gateway.counts()).toEqual({ connections: 0, users: 0, chats: 0 })
  })

  test('is closed when its user has too many, and the others stay', async () => {
    stage = createStage(tablesWith([aGroup()]), { connectionsPerUser: 2 })
    const first = await stage.connect(MIA)
    await stage.connect(MIA)
    const third = stage.open(MIA)
    const other = await stage.connect(OTTO)
    expect([first, third, other].map(({ socket }) => socket.closed)).toEqual([
      undefined,
      'tooManyConnections',
      undefined,
    ])
    first.connection.disconnect()
    await stage.connect(MIA)
    expect(stage.gateway.counts()).toMatchObject({ connections: 3, users: 2 })
  })
})

describe('what a gateway keeps', () => {
  test('is a user with one connection or more, and the chats of those', async () => {
    const clients = [await stage.connect(MIA), await stage.connect(MIA), await stage.connect(SAM)]
    expect(stage.gateway.counts()).toEqual({ connections: 3, users: 2, chats: 1 })
    for (const { connection } of clients) connection.disconnect()
    expect(stage.gateway.counts()).toEqual({ connections: 0, users: 0, chats: 0 })
  })

  test('is nothing of who hung up before hello', async () => {
    const release = stage.changes.hang()
    const client = stage.open(MIA)
    await settled()
    client.connection.disconnect()
    release()
    await settled()
    expect(client.socket.sent).toEqual([])
    expect(stage.gateway.counts()).toEqual({ connections: 0, users: 0, chats: 0 })
  })

  test.each(['hangs up before hello', 'has its last other connection end meanwhile'])(
    'reaches a connection that opens while its user %s',
    async (what) => {
      const isBefore = what.startsWith('hangs')
      const first = isBefore ? undefined : await stage.connect(MIA)
      const release = stage.changes.hang()
      const gone = first ?? stage.open(MIA)
      const stays = stage.open(MIA)
      await settled()
      gone.connection.disconnect()
      release()
      await settled()
      await stage.do(OTTO, { type: 'message:send', contentType: 'text', ...SEND })
      expect(stays.news()).toEqual(['hello', 'message:new 11'])
    },
  )
})

test('a token that ends before hello opens nothing', async () => {
  const release = stage.changes.hang()
  const client = stage.open(MIA, { expiresAt: stage.clock.now() + HOUR })
  await stage.clock.pass(HOUR)
  release()
  await settled()
  expect(client.socket.closed).toBe('silent')
})
