import { beforeEach, describe, expect, test } from 'vitest'
import type { Command } from '../../src/protocol/commands.ts'
import type { User } from '../../src/protocol/model.ts'
import {
  ADAM,
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
} from '../support/builders.ts'
import { type Client, createStage, type Stage } from './stage.ts'

let stage: Stage
let mia: Client
let otto: Client

beforeEach(async () => {
  stage = createStage(tablesWith([aGroup(), aMessage(5)]))
  mia = await stage.connect(MIA)
  otto = await stage.connect(OTTO)
})

const SEND = { chatId: GROUP, content: 'hello' }
const IN_GROUP = { chatId: GROUP }

function add(...users: User[]): Command {
  return { type: 'participant:add', ...IN_GROUP, userIds: users.map(({ id }) => id) }
}
function remove({ id }: User): Command {
  return { type: 'participant:remove', ...IN_GROUP, userId: id }
}
function sent(content: string): Command {
  return { type: 'message:send', ...IN_GROUP, contentType: 'text', content }
}

describe('a change', () => {
  test('reaches every connection of every participant; its sender’s connection has the ack instead', async () => {
    const other = await stage.connect(MIA)
    const reply = await mia.ask('message:send', SEND)
    expect(reply).toMatchObject({
      type: 'ack',
      data: { seq: 11, replayed: false, message: { content: 'hello' } },
    })
    expect([mia, other, otto].map((client) => client.news())).toEqual([
      [],
      ['message:new 11'],
      ['message:new 11'],
    ])
  })

  test('is encoded once: all sockets are given the same frames', async () => {
    const others = await Promise.all([OLGA, ADAM, OTTO].map((user) => stage.connect(user)))
    await mia.ask('message:send', SEND)
    const frames = [otto, ...others].map(({ socket }) => socket.sent.at(-1))
    expect(frames[0]?.texts).toHaveLength(1)
    for (const it of frames) expect(it).toBe(frames[0])
  })

  test('comes in the order of its number, whoever made it, and each once', async () => {
    const commands = [
      sent('a'),
      add(SAM),
      sent('b'),
      { type: 'chat:mute', ...IN_GROUP, until: null } as const,
      sent('c'),
    ]
    await Promise.all(commands.map((command) => stage.do(OLGA, command)))
    expect(otto.news()).toEqual([
      'message:new 11',
      'participant:joined 12',
      'message:new 13',
      'participant:updated 14',
      'message:new 15',
    ])
  })

  test('that no ack tells in full reaches its sender’s connection too', async () => {
    const { id } = aMessage(5)
    expect(await mia.ask('reaction:add', { messageId: id, emoji: '👍' })).toMatchObject({
      type: 'ack',
      data: { seq: 11 },
    })
    expect(mia.news()).toEqual(['reaction:added 11'])
    await mia.ask('message:edit', { messageId: id, content: 'new' })
    expect(mia.news()).toEqual([])
    await mia.ask('message:delete', { messageId: id })
    expect(mia.news()).toEqual(['message:deleted 13'])
  })

  test('of others in the same turn is not kept from the sender', async () => {
    await Promise.all([
      mia.ask('message:send', SEND),
      otto.ask('message:send', SEND),
      mia.ask('message:send', SEND),
      otto.ask('message:send', SEND),
    ])
    expect(mia.news()).toEqual(['message:new 12', 'message:new 14'])
    expect(otto.news()).toEqual(['message:new 11', 'message:new 13'])
  })

  test('of another chat is not heard', async () => {
    const sam = await stage.connect(SAM)
    await mia.ask('message:send', SEND)
    expect(sam.heard()).toEqual([])
  })
})

describe('who joins', () => {
  test('hears the chat from its beginning, and everything from then on', async () => {
    const sam = await stage.connect(SAM)
    await stage.do(OLGA, add(SAM))
    await stage.do(OLGA, sent('welcome'))
    await settled()
    const [batch, ...others] = sam.heard()
    expect(batch).toMatchObject({
      type: 'sync:batch',
      data: { chatId: GROUP, from: 0, chat: { id: GROUP }, me: { role: 'member' }, messages: [{ seq: 5 }] },
    })
    expect(others.map(({ type }) => type)).toEqual(
      batch?.type === 'sync:batch' && batch.data.to === 11 ? ['message:new'] : [],
    )
    expect(otto.news()).toEqual(['participant:joined 11', 'message:new 12'])
  })

  test('hears it on every connection', async () => {
    const clients = [await stage.connect(SAM), await stage.connect(SAM)]
    await stage.do(OLGA, add(SAM))
    await settled()
    await stage.do(OLGA, sent('welcome'))
    for (const client of clients) expect(client.news()).toEqual(['sync:batch 0-11', 'message:new 12'])
  })

  test('a new chat hears that it began', async () => {
    await stage.do(MIA, {
      type: 'chat:create',
      chatId: DIRECT,
      kind: 'direct',
      name: null,
      participantIds: [OTTO.id],
      history: 'all',
      isOpen: false,
    })
    await settled()
    expect(otto.news()).toEqual(['sync:batch 0-1'])
    expect(await mia.ask('message:send', { chatId: DIRECT, content: 'hi' })).toMatchObject({
      type: 'ack',
      data: { seq: 2 },
    })
    expect(otto.news()).toEqual(['message:new 2'])
  })
})

describe('who leaves', () => {
  test('hears that, and nothing after it', async () => {
    await Promise.all([sent('before'), remove(OTTO), sent('after')].map((command) => stage.do(OLGA, command)))
    expect(otto.news()).toEqual(['message:new 11', 'participant:left 12'])
    expect(mia.news()).toEqual(['message:new 11', 'participant:left 12', 'message:new 13'])
    expect(await otto.ask('message:send', SEND)).toMatchObject({ error: { code: 'NOT_FOUND' } })
  })

  test('hears no signal of the chat either', async () => {
    await stage.do(OLGA, remove(OTTO))
    await mia.ask('typing:start', IN_GROUP)
    await stage.clock.pass(0)
    expect(mia.news()).toEqual(['participant:left 11', 'typing'])
    expect(otto.news()).toEqual(['participant:left 11'])
  })

  test('and joins again hears it afresh', async () => {
    await stage.do(OLGA, remove(OTTO))
    await stage.do(OLGA, sent('unheard'))
    await stage.do(OLGA, add(OTTO))
    await settled()
    await stage.do(OLGA, sent('heard'))
    expect(otto.news()).toEqual(['participant:left 11', 'sync:batch 0-13', 'message:new 14'])
  })

  test('last lets the gateway forget the chat', async () => {
    mia.connection.disconnect()
    expect(stage.gateway.counts()).toMatchObject({ chats: 1 })
    await stage.do(OLGA, remove(OTTO))
    expect(stage.gateway.counts()).toMatchObject({ chats: 0 })
  })
})

test('a chat that is deleted is heard of once more, and let go', async () => {
  await stage.do(OLGA, { type: 'chat:delete', ...IN_GROUP })
  expect([mia.news(), otto.news()]).toEqual([['chat:deleted 11'], ['chat:deleted 11']])
  expect(stage.gateway.counts()).toMatchObject({ connections: 2, chats: 0 })
})

test('a signal is encoded once as well', async () => {
  await mia.ask('typing:start', IN_GROUP)
  await stage.clock.pass(0)
  expect(otto.heard()).toEqual([{ type: 'typing', data: { chatId: GROUP, userIds: [MIA.id] } }])
  expect(otto.socket.sent.at(-1)).toBe(mia.socket.sent.at(-1))
})
