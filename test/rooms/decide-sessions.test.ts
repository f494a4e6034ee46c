import { describe, expect, test } from 'vitest'
import type { Command, CommandType } from '../../src/protocol/commands.ts'
import type { User } from '../../src/protocol/model.ts'
import { notesIdOf } from '../../src/protocol/sessions.ts'
import type { Decision } from '../../src/rooms/decision.ts'
import { decide } from '../../src/rooms/room.ts'
import { NO_SESSION } from '../../src/rooms/session-steps.ts'
import { aGroup, aParticipant, aUser, envelope, GROUP } from '../support/builders.ts'
import { FRESH, knownOf, NOW, SAMPLES } from './case.ts'

const CARL = aUser(11, 'carl', { type: 'customer' })
const DORA = aUser(12, 'dora', { type: 'dentist' })
const AMY = aUser(13, 'amy', { type: 'agent' })
const BOSS = aUser(14, 'boss', { type: 'admin' })
const FREE = aUser(15, 'free', { type: 'agent' })
const CHIEF = aUser(16, 'chief', { type: 'admin' })
const SHOP = aUser(17, 'shop', { type: 'bot' })
const STRANGER = aUser(18, 'stranger', { type: 'dentist' })
const PEOPLE = [CARL, DORA, AMY, BOSS, FREE, CHIEF, SHOP, STRANGER]

/** An active session of Carl's that Amy has; Dora works in it too, and Boss observes. */
const session = aGroup({
  chat: { kind: 'session', status: 'active', ownerId: CARL.id, assigneeId: AMY.id, session: NO_SESSION },
  participants: [
    aParticipant(CARL, { role: 'customer' }),
    aParticipant(DORA, { role: 'provider' }),
    aParticipant(AMY, { role: 'agent' }),
    aParticipant(BOSS, { role: 'observer' }),
  ],
})

function decideFor(by: User, command: Command, state = session): Decision {
  const desks = new Map(
    [AMY, FREE].map(({ id }) => [
      id,
      { availability: 'available', capacity: 1, teams: [], sessionIds: [] } as const,
    ]),
  )
  const known = {
    ...knownOf({ users: PEOPLE }),
    sessions: { desks, chats: new Map([[session.chat.id, session]]), listeners: [] },
  }
  return decide({ state, known, at: NOW, freshId: () => FRESH }, envelope(by, command))
}

function outcomeOf(decision: Decision): string {
  if (decision.kind === 'refused') return decision.refusal.code
  return decision.kind === 'done' && decision.events.length === 0 ? 'nothing' : 'done'
}

/** Who may do what in a session; in the order of PEOPLE. `-`: it does not exist for him. */
const TABLE: Partial<Record<CommandType, string>> = {
  //                 Carl Dora Amy Boss Free Chief Shop Stranger
  'message:send': 'd d d F - - - -',
  'message:read': 'd d d d - - - -',
  'chat:mute': 'd d d d - - - -',
  'chat:leave': 'F F F d - - - -',
  'chat:update': 'F F F F - - - -',
  'participant:add': 'F F F F - - - -',
  'session:accept': 'F C 0 C C C F -',
  'session:release': 'F d d d F d d -',
  'session:close': 'd d d d F d d -',
  'session:reopen': '0 0 0 0 F 0 0 -',
  'session:observe': 'F F F 0 F d F -',
}
const LETTERS: Record<string, string> = {
  ...{ d: 'done', F: 'FORBIDDEN', '-': 'NOT_FOUND', C: 'CONFLICT', '0': 'nothing' },
}

describe('in a session', () => {
  const rows = Object.entries(TABLE).flatMap(([type, letters]) =>
    PEOPLE.map((user, index) => ({
      type: type as CommandType,
      user,
      expected: LETTERS[letters.split(' ')[index] ?? ''],
    })),
  )

  test.each(rows)('$user.username asks for $type: $expected', ({ type, user, expected }) => {
    expect(outcomeOf(decideFor(user, SAMPLES[type]))).toBe(expected)
  })
})

test('who takes over comes in before it is told, and who had it goes last', () => {
  const decision = decideFor(AMY, { type: 'session:transfer', chatId: GROUP, userId: FREE.id })
  expect(decision).toMatchObject({
    events: [
      { type: 'participant:joined', seq: 11, data: { participant: { userId: FREE.id, role: 'agent' } } },
      { type: 'session:transferred', seq: 12, data: { chat: { assigneeId: FREE.id, status: 'active' } } },
      { type: 'message:new', seq: 13, data: { message: { contentType: 'system', senderId: AMY.id } } },
      { type: 'participant:left', seq: 14, data: { userId: AMY.id, by: AMY.id } },
    ],
    seats: { take: FREE.id, free: AMY.id },
    ack: { seq: 14 },
  })
})

test('notes have an id that follows from the session, and back', () => {
  expect(notesIdOf(GROUP)).not.toBe(GROUP)
  expect(notesIdOf(notesIdOf(GROUP))).toBe(GROUP)
})

describe('notes', () => {
  const open = (by: User) =>
    decide(
      {
        state: undefined,
        known: {
          ...knownOf({ users: PEOPLE }),
          sessions: { desks: new Map(), chats: new Map([[GROUP, session]]), listeners: [] },
        },
        at: NOW,
        freshId: () => FRESH,
      },
      envelope(by, { type: 'notes:open', chatId: notesIdOf(GROUP), sessionId: GROUP }),
    )

  test('have the staff of the session as their participants, and nobody else', () => {
    const decision = open(DORA)
    const [created] = decision.kind === 'done' ? decision.events : []
    expect(created).toMatchObject({
      type: 'chat:created',
      data: { chat: { kind: 'notes', parentId: GROUP } },
    })
    const ids =
      created && 'participants' in created.data ? created.data.participants.map(({ userId }) => userId) : []
    expect(ids).toEqual([DORA.id, AMY.id, BOSS.id])
  })

  test.each([CARL, FREE, CHIEF, SHOP, STRANGER])('are not there for $username', (user) => {
    expect(outcomeOf(open(user))).toBe('NOT_FOUND')
  })
})
