import { expect, test } from 'vitest'
import type { ChatEvent } from '../../src/protocol/events.ts'
import { apply } from '../../src/rooms/apply.ts'
import {
  ADAM,
  AT,
  aChat,
  aGroup,
  aMessage,
  aParticipant,
  GROUP,
  MIA,
  OLGA,
  OTTO,
  principalOf,
  SAM,
} from '../support/builders.ts'

type Body<E = ChatEvent> = E extends ChatEvent ? Pick<E, 'type' | 'data'> : never

function event(body: Body, seq = 11): ChatEvent {
  return { chatId: GROUP, seq, at: AT, ...body } as ChatEvent
}

const message = aMessage(11)
const reaction = { messageId: message.id, emoji: '👍', userId: MIA.id, reactions: [] }
const mark = { userId: MIA.id, readSeq: 9, deliveredSeq: 10, at: AT }

test.each<Body>([
  { type: 'message:new', data: { message, sender: principalOf(MIA).user } },
  { type: 'message:edited', data: { message } },
  { type: 'message:deleted', data: { messageId: message.id, messageSeq: 5, senderId: MIA.id } },
  { type: 'reaction:added', data: reaction },
  { type: 'reaction:removed', data: reaction },
])('$type moves the head and nothing else', (body) => {
  const before = aGroup()
  expect(apply(before, event(body))).toEqual({ ...before, seq: 11 })
})

test('receipts move the watermarks of whom they name, if they still take part', () => {
  const after = apply(
    aGroup(),
    event({ type: 'receipts', data: { marks: [mark, { ...mark, userId: SAM.id }] } }),
  )
  expect(after.participants.get(MIA.id)).toMatchObject({ readSeq: 9, deliveredSeq: 10, role: 'member' })
  expect(after.participants.get(OTTO.id)).toMatchObject({ readSeq: 1, deliveredSeq: 1 })
  expect(after.participants.has(SAM.id)).toBe(false)
})

test('a chat begins with its participants', () => {
  const participants = [aParticipant(OLGA, { role: 'owner' }), aParticipant(MIA)]
  const after = apply(undefined, event({ type: 'chat:created', data: { chat: aChat(), participants } }, 1))
  expect(after).toMatchObject({ seq: 1, chat: { name: 'The group' }, isDeleted: false, isBlocked: false })
  expect([...after.participants.keys()]).toEqual([OLGA.id, MIA.id])
})

test('a chat takes other fields and roles', () => {
  const chat = aChat({ name: 'New', ownerId: MIA.id })
  const participants = [aParticipant(OLGA, { role: 'admin' }), aParticipant(MIA, { role: 'owner' })]
  const after = apply(aGroup(), event({ type: 'chat:updated', data: { chat, participants } }))
  expect(after.chat).toEqual(chat)
  expect([OLGA, MIA, ADAM].map(({ id }) => after.participants.get(id)?.role)).toEqual([
    'admin',
    'owner',
    'admin',
  ])
})

test('participants come, change and go', () => {
  const joined = apply(
    aGroup(),
    event({ type: 'participant:joined', data: { participant: aParticipant(SAM) } }),
  )
  expect(joined.participants.size).toBe(5)
  const participant = aParticipant(SAM, { role: 'admin' })
  const updated = apply(joined, event({ type: 'participant:updated', data: { participant } }, 12))
  expect(updated.participants.get(SAM.id)?.role).toBe('admin')
  const left = apply(updated, event({ type: 'participant:left', data: { userId: SAM.id, by: OLGA.id } }, 13))
  expect([left.participants.has(SAM.id), left.seq]).toEqual([false, 13])
})

test('a deleted chat keeps what it was', () => {
  expect(apply(aGroup(), event({ type: 'chat:deleted', data: {} }))).toEqual({
    ...aGroup(),
    seq: 11,
    isDeleted: true,
  })
})

test('the state before stays as it was', () => {
  const before = aGroup()
  const copy = structuredClone(before)
  apply(before, event({ type: 'receipts', data: { marks: [mark] } }))
  apply(before, event({ type: 'participant:left', data: { userId: MIA.id, by: MIA.id } }))
  expect(before).toEqual(copy)
})

test('a change of a chat that never began is a mistake', () => {
  expect(() => apply(undefined, event({ type: 'chat:deleted', data: {} }))).toThrow(
    'came before chat:created',
  )
})
