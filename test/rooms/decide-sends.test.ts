import { expect, test } from 'vitest'
import type { Upload } from '../../src/rooms/ports.ts'
import {
  ADAM,
  aDirect,
  aGroup,
  aMessage,
  anAttachment,
  aParticipant,
  DIRECT,
  GROUP,
  MIA,
  OTTO,
  SAM,
  uuid,
} from '../support/builders.ts'
import { type Case, decideIn, ELSEWHERE, FRESH, NOW, refusedAs, send, unchanged } from './case.ts'

const OWN = aMessage(5)
const OTHERS = aMessage(6, { senderId: OTTO.id })
const GONE = aMessage(7, { changedSeq: 9, isDeleted: true, content: '' })
const DIRECTLY = aMessage(5, { chatId: DIRECT })

const given = { state: aGroup(), messages: [OWN, OTHERS, GONE] }
const blocked = { state: aDirect({ isBlocked: true }), messages: [DIRECTLY] }
const elsewhere = { state: aGroup(), messages: [ELSEWHERE] }
/** Mia joined at 6, and the group shows nobody what was before. */
const joined = {
  state: aGroup({
    chat: { history: 'since_join' },
    participants: [aParticipant(MIA, { joinedSeq: 6 }), aParticipant(OTTO)],
  }),
  messages: given.messages,
}
/** Another name than that under which the connection began. */
const RENAMED = 'Mia Lee'
const renamed = {
  state: aGroup({ participants: [aParticipant({ ...MIA, displayName: RENAMED }), aParticipant(OTTO)] }),
}
const NO_REPLY = refusedAs('NOT_FOUND', 'replyToId')

function replayOf(message: object, seq: number) {
  return { ...unchanged({ message, seq, replayed: true }), isReplay: true }
}

test.each<Case>([
  ['takes the next number', given, MIA, send(), { events: [{ type: 'message:new', seq: 11, at: NOW }] }],
  ['is answered with what was stored', given, MIA, send(), { ack: { seq: 11, replayed: false } }],
  ['gets an id if it has none', given, MIA, send(), { ack: { message: { id: FRESH, createdAt: NOW } } }],
  ['keeps the id of the client', given, MIA, send({ id: uuid(7) }), { ack: { message: { id: uuid(7) } } }],
  ['tells who sent it', given, MIA, send(), { events: [{ data: { sender: { username: 'mia' } } }] }],
  [
    'tells the name of now',
    renamed,
    MIA,
    send(),
    { events: [{ data: { sender: { displayName: RENAMED } } }] },
  ],
  ['may reply', given, MIA, send({ replyToId: OTHERS.id }), { ack: { message: { replyToId: OTHERS.id } } }],
  ['may reply to a deleted one', given, MIA, send({ replyToId: GONE.id }), { kind: 'done' }],
  ['replies to nothing of another chat', elsewhere, MIA, send({ replyToId: ELSEWHERE.id }), NO_REPLY],
  ['replies to nothing unknown', given, MIA, send({ replyToId: uuid(7) }), NO_REPLY],
  ['replies to nothing before one joined', joined, MIA, send({ replyToId: OWN.id }), NO_REPLY],
  ['replies to what came since one joined', joined, MIA, send({ replyToId: OTHERS.id }), { kind: 'done' }],
  [
    'mentions nobody outside',
    given,
    MIA,
    send({ mentions: [SAM.id] }),
    refusedAs('VALIDATION_ERROR', 'mentions'),
  ],
  [
    'names only finished uploads',
    given,
    MIA,
    send({ attachmentIds: [uuid(9)] }),
    refusedAs('NOT_FOUND', 'attachmentIds'),
  ],
  ['does not reach who has blocked', blocked, MIA, send({ chatId: DIRECT }), refusedAs('FORBIDDEN')],
  ['is answered again for the same id', given, MIA, send({ id: OWN.id, content: 'other' }), replayOf(OWN, 5)],
  ['is answered again though deleted since', given, MIA, send({ id: GONE.id }), replayOf(GONE, 7)],
  [
    'is answered again though blocked since',
    blocked,
    MIA,
    send({ chatId: DIRECT, id: DIRECTLY.id }),
    replayOf(DIRECTLY, 5),
  ],
  ["cannot take another's id", given, MIA, send({ id: OTHERS.id }), refusedAs('CONFLICT', 'id')],
  [
    'cannot take an id of another chat',
    elsewhere,
    MIA,
    send({ id: ELSEWHERE.id }),
    refusedAs('CONFLICT', 'id'),
  ],
])('a send %s', (_, situation, by, command, then) => {
  expect(decideIn(situation, by, command)).toMatchObject(then)
})

const PICTURE: Upload = { chatId: GROUP, uploaderId: MIA.id, attachment: anAttachment(uuid(0xa1)) }

test.each([
  ['of another user', { ...PICTURE, uploaderId: OTTO.id }],
  ['of another chat', { ...PICTURE, chatId: DIRECT }],
])('a send cannot take an upload %s', (_, upload) => {
  const decision = decideIn({ ...given, uploads: [upload] }, MIA, send({ attachmentIds: [uuid(0xa1)] }))
  expect(decision).toMatchObject(refusedAs('NOT_FOUND', 'attachmentIds'))
})

test('a send takes its uploads along in their order, each once, and may have no words then', () => {
  const other = { ...PICTURE, attachment: anAttachment(uuid(0xa2)) }
  const attachmentIds = [uuid(0xa2), uuid(0xa1), uuid(0xa2)]
  const decision = decideIn(
    { ...given, uploads: [PICTURE, other] },
    MIA,
    send({ content: '', attachmentIds }),
  )
  expect(decision).toMatchObject({
    ack: { message: { content: '', attachments: [other.attachment, PICTURE.attachment] } },
  })
})

test('a send mentions each once', () => {
  const decision = decideIn(given, MIA, send({ mentions: [OTTO.id, ADAM.id, OTTO.id] }))
  expect(decision).toMatchObject({ ack: { message: { mentions: [OTTO.id, ADAM.id] } } })
})

test('a retry of who has left gets the first answer, and nothing of what came later', () => {
  const reactions = [{ emoji: '👍', count: 1, users: [OTTO.id] }]
  const later = { ...OWN, content: 'edited since', isEdited: true, reactions, changedSeq: 9 }
  const without = { state: aGroup({ participants: [aParticipant(OTTO)] }), messages: [later] }
  const message = { content: OWN.content, isEdited: false, reactions: [], changedSeq: 5 }
  expect(decideIn(without, MIA, send({ id: OWN.id, content: OWN.content }))).toMatchObject(
    replayOf(message, 5),
  )
})
