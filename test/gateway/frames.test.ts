import { beforeEach, describe, expect, test } from 'vitest'
import type { GatewayPorts } from '../../src/gateway/gateway.ts'
import type { Bucket } from '../../src/gateway/ports.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { aGroup, aMessage, GROUP, MIA, OTTO, SAM, settled, tablesWith, uuid } from '../support/builders.ts'
import { type Client, createStage, type Stage } from './stage.ts'

const SEND = { chatId: GROUP, content: 'hello' }
const { id: MESSAGE } = aMessage(5)

let stage: Stage
let mia: Client

async function begin(with_: Partial<GatewayPorts> = {}): Promise<void> {
  stage = createStage(tablesWith([aGroup(), aMessage(5)]), with_)
  mia = await stage.connect(MIA)
}

beforeEach(() => begin())

describe('a frame', () => {
  test.each<[string, object, object]>([
    ['message:send', SEND, { seq: 11, replayed: false, message: { senderId: MIA.id } }],
    ['message:edit', { messageId: MESSAGE, content: 'new' }, { seq: 11, message: { content: 'new' } }],
    ['message:delete', { messageId: MESSAGE, chatId: GROUP }, { seq: 11, messageId: MESSAGE }],
    ['message:read', { messageId: MESSAGE }, { seq: 11 }],
    ['message:read', { chatId: GROUP, seq: 9 }, { seq: 11 }],
    ['message:delivered', { chatId: GROUP, messageId: MESSAGE }, { seq: 11 }],
    ['reaction:add', { messageId: MESSAGE, emoji: '👍' }, { seq: 11 }],
    ['reaction:remove', { messageId: MESSAGE, emoji: '👍' }, { seq: 5 }],
    ['presence:update', { status: 'busy' }, {}],
    ['ping', {}, { serverTime: '2026-01-01T00:00:00.000Z' }],
    ['sync', { chats: { [GROUP]: 10 } }, { logId: 'log-1', chats: { [GROUP]: 10 } }],
  ])('%s %j is acknowledged', async (type, data, ack) => {
    expect(await mia.ask(type as 'ping', data)).toMatchObject({ type: 'ack', data: ack })
  })

  test('of a message without its chat finds it, if it is among one’s own', async () => {
    const sam = await stage.connect(SAM)
    const wanted = { messageId: MESSAGE, emoji: '👍' }
    expect(await mia.ask('reaction:add', wanted)).toMatchObject({ type: 'ack' })
    const foreign = await sam.ask('reaction:add', wanted)
    const unknown = await sam.ask('reaction:add', { ...wanted, messageId: uuid(0xabc) })
    expect(foreign).toMatchObject({ error: { code: 'NOT_FOUND', details: [{ field: 'messageId' }] } })
    expect({ ...foreign, id: 0, error: null }).toEqual({ ...unknown, id: 0, error: null })
  })

  test('that is wrong is told which field, and is answered by its own id', async () => {
    const reply = await mia.ask('message:send', { chatId: 'group', content: '', extra: 1 })
    expect(reply).toMatchObject({
      type: 'error',
      error: { code: 'VALIDATION_ERROR', timestamp: '2026-01-01T00:00:00.000Z' },
    })
    const fields = reply?.type === 'error' ? reply.error.details.map(({ field }) => field) : []
    expect(fields).toEqual(expect.arrayContaining(['data.chatId', 'data.extra']))
  })

  test.each([
    '',
    '{',
    'null',
    '"ping"',
    '[]',
    '1e999',
    '{"type":"ping"}',
    '{"type":"ping","id":1,"data":{}}',
  ])('without an id is answered by null: %s', async (text) => {
    mia.connection.receive(text)
    expect(mia.replyTo(null)).toMatchObject({ type: 'error', error: { code: 'VALIDATION_ERROR' } })
  })

  test('that is binary is refused', () => {
    mia.connection.receiveBinary()
    expect(mia.replyTo(null)).toMatchObject({ error: { message: 'Frames are text: JSON in UTF-8' } })
  })
})

describe('frames are taken in their order', () => {
  test('also behind one whose message has to be looked up', async () => {
    const release = stage.changes.hang()
    const ids = [
      mia.say('message:delete', { messageId: MESSAGE }),
      mia.say('message:send', SEND),
      mia.say('ping', {}),
    ]
    await settled()
    expect(ids.map((id) => mia.replyTo(id))).toEqual([undefined, undefined, undefined])
    release()
    await settled()
    expect(ids.map((id) => mia.replyTo(id))).toMatchObject([
      { data: { seq: 11 } },
      { data: { seq: 12 } },
      { type: 'ack' },
    ])
  })

  test('and a look-up that fails stops none of those behind it', async () => {
    stage.changes.isAway = true
    const ids = [mia.say('message:delete', { messageId: MESSAGE }), mia.say('ping', {})]
    await settled()
    expect(ids.map((id) => mia.replyTo(id))).toMatchObject([
      { error: { code: 'SERVICE_UNAVAILABLE' } },
      { type: 'ack' },
    ])
    expect(stage.faults).toHaveLength(1)
  })

  test('2.12 and no more than a bound may wait for their reply', async () => {
    const release = stage.changes.hang()
    const ids = Array.from({ length: LIMITS.commandsInFlight + 2 }, () =>
      mia.say('message:delete', { messageId: MESSAGE }),
    )
    await settled()
    expect(ids.filter((id) => mia.replyTo(id))).toHaveLength(2)
    expect(mia.replyTo(ids.at(-1) ?? '')).toMatchObject({ error: { code: 'RATE_LIMIT_EXCEEDED' } })
    release()
    await settled()
    expect(ids.filter((id) => mia.replyTo(id))).toHaveLength(ids.length)
    expect(await mia.ask('ping', {})).toMatchObject({ type: 'ack' })
  })
})

describe('rates', () => {
  test('of messages and of everything else are counted apart, by user', async () => {
    const taken: [Bucket, string][] = []
    const take = (bucket: Bucket, key: string) => {
      taken.push([bucket, key])
      return 0
    }
    await begin({ limiter: { take, giveBack: () => {} } })
    await mia.ask('message:send', SEND)
    await mia.ask('message:edit', { messageId: MESSAGE, content: 'new' })
    await mia.ask('reaction:add', { messageId: MESSAGE, emoji: '👍' })
    await mia.ask('message:read', { chatId: GROUP, seq: 9 })
    await mia.ask('typing:start', { chatId: GROUP })
    await mia.ask('ping', {})
    expect(taken.map(([bucket]) => bucket)).toEqual([
      'message',
      'message',
      'message',
      'frame',
      'frame',
      'frame',
    ])
    expect(new Set(taken.map(([, key]) => key))).toEqual(new Set([MIA.id]))
  })

  test.each(['at once', 'later'])(
    'that are used up refuse, and say when to try again (answered %s)',
    async (when) => {
      const wait = (bucket: Bucket) => (bucket === 'message' ? 3 : 0)
      await begin({
        limiter: {
          take: (bucket) => (when === 'later' ? Promise.resolve(wait(bucket)) : wait(bucket)),
          giveBack: () => {},
        },
      })
      expect(await mia.ask('message:send', SEND)).toMatchObject({
        error: { code: 'RATE_LIMIT_EXCEEDED', message: 'Too many requests: try again in 3 s' },
      })
      expect(await mia.ask('ping', {})).toMatchObject({ type: 'ack' })
    },
  )

  test('whose counter fails stop only the frame that was counted', async () => {
    let isBroken = true
    const take = async () => {
      if (isBroken) throw new Error('The counter is broken')
      return 0
    }
    await begin({ limiter: { take, giveBack: () => {} } })
    await mia.ask('ping', {})
    expect(stage.faults).toHaveLength(1)
    isBroken = false
    expect(await mia.ask('ping', {})).toMatchObject({ type: 'ack' })
  })
})

test('a room that cannot commit refuses as retryable, and the connection stays', async () => {
  const otto = await stage.connect(OTTO)
  stage.tables.chats.get = () => {
    throw new Error('The store is away')
  }
  const id = otto.say('message:send', SEND)
  await stage.clock.pass(2_500)
  expect(otto.replyTo(id)).toMatchObject({ error: { code: 'SERVICE_UNAVAILABLE' } })
  expect(otto.socket.closed).toBeUndefined()
})
