import { describe, expect, test } from 'vitest'
import {
  ADAM,
  aDirect,
  aGroup,
  aMessage,
  aParticipant,
  DIRECT,
  MIA,
  OLGA,
  OTTO,
} from '../support/builders.ts'
import {
  AS_IF_HERE,
  type Case,
  decideIn,
  ELSEWHERE,
  edit,
  NO_MESSAGE,
  NOW,
  refusedAs,
  remove,
  unchanged,
} from './case.ts'

const OWN = aMessage(5, { formatting: { bold: [[0, 1]] } })
const OTHERS = aMessage(6, { senderId: OTTO.id })
const GONE = aMessage(7, { changedSeq: 9, isDeleted: true, content: '' })
const DIRECTLY = aMessage(5, { chatId: DIRECT })

const given = { state: aGroup(), messages: [OWN, OTHERS, GONE] }
const nothing = { state: aGroup() }
const elsewhere = { state: aGroup(), messages: [ELSEWHERE] }
const direct = { state: aDirect(), messages: [DIRECTLY] }
const blocked = { state: aDirect({ isBlocked: true }), messages: [DIRECTLY] }
/** Mia joined at 6, and the group shows nobody what was before. */
const participants = [aParticipant(MIA, { joinedSeq: 6 }), aParticipant(OTTO)]
const joined = { state: aGroup({ chat: { history: 'since_join' }, participants }), messages: given.messages }

const edited = { content: 'new', formatting: null, isEdited: true, editedAt: NOW, seq: 5, changedSeq: 11 }
const same = { ...edit(OWN, OWN.content), formatting: OWN.formatting }
const deleted = { messageId: OWN.id, messageSeq: 5, senderId: MIA.id }

const edits: Case[] = [
  [
    'changes the words',
    given,
    MIA,
    edit(OWN, 'new'),
    { events: [{ type: 'message:edited', seq: 11, data: { message: edited } }] },
  ],
  ['is answered with the message', given, MIA, edit(OWN, 'new'), { ack: { message: edited, seq: 11 } }],
  [
    'changes the formatting alone',
    given,
    MIA,
    edit(OWN, OWN.content),
    { ack: { message: { formatting: null }, seq: 11 } },
  ],
  ['to the same is nothing', given, MIA, same, unchanged({ message: OWN, seq: 5 })],
  ['is the sender’s alone', given, OLGA, edit(OWN, 'new'), refusedAs('FORBIDDEN')],
  ['finds no deleted message', given, MIA, edit(GONE, 'new'), NO_MESSAGE],
  ['finds no unknown message', nothing, MIA, edit(OWN, 'new'), NO_MESSAGE],
  ['finds no message of another chat', elsewhere, MIA, edit(AS_IF_HERE, 'new'), NO_MESSAGE],
  ['finds nothing before one joined', joined, MIA, edit(OWN, 'new'), NO_MESSAGE],
  ['does not reach who has blocked', blocked, MIA, edit(DIRECTLY, 'new'), refusedAs('FORBIDDEN')],
  ['leaves no empty message', given, MIA, edit(OWN, ' '), refusedAs('VALIDATION_ERROR', 'content')],
]

const deletions: Case[] = [
  [
    'tells whose and where it was',
    given,
    MIA,
    remove(OWN),
    { events: [{ type: 'message:deleted', seq: 11, data: deleted }] },
  ],
  ['is answered with its number', given, MIA, remove(OWN), { ack: { messageId: OWN.id, seq: 11 } }],
  ['is for staff too', given, ADAM, remove(OTHERS), { events: [{ type: 'message:deleted' }] }],
  ['of another’s is not for members', given, MIA, remove(OTHERS), refusedAs('FORBIDDEN')],
  ['of another’s is for nobody in a direct chat', direct, OTTO, remove(DIRECTLY), refusedAs('FORBIDDEN')],
  ['a second time is nothing', given, MIA, remove(GONE), unchanged({ messageId: GONE.id, seq: 9 })],
  ['finds no unknown message', nothing, MIA, remove(OWN), NO_MESSAGE],
  ['finds no message of another chat', elsewhere, MIA, remove(AS_IF_HERE), NO_MESSAGE],
  ['finds nothing before one joined', joined, MIA, remove(OWN), NO_MESSAGE],
  ['stays possible to who is blocked', blocked, MIA, remove(DIRECTLY), { kind: 'done' }],
]

describe.each([
  ['an edit', edits],
  ['a deletion', deletions],
])('%s', (_, cases) => {
  test.each(cases)('%s', (_name, situation, by, command, then) => {
    expect(decideIn(situation, by, command)).toMatchObject(then)
  })
})
