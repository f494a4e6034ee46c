import { expect, test } from 'vitest'
import type { CommandOf } from '../../src/protocol/commands.ts'
import type { User } from '../../src/protocol/model.ts'
import { ADAM, aGroup, aParticipant, GROUP, MIA, OLGA, OTTO, SAM, uuid } from '../support/builders.ts'
import { type Case, decideIn, refusedAs, SAMPLES, unchanged } from './case.ts'

const given = { state: aGroup() }
const alone = { state: aGroup({ participants: [aParticipant(OLGA, { role: 'owner' })] }) }
const NOBODY = refusedAs('NOT_FOUND', 'userId')
const FORBIDDEN = refusedAs('FORBIDDEN')

function add(...users: readonly { id: string }[]): CommandOf<'participant:add'> {
  return { type: 'participant:add', chatId: GROUP, userIds: users.map(({ id }) => id) }
}
function remove({ id }: User): CommandOf<'participant:remove'> {
  return { type: 'participant:remove', chatId: GROUP, userId: id }
}
function promote({ id }: User, role: 'admin' | 'member'): CommandOf<'participant:role'> {
  return { type: 'participant:role', chatId: GROUP, userId: id, role }
}
function gone(user: User, by: User) {
  return {
    events: [{ type: 'participant:left', seq: 11, data: { userId: user.id, by: by.id } }],
    ack: { seq: 11 },
  }
}
function roleOf({ id }: User, role: string) {
  const participant = { userId: id, role }
  return {
    events: [{ type: 'participant:updated', seq: 11, data: { participant } }],
    ack: { participants: [participant] },
  }
}

const leave = SAMPLES['chat:leave']
const newcomer = {
  userId: SAM.id,
  role: 'member',
  joinedSeq: 11,
  readSeq: 11,
  deliveredSeq: 11,
  leftSeq: null,
}

test.each<Case>([
  [
    'an added user begins at the number of the joining',
    given,
    OLGA,
    add(SAM),
    { events: [{ type: 'participant:joined', seq: 11, data: { participant: newcomer } }] },
  ],
  [
    'adding whom takes part already is nothing',
    given,
    ADAM,
    add(MIA),
    unchanged({ seq: 10, participants: [{ userId: MIA.id }] }),
  ],
  ['adding one twice is once', given, ADAM, add(SAM, SAM), { events: { length: 1 }, ack: { seq: 11 } }],
  [
    'the answer names old and new',
    given,
    ADAM,
    add(SAM, MIA),
    { ack: { seq: 11, participants: [{ userId: MIA.id }, { userId: SAM.id }] } },
  ],
  [
    'one unknown among many adds nobody',
    given,
    ADAM,
    add(SAM, { id: uuid(99) }),
    refusedAs('NOT_FOUND', 'userIds'),
  ],
  [
    'who has blocked the adder is not added',
    { ...given, blocks: [[SAM, ADAM]] },
    ADAM,
    add(SAM),
    refusedAs('FORBIDDEN', 'userIds'),
  ],
  ['who has blocked another is added', { ...given, blocks: [[SAM, MIA]] }, ADAM, add(SAM), { kind: 'done' }],
  ['a member leaves', given, MIA, leave, gone(MIA, MIA)],
  ['an owner cannot leave others behind', given, OLGA, leave, refusedAs('CONFLICT')],
  ['an owner who is alone may leave', alone, OLGA, leave, gone(OLGA, OLGA)],
  ['staff remove a member', given, ADAM, remove(MIA), gone(MIA, ADAM)],
  ['only the owner removes an admin', given, OLGA, remove(ADAM), gone(ADAM, OLGA)],
  ['an admin removes no admin, so not himself', given, ADAM, remove(ADAM), FORBIDDEN],
  ['nobody removes the owner', given, ADAM, remove(OLGA), FORBIDDEN],
  ['the owner does not remove himself', given, OLGA, remove(OLGA), FORBIDDEN],
  ['a member removes nobody', given, MIA, remove(OTTO), FORBIDDEN],
  ['a stranger cannot be removed', given, OLGA, remove(SAM), NOBODY],
  ['the owner makes an admin', given, OLGA, promote(MIA, 'admin'), roleOf(MIA, 'admin')],
  ['the owner makes a member again', given, OLGA, promote(ADAM, 'member'), roleOf(ADAM, 'member')],
  ['the same role is nothing', given, OLGA, promote(MIA, 'member'), unchanged({ seq: 10 })],
  ['the owner keeps the role', given, OLGA, promote(OLGA, 'member'), refusedAs('CONFLICT', 'role')],
  ['a stranger has no role', given, OLGA, promote(SAM, 'admin'), NOBODY],
])('%s', (_, situation, by, command, then) => {
  expect(decideIn(situation, by, command)).toMatchObject(then)
})

test('many who are added take one number each, in their order', () => {
  const empty = { state: aGroup({ participants: [aParticipant(OLGA, { role: 'owner' })] }) }
  expect(decideIn(empty, OLGA, add(MIA, OTTO, SAM))).toMatchObject({
    events: [11, 12, 13].map((seq) => ({ seq, data: { participant: { joinedSeq: seq } } })),
    ack: { seq: 13 },
  })
})
