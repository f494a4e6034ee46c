import { describe, expect, test } from 'vitest'
import { LIMITS } from '../../src/protocol/limits.ts'
import { ADAM, aDirect, aGroup, aMessage, aParticipant, DIRECT, MIA, OTTO } from '../support/builders.ts'
import {
  AS_IF_HERE,
  type Case,
  decideIn,
  delivered,
  ELSEWHERE,
  NO_MESSAGE,
  react,
  read,
  refusedAs,
  unchanged,
  unreact,
} from './case.ts'

function thumbs(...users: readonly { id: string }[]) {
  return [{ emoji: '👍', count: users.length, users: users.map(({ id }) => id) }]
}

const PLAIN = aMessage(5)
const LIKED = aMessage(6, { reactions: thumbs(OTTO, MIA), changedSeq: 8 })
const MINE = aMessage(7, { reactions: thumbs(MIA) })
const GONE = aMessage(8, { isDeleted: true, content: '' })
const FULL = aMessage(9, {
  reactions: Array.from({ length: LIMITS.emojiPerMessage }, (_, index) => ({
    emoji: `:${index}:`,
    count: 1,
    users: [OTTO.id],
  })),
})
const DIRECTLY = aMessage(5, { chatId: DIRECT })

const given = { state: aGroup(), messages: [PLAIN, LIKED, MINE, GONE, FULL] }
const elsewhere = { state: aGroup(), messages: [ELSEWHERE] }
const blocked = { state: aDirect({ isBlocked: true }), messages: [{ ...DIRECTLY, reactions: thumbs(MIA) }] }

function told(type: string, reactions: object[]) {
  return { events: [{ type, seq: 11, data: { userId: MIA.id, emoji: '👍', reactions } }], ack: { seq: 11 } }
}

const reactions: Case[] = [
  ['is added', given, MIA, react(PLAIN), told('reaction:added', thumbs(MIA))],
  ['twice is once', given, MIA, react(LIKED), unchanged({ seq: 8 })],
  ['stops at the most emoji', given, MIA, react(FULL), refusedAs('CONFLICT', 'emoji')],
  ['may join one of the most emoji', given, MIA, react(FULL, ':3:'), { kind: 'done' }],
  ['finds no deleted message', given, MIA, react(GONE), NO_MESSAGE],
  ['finds no message of another chat', elsewhere, MIA, react(AS_IF_HERE), NO_MESSAGE],
  ['does not reach who has blocked', blocked, MIA, react(DIRECTLY, '🎉'), refusedAs('FORBIDDEN')],
  ['is taken back', given, MIA, unreact(LIKED), told('reaction:removed', thumbs(OTTO))],
  ['leaves with its last user', given, MIA, unreact(MINE), told('reaction:removed', [])],
  ['of others only is none to take back', given, ADAM, unreact(LIKED), unchanged({ seq: 8 })],
  ['that nobody has is none to take back', given, MIA, unreact(LIKED, '🎉'), unchanged({ seq: 8 })],
  ['cannot be taken from a deleted message', given, MIA, unreact(GONE), NO_MESSAGE],
  ['can be taken back by who is blocked', blocked, MIA, unreact(DIRECTLY), { kind: 'done' }],
]

const ahead = {
  state: aGroup({ participants: [aParticipant(MIA, { readSeq: 4, deliveredSeq: 8 })] }),
  messages: [LIKED],
}
const TOO_FAR = refusedAs('VALIDATION_ERROR', 'seq')

const watermarks: Case[] = [
  ['of reading means delivered', ahead, MIA, read(10), { readSeq: 10, deliveredSeq: 10 }],
  ['of delivery does not mean read', ahead, MIA, delivered(9), { readSeq: 4, deliveredSeq: 9 }],
  ['of reading never falls', ahead, MIA, read(2), { readSeq: 4, deliveredSeq: 8 }],
  ['of delivery never falls', ahead, MIA, delivered(2), { readSeq: 4, deliveredSeq: 8 }],
  ['may be named by a message', ahead, MIA, read(LIKED), { readSeq: 6, deliveredSeq: 8 }],
  ['may be 0', ahead, MIA, read(0), { readSeq: 4, deliveredSeq: 8 }],
  ['past the head is refused', ahead, MIA, read(11), TOO_FAR],
  ['of delivery past the head is refused', ahead, MIA, delivered(Number.MAX_SAFE_INTEGER), TOO_FAR],
  ['finds no unknown message', ahead, MIA, read(PLAIN), NO_MESSAGE],
  ['finds no message of another chat', elsewhere, MIA, read(AS_IF_HERE), NO_MESSAGE],
]

describe.each([
  ['a reaction', reactions],
  ['a watermark', watermarks],
])('%s', (_, cases) => {
  test.each(cases)('%s', (_name, situation, by, command, then) => {
    expect(decideIn(situation, by, command)).toMatchObject(then)
  })
})

test('a reaction comes after those before it, and their order stays', () => {
  expect(decideIn(given, ADAM, react(LIKED))).toMatchObject({
    events: [{ data: { reactions: thumbs(OTTO, MIA, ADAM) } }],
  })
})
