import { beforeEach, describe, expect, test } from 'vitest'
import type { ChatState } from '../../src/client/chat-state.ts'
import { ParleyError } from '../../src/client/error.ts'
import type { Ask } from '../../src/client/replies.ts'
import { createTyping } from '../../src/client/typing.ts'
import { createWatermarks, type Watermarks } from '../../src/client/watermarks.ts'
import { GROUP } from '../support/builders.ts'
import { chatAt, ME, participantOf, stateOf } from './chats.ts'
import { createTestEdges, settled } from './fake-edges.ts'

let edges: ReturnType<typeof createTestEdges>
let chat: ChatState
let told: string[]
let answer: () => Promise<object>
let watermarks: Watermarks

beforeEach(() => {
  edges = createTestEdges()
  chat = stateOf(chatAt(10, { me: { role: 'member', readSeq: 2, unread: 8, mutedUntil: null } }))
  told = []
  answer = async () => ({ seq: 11 })
  const ask = ((type: string, { seq }: { seq: number }) => {
    told.push(`${type} ${seq}`)
    return answer()
  }) as unknown as Ask
  watermarks = createWatermarks({ ...edges, ask, find: () => chat })
})

describe('watermarks', () => {
  test('tell what was read at once', async () => {
    watermarks.start()
    watermarks.read(GROUP, 5)
    expect(told).toEqual(['message:read 5'])
  })

  test('tell the furthest when more was read meanwhile', async () => {
    watermarks.start()
    for (const seq of [5, 6, 7, 3]) watermarks.read(GROUP, seq)
    await settled()
    expect(told).toEqual(['message:read 5', 'message:read 7'])
  })

  test('15.7 tell what has arrived at most once a second', async () => {
    watermarks.start()
    for (const seq of [5, 6, 7]) watermarks.delivered(GROUP, seq)
    expect(told).toEqual([])
    edges.clock.pass(1_000)
    await settled()
    expect(told).toEqual(['message:delivered 7'])
  })

  test('do not tell of an arrival where a read says more', async () => {
    watermarks.start()
    watermarks.delivered(GROUP, 7)
    watermarks.read(GROUP, 7)
    await settled()
    edges.clock.pass(1_000)
    expect(told).toEqual(['message:read 7'])
  })

  test('do not tell what the server knows', () => {
    chat = { ...chat, participants: new Map([[ME, participantOf(1, { deliveredSeq: 9 })]]) }
    watermarks.start()
    watermarks.read(GROUP, 2)
    watermarks.delivered(GROUP, 9)
    edges.clock.pass(1_000)
    expect(told).toEqual([])
  })

  test('are told again when the connection was lost on the way', async () => {
    answer = () => Promise.reject(new ParleyError('UNKNOWN', 'lost'))
    watermarks.start()
    watermarks.read(GROUP, 5)
    watermarks.stop()
    await settled()
    answer = async () => ({ seq: 11 })
    watermarks.start()
    await settled()
    expect(told).toEqual(['message:read 5', 'message:read 5'])
  })

  test('are not told again when they were refused', async () => {
    answer = () => Promise.reject(new ParleyError('NOT_FOUND', 'never'))
    watermarks.start()
    watermarks.read(GROUP, 5)
    await settled()
    edges.clock.pass(60_000)
    await settled()
    expect(told).toEqual(['message:read 5'])
  })
})

describe('typing', () => {
  test('15.8 is told on the first key, every 3 s while keys come, and as over 3 s after the last', () => {
    const typing = createTyping({ clock: edges.clock, tell: (type) => told.push(type) })
    for (let keys = 0; keys < 5; keys += 1) {
      typing.pressed(GROUP)
      edges.clock.pass(1_000)
    }
    expect(told).toEqual(['typing:start', 'typing:start'])
    edges.clock.pass(2_000)
    expect(told).toEqual(['typing:start', 'typing:start', 'typing:stop'])
  })

  test('is over without a word when the message is sent', () => {
    const typing = createTyping({ clock: edges.clock, tell: (type) => told.push(type) })
    typing.pressed(GROUP)
    typing.sent(GROUP)
    edges.clock.pass(10_000)
    expect(told).toEqual(['typing:start'])
  })
})
