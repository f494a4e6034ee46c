import { describe, expect, test } from 'vitest'
import { type ChatState, findMissing } from '../../src/client/chat-state.ts'
import { type ChatInput, reduce } from '../../src/client/reduce.ts'
import type { Chat } from '../../src/protocol/model.ts'
import { AT } from '../support/builders.ts'
import { changesOf, chatAt, eventAt, ME, messageAt, participantOf, sentAt, stateOf, THEM } from './chats.ts'

interface Case {
  readonly name: string
  /** The chat at 10, whose last message is message 10, unless told otherwise. */
  readonly chat?: Partial<Chat>
  readonly given?: readonly ChatInput[]
  readonly when: ChatInput
  readonly gives: Partial<Omit<ChatState, 'messages'>>
  /** Seqs and contents of the messages. */
  readonly messages?: Record<number, string>
  readonly missing?: ReturnType<typeof findMissing>
}

const page = (data: readonly number[], hasMore: boolean) => ({
  data: data.map((seq) => messageAt(seq)),
  hasMore,
})
const reads = (seq: number, readSeq: number) =>
  eventAt(seq, 'receipts', { marks: [{ userId: ME, readSeq, deliveredSeq: readSeq, at: AT }] })
const removed = (seq: number) => eventAt(seq, 'participant:left', { userId: ME, by: THEM })
const deleted = (seq: number, messageSeq: number) =>
  eventAt(seq, 'message:deleted', { messageId: messageAt(messageSeq).id, messageSeq, senderId: THEM })
const edited = (seq: number, messageSeq: number) =>
  eventAt(seq, 'message:edited', {
    message: messageAt(messageSeq, { changedSeq: seq, content: 'edited' }),
  })
const queued = { id: messageAt(11).id, chatId: '', senderId: ME, body: {}, queuedAt: AT, place: 1 }

const CASES: readonly Case[] = [
  {
    name: 'a participant is called otherwise, at once and under no number',
    when: { type: 'user', user: { ...participantOf(2).user, displayName: 'Dr. Lovelace' } },
    gives: {
      applied: 10,
      participants: new Map([
        [ME, participantOf(1)],
        [THEM, participantOf(2, { user: { ...participantOf(2).user, displayName: 'Dr. Lovelace' } })],
      ]),
    },
  },
  {
    name: 'the next event is applied',
    when: sentAt(11),
    gives: { applied: 11, head: 11 },
    messages: { 10: 'message 10', 11: 'message 11' },
  },
  {
    name: 'an event that was applied is dropped',
    given: [sentAt(11)],
    when: sentAt(11, { content: 'again' }),
    gives: { applied: 11, me: { role: 'member', readSeq: 10, unread: 1, mutedUntil: null } },
    messages: { 10: 'message 10', 11: 'message 11' },
  },
  {
    name: 'an event after a hole is held, and the hole is missing',
    when: sentAt(12),
    gives: { applied: 10, head: 12 },
    messages: { 10: 'message 10' },
    missing: { read: 'changes', since: 10 },
  },
  {
    name: 'events that were held are applied when the hole fills',
    given: [sentAt(13), sentAt(12)],
    when: sentAt(11),
    gives: { applied: 13, head: 13, held: new Map() },
    messages: { 10: 'message 10', 11: 'message 11', 12: 'message 12', 13: 'message 13' },
  },
  {
    name: 'a head above what is applied is missing',
    when: { type: 'head', seq: 12 },
    gives: { applied: 10, head: 12 },
    missing: { read: 'changes', since: 10 },
  },
  {
    name: 'changes that overlap are applied, then what was held after them',
    given: [sentAt(13)],
    when: changesOf(9, 12, {
      messages: [messageAt(10, { changedSeq: 12, content: 'edited' }), messageAt(11)],
    }),
    gives: { applied: 13, me: { role: 'member', readSeq: 10, unread: 2, mutedUntil: null } },
    messages: { 10: 'edited', 11: 'message 11', 13: 'message 13' },
  },
  {
    name: 'changes that begin after a hole show only that there is one',
    when: changesOf(11, 12, { messages: [messageAt(12)] }),
    gives: { applied: 10, head: 12 },
    messages: { 10: 'message 10' },
    missing: { read: 'changes', since: 10 },
  },
  {
    name: 'changes of before what is applied are dropped',
    given: [sentAt(11), deleted(12, 11)],
    when: changesOf(10, 11, { messages: [messageAt(11)] }),
    gives: { applied: 12 },
    messages: { 10: 'message 10', 11: '' },
  },
  {
    name: 'a reset asks for a snapshot and holds what comes meanwhile',
    given: [{ type: 'reset', head: 20 }],
    when: sentAt(11),
    gives: { applied: 10, isStale: true },
    missing: { read: 'chat' },
  },
  {
    name: 'a snapshot after a reset begins afresh and goes on with what came meanwhile',
    given: [{ type: 'reset', head: 20 }, sentAt(21)],
    when: { type: 'snapshot', chat: chatAt(20) },
    gives: { applied: 21, isStale: false, loadedFrom: 20 },
    messages: { 20: 'message 20', 21: 'message 21' },
  },
  {
    name: 'a history that went back is taken as it is',
    given: [{ type: 'reset', head: 5 }],
    when: { type: 'snapshot', chat: chatAt(5) },
    gives: { applied: 5, isStale: false },
    messages: { 5: 'message 5' },
  },
  {
    name: 'a snapshot without a reset tells only who takes part',
    chat: { participants: null },
    given: [sentAt(11)],
    when: { type: 'snapshot', chat: chatAt(12) },
    gives: { applied: 11, head: 12, hasAllParticipants: true, loadedFrom: 10 },
    missing: { read: 'changes', since: 11 },
  },
  {
    name: 'a snapshot older than what is applied is dropped',
    chat: { participants: null },
    given: [sentAt(11)],
    when: { type: 'snapshot', chat: chatAt(10) },
    gives: { applied: 11, hasAllParticipants: false },
  },
  {
    name: "another's message is unread, one's own is not",
    given: [sentAt(11)],
    when: sentAt(12, { senderId: ME }),
    gives: { me: { role: 'member', readSeq: 10, unread: 1, mutedUntil: null } },
  },
  {
    name: 'a message that is deleted is not unread any more, be it loaded or not',
    chat: { me: { role: 'member', readSeq: 1, unread: 5, mutedUntil: null } },
    when: deleted(11, 7),
    gives: { me: { role: 'member', readSeq: 1, unread: 4, mutedUntil: null } },
  },
  {
    name: 'one reads on another device: what is loaded is counted',
    given: [sentAt(11), sentAt(12), sentAt(13), deleted(14, 13)],
    when: reads(15, 11),
    gives: { me: { role: 'member', readSeq: 11, unread: 1, mutedUntil: null }, doubtfulSince: null },
  },
  {
    name: 'one reads a part of what is not loaded: the count is read again',
    chat: { me: { role: 'member', readSeq: 1, unread: 8, mutedUntil: null } },
    when: reads(11, 4),
    gives: { doubtfulSince: 11 },
    missing: { read: 'changes', since: 10 },
  },
  {
    name: 'the count that was read again is exact',
    chat: { me: { role: 'member', readSeq: 1, unread: 8, mutedUntil: null } },
    given: [reads(11, 4)],
    when: changesOf(10, 11, { me: { role: 'member', readSeq: 4, unread: 6, mutedUntil: null } }),
    gives: { me: { role: 'member', readSeq: 4, unread: 6, mutedUntil: null }, doubtfulSince: null },
  },
  {
    name: 'a deletion that a page has brought before its event is counted once',
    chat: { me: { role: 'member', readSeq: 1, unread: 2, mutedUntil: null } },
    given: [
      { type: 'older:wanted' },
      {
        ...{ type: 'older', before: 10 },
        page: { data: [messageAt(9, { isDeleted: true, changedSeq: 12 })], hasMore: false },
      },
      reads(11, 2),
    ],
    when: deleted(12, 9),
    gives: { me: { role: 'member', readSeq: 2, unread: 1, mutedUntil: null } },
  },
  {
    name: 'a watermark never falls',
    given: [reads(11, 8)],
    when: reads(12, 5),
    gives: { me: { role: 'member', readSeq: 10, unread: 0, mutedUntil: null } },
  },
  {
    name: "something of one's own changed: a mute shows only in a read",
    when: eventAt(11, 'participant:updated', { participant: participantOf(1, { role: 'admin' }) }),
    gives: { applied: 11, me: { role: 'admin', readSeq: 10, unread: 0, mutedUntil: null } },
    missing: { read: 'changes', since: 10 },
  },
  {
    name: 'an edit of a message that is not loaded leaves nothing behind',
    when: edited(11, 4),
    gives: { applied: 11, late: null },
    messages: { 10: 'message 10' },
  },
  {
    name: 'an edit while older messages are read is not lost with the page that does not have it',
    given: [{ type: 'older:wanted' }, edited(11, 4)],
    when: { type: 'older', before: 10, page: page([9, 4], true) },
    gives: { loadedFrom: 4, late: null },
    messages: { 4: 'edited', 9: 'message 9', 10: 'message 10' },
  },
  {
    name: 'the last page says that there is nothing older',
    given: [{ type: 'older:wanted' }],
    when: { type: 'older', before: 10, page: page([9], false) },
    gives: { loadedFrom: 0 },
  },
  {
    name: 'a page that could not be read changes nothing',
    given: [{ type: 'older:wanted' }],
    when: { type: 'older', before: 10, page: null },
    gives: { loadedFrom: 10, late: null },
    messages: { 10: 'message 10' },
  },
  {
    name: 'who is removed has left, and hears no more',
    given: [removed(11)],
    when: { type: 'typing', userIds: [] },
    gives: { standing: 'left', applied: 11 },
    missing: undefined,
  },
  {
    name: 'news of a chat that was left means that one was added again',
    given: [removed(11)],
    when: sentAt(14),
    gives: { standing: 'left', head: 14 },
    missing: { read: 'chat' },
  },
  {
    name: 'who left and was added again before hearing of either is back after a read',
    given: [{ type: 'head', seq: 12 }],
    when: removed(11),
    gives: { standing: 'left' },
    missing: { read: 'chat' },
  },
  {
    name: 'changes from before one left do not bring the chat back',
    given: [removed(11)],
    when: changesOf(0, 10, { chat: chatAt(10), me: chatAt(10).me }),
    gives: { standing: 'left', applied: 11 },
    missing: undefined,
  },
  {
    name: 'a read of a chat that was left shows that one was added again',
    given: [removed(11)],
    when: { type: 'snapshot', chat: chatAt(12) },
    gives: { standing: 'in', applied: 12 },
    missing: undefined,
  },
  {
    name: 'a read from before one left does not bring the chat back',
    given: [removed(11)],
    when: { type: 'snapshot', chat: chatAt(10) },
    gives: { standing: 'left', applied: 11 },
    missing: undefined,
  },
  {
    name: 'who is added again begins with all that is sent, without another read',
    given: [removed(11)],
    when: changesOf(0, 14, {
      chat: chatAt(14),
      me: { role: 'member', readSeq: 13, unread: 1, mutedUntil: null },
      participants: [participantOf(1, { joinedSeq: 13 }), participantOf(3, { leftSeq: 12 })],
      messages: [messageAt(10), messageAt(14)],
    }),
    gives: {
      ...{ standing: 'in', applied: 14, loadedFrom: 0, hasAllParticipants: true },
      participants: new Map([[ME, participantOf(1, { joinedSeq: 13 })]]),
    },
    messages: { 10: 'message 10', 14: 'message 14' },
  },
  {
    name: 'a chat that is no longer there for this user is left',
    given: [{ type: 'reset', head: 0 }],
    when: { type: 'gone' },
    gives: { standing: 'left', isStale: false },
    missing: undefined,
  },
  {
    name: 'a deleted chat stays so, whatever comes late',
    given: [eventAt(11, 'chat:deleted', {})],
    when: sentAt(12),
    gives: { standing: 'deleted', applied: 11 },
    missing: undefined,
  },
  {
    name: 'who types is everybody but oneself',
    when: { type: 'typing', userIds: [ME, THEM] },
    gives: { typing: [THEM] },
  },
  {
    name: 'who has sent has typed',
    given: [{ type: 'typing', userIds: [THEM] }],
    when: sentAt(11),
    gives: { typing: [] },
  },
  {
    name: 'a queued message is shown until it comes back under its id',
    given: [{ type: 'queued', message: queued }],
    when: sentAt(11, { senderId: ME }),
    gives: { queued: [] },
    messages: { 10: 'message 10', 11: 'message 11' },
  },
  {
    name: 'a queued message stays while its event waits for a hole to be filled',
    given: [{ type: 'queued', message: { ...queued, id: messageAt(12).id } }],
    when: sentAt(12, { senderId: ME }),
    gives: { queued: [{ ...queued, id: messageAt(12).id }] },
  },
]

describe('a chat state', () => {
  test.each(CASES)('$name', ({ chat, given = [], when, gives, messages, missing, ...rest }) => {
    const before = stateOf(chatAt(10, chat), ...given)
    const after = reduce(before, when)
    expect(after).toMatchObject(gives)
    if (messages) {
      expect(Object.fromEntries([...after.messages].map(({ seq, content }) => [seq, content]))).toEqual(
        messages,
      )
    }
    if (missing || 'missing' in rest) expect(findMissing(after)).toEqual(missing)
  })

  test('keeps no more messages than it was told to, and knows that there are older ones', () => {
    const seqs = Array.from({ length: 500 }, (_, index) => 11 + index)
    const begun = { ...stateOf(chatAt(10)), keepMessages: 3, loadedFrom: 0 }
    const after = seqs.map((seq) => sentAt(seq)).reduce(reduce, begun)
    expect(after.messages.toArray().map(({ seq }) => seq)).toEqual([508, 509, 510])
    expect(after.loadedFrom).toBe(508)
  })

  test('shares what did not change with the state before', () => {
    const before = stateOf(chatAt(10))
    const after = reduce(before, sentAt(11))
    expect(after.participants).toBe(before.participants)
    expect(before.messages.length).toBe(1)
  })
})
