import { describe, expect, test } from 'vitest'
import type { Command } from '../../src/protocol/commands.ts'
import type { User } from '../../src/protocol/model.ts'
import { apply } from '../../src/rooms/apply.ts'
import { needsOf, planTurn, type TurnPlan } from '../../src/rooms/turn.ts'
import {
  ADAM,
  aGroup,
  aMessage,
  anAttachment,
  aParticipant,
  envelope,
  GROUP,
  MIA,
  NOWHERE,
  OLGA,
  OTTO,
  SAM,
  uuid,
} from '../support/builders.ts'
import { delivered, edit, type Given, knownOf, NOW, react, read, SAMPLES, send } from './case.ts'

type Wish = readonly [by: User, command: Command, origin?: string]

function plan(wishes: readonly Wish[], given: Given = { state: aGroup() }): TurnPlan {
  let last = 0
  return planTurn({
    chatId: GROUP,
    state: given.state,
    envelopes: wishes.map(([by, command, origin = null]) => envelope(by, command, origin)),
    known: knownOf(given),
    at: NOW,
    freshId: () => uuid(++last),
  })
}

function seqsOf({ turn }: TurnPlan): [string, number][] {
  return turn.events.map(({ type, seq }) => [type, seq])
}

test('an upload goes with one message of a turn', () => {
  const upload = { chatId: GROUP, uploaderId: MIA.id, attachment: anAttachment(uuid(0xa1)) }
  const wish = send({ attachmentIds: [uuid(0xa1)] })
  const it = plan(
    [
      [MIA, wish],
      [MIA, wish],
    ],
    { state: aGroup(), uploads: [upload] },
  )
  expect(seqsOf(it)).toEqual([['message:new', 11]])
  expect(it.outcomes).toMatchObject([{ ok: true }, { ok: false, refusal: { code: 'NOT_FOUND' } }])
})

describe('watermarks of a turn', () => {
  test('are one change at its end, and each is answered with its number', () => {
    const it = plan([
      [MIA, read(4)],
      [OTTO, send()],
      [ADAM, delivered(5)],
      [MIA, delivered(7)],
    ])
    expect(seqsOf(it)).toEqual([
      ['message:new', 11],
      ['receipts', 12],
    ])
    expect(it.turn.events[1]?.data).toEqual({
      marks: [
        { userId: MIA.id, readSeq: 4, deliveredSeq: 7, at: NOW },
        { userId: ADAM.id, readSeq: 1, deliveredSeq: 5, at: NOW },
      ],
    })
    expect(it.outcomes).toMatchObject([12, 11, 12, 12].map((seq) => ({ ok: true, data: { seq } })))
  })

  test('may name a message that was sent within it', () => {
    const it = plan([
      [OTTO, send()],
      [MIA, read(11)],
    ])
    expect(it.next?.participants.get(MIA.id)).toMatchObject({ readSeq: 11, deliveredSeq: 11 })
  })

  test('that move nothing are answered, and there is nothing to commit', () => {
    const it = plan([
      [MIA, read(1)],
      [OTTO, delivered(0)],
    ])
    expect(it.turn.events).toEqual([])
    expect(it.outcomes).toEqual([10, 10].map((seq) => ({ ok: true, data: { seq } })))
  })

  test('of one user from two devices are the furthest of both', () => {
    const it = plan([
      [MIA, read(8)],
      [MIA, read(3)],
      [MIA, delivered(2)],
    ])
    expect(it.turn.events).toMatchObject([
      { data: { marks: [{ userId: MIA.id, readSeq: 8, deliveredSeq: 8 }] } },
    ])
  })
})

test('commands of a turn see what those before them did', () => {
  const id = uuid(7)
  const it = plan([
    [MIA, send({ id })],
    [OTTO, send({ replyToId: id })],
  ])
  expect(it.outcomes).toMatchObject([{ ok: true }, { ok: true, data: { message: { replyToId: id } } }])
})

test('an id that comes twice in a turn takes one number', () => {
  const id = uuid(7)
  const it = plan([
    [MIA, send({ id })],
    [MIA, send({ id })],
    [OTTO, send({ id })],
    [OTTO, send()],
  ])
  expect(seqsOf(it)).toEqual([
    ['message:new', 11],
    ['message:new', 12],
  ])
  expect(it.outcomes).toMatchObject([
    { ok: true, data: { seq: 11, replayed: false } },
    { ok: true, data: { seq: 11, replayed: true } },
    { ok: false, refusal: { code: 'CONFLICT' } },
    { ok: true, data: { seq: 12 } },
  ])
})

test('a refusal among others stops none of them', () => {
  const it = plan([
    [MIA, send()],
    [SAM, send()],
    [OTTO, read(99)],
    [OTTO, send()],
  ])
  expect(it.outcomes.map(({ ok }) => ok)).toEqual([true, false, false, true])
  expect(seqsOf(it)).toEqual([
    ['message:new', 11],
    ['message:new', 12],
  ])
})

test.each<[string, Wish[], Given, boolean]>([
  ['a send', [[MIA, send()]], {}, false],
  ['a refusal', [[SAM, send()]], {}, true],
  [
    'nothing to do',
    [[OLGA, SAMPLES['participant:add']]],
    { state: aGroup({ participants: [aParticipant(OLGA, { role: 'owner' }), aParticipant(SAM)] }) },
    true,
  ],
  ['a replay', [[MIA, send({ id: aMessage(5).id })]], { messages: [aMessage(5)] }, false],
  ['a watermark that moves nothing', [[MIA, read(1)]], {}, false],
])('of %s it is said whether it rests on the state alone', (_, wishes, given, isDoubtful) => {
  expect(plan(wishes, { state: aGroup(), ...given }).isDoubtful).toBe(isDoubtful)
})

test('the origin is spared only what its ack says in full', () => {
  const given = { state: aGroup(), messages: [aMessage(5)] }
  const origins = ([send(), edit(aMessage(5), 'new'), react(aMessage(5)), read(9)] as Command[]).map(
    (command) => plan([[MIA, command, 'here']], given).events[0]?.origin,
  )
  expect(origins).toEqual(['here', 'here', null, null])
})

test('the next state is the one before with every change applied', () => {
  const it = plan([
    [MIA, send()],
    [OTTO, read(11)],
    [ADAM, send()],
  ])
  const before = aGroup()
  expect(it.next).toEqual(it.turn.events.reduce((state, event) => apply(state, event), before))
  expect(it.turn).toMatchObject({ prevSeq: 10, chatId: GROUP })
  expect(it.next?.seq).toBe(13)
})

test('a chat that does not exist is begun at number 1, from 0', () => {
  const it = plan([[OLGA, SAMPLES['chat:create']]], { state: undefined })
  expect(it.turn).toMatchObject({ prevSeq: 0, events: [{ type: 'chat:created', seq: 1 }] })
  expect(plan([[OLGA, send()]], { state: undefined }).outcomes).toMatchObject([{ ok: false }])
})

test('what is needed beyond the state is named once', () => {
  const reply = send({ id: uuid(7), replyToId: aMessage(5).id })
  const all = [reply, reply, edit(aMessage(5), 'x'), read(aMessage(6)), read(3)].map((it) =>
    envelope(MIA, it),
  )
  expect(needsOf(all, false)).toEqual({
    messageIds: [aMessage(5).id, aMessage(6).id],
    userIds: [],
    uploadIds: [],
  })
  expect(needsOf(all, true)).toEqual({
    messageIds: [aMessage(5).id, uuid(7), aMessage(6).id],
    userIds: [],
    uploadIds: [],
  })
  const people = [SAMPLES['participant:add'], SAMPLES['chat:join']].map((it) => envelope(OLGA, it))
  expect(needsOf(people, false)).toEqual({ messageIds: [], userIds: [OLGA.id, SAM.id], uploadIds: [] })
  expect(needsOf([envelope(OLGA, { ...SAMPLES['chat:create'], chatId: NOWHERE })], false).userIds).toEqual([
    OLGA.id,
    MIA.id,
  ])
})
