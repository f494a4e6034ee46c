import { describe, expect, test } from 'vitest'
import { check, type Rule } from '../../src/conformance/checker.ts'
import type {
  ChatView,
  ClientHistory,
  History,
  ResumeRecord,
  SeenRecord,
  SendRecord,
  StoredChat,
} from '../../src/conformance/history.ts'
import { AT, aMessage, aParticipant, DIRECT, GROUP, MIA, OTTO, SAM, uuid } from '../support/builders.ts'

const [HELLO, BYE] = [aMessage(2, { content: 'hello' }), aMessage(4, { content: 'bye', senderId: OTTO.id })]
const MARK = { userId: OTTO.id, readSeq: 2, deliveredSeq: 2 }

/**
 * A good history: Mia says hello (2), Otto reads it (3) and says bye (4), Sam, who was there from the start, leaves
 * (5). One send got no answer and was not stored.
 */
const SENDS: readonly SendRecord[] = [
  {
    chatId: GROUP,
    messageId: HELLO.id,
    content: 'hello',
    invokedAt: 10,
    settledAt: 20,
    outcome: 'ok',
    seq: 2,
  },
  { chatId: GROUP, messageId: BYE.id, content: 'bye', invokedAt: 30, settledAt: 40, outcome: 'ok', seq: 4 },
  {
    chatId: GROUP,
    messageId: uuid(7),
    content: 'lost',
    invokedAt: 50,
    settledAt: undefined,
    outcome: 'unknown',
    seq: undefined,
  },
]
const SEEN: readonly SeenRecord[] = [
  { chatId: GROUP, seq: 1, key: 'chat:created' },
  { chatId: GROUP, seq: 2, key: 'hello' },
  { chatId: GROUP, seq: 3, key: 'receipts', marks: [MARK] },
  { chatId: GROUP, seq: 4, key: 'bye' },
  { chatId: GROUP, seq: 5, key: 'left' },
]
const VIEW: ChatView = {
  seq: 5,
  messages: [HELLO, BYE],
  participants: [aParticipant(MIA), aParticipant(OTTO, { readSeq: 2, deliveredSeq: 2 })],
  unread: 1,
}
const STORED: StoredChat = {
  chatId: GROUP,
  head: 5,
  messages: [HELLO, BYE],
  numbers: [1, 2, 3, 4, 5],
  stays: new Map([MIA, OTTO, SAM].map(({ id }) => [id, [[1, id === SAM.id ? 5 : null]]])),
}

interface Changes {
  readonly sends?: readonly SendRecord[]
  readonly seen?: readonly SeenRecord[]
  readonly resumes?: readonly ResumeRecord[]
  readonly view?: Partial<ChatView>
  readonly stored?: Partial<StoredChat>
  readonly clients?: readonly ClientHistory[]
  readonly unexpected?: readonly string[]
}

/** The good history, but for these changes. */
function history({
  sends = SENDS,
  seen = SEEN,
  resumes = [],
  view,
  stored,
  clients = [],
  unexpected = [],
}: Changes = {}): History {
  const state = new Map([[GROUP, { ...VIEW, ...view }]])
  return {
    sends,
    clients: [{ clientId: 'phone', userId: MIA.id, seen, resumes, state }, ...clients],
    stored: [{ ...STORED, ...stored }],
    fresh: new Map([[MIA.id, new Map([[GROUP, VIEW]])]]),
    unexpected,
  }
}

/** One of the good sends, changed; or a further one. */
function sends(at: number, change: Partial<SendRecord>): SendRecord[] {
  const base: SendRecord = {
    chatId: GROUP,
    messageId: uuid(9),
    content: 'more',
    invokedAt: 60,
    settledAt: 70,
    outcome: 'ok',
    seq: 6,
  }
  return [...SENDS.slice(0, at), { ...(SENDS[at] ?? base), ...change }, ...SENDS.slice(at + 1)]
}

function client(userId: string, seen: readonly SeenRecord[]): ClientHistory {
  return { clientId: 'other', userId, seen, state: new Map() }
}

function rulesOf(changes?: Changes): Rule[] {
  return [...new Set(check(history(changes)).map(({ rule }) => rule))]
}

test('a good history breaks nothing', () => {
  expect(check(history())).toEqual([])
  expect(check({ sends: [], clients: [], stored: [], fresh: new Map(), unexpected: [] })).toEqual([])
})

test.each<[string, Changes]>([
  [
    'an unknown send is stored after all',
    { sends: sends(1, { outcome: 'unknown', seq: undefined, settledAt: undefined }) },
  ],
  ['a send fails and is not stored', { sends: sends(2, { outcome: 'failed', settledAt: 60 }) }],
  ['sends that overlap stand in any order', { sends: [...sends(0, { settledAt: 45 })].reverse() }],
  ['a change is seen twice, with the same content', { seen: [...SEEN, ...SEEN] }],
  ['a path does not tell which change it was', { seen: [...SEEN, { chatId: GROUP, seq: 2, key: null }] }],
  ['the store cannot tell its numbers', { stored: { numbers: undefined } as never }],
  ['a client begins with a later page', { view: { messages: [BYE] } }],
  [
    'a resume knows what was acknowledged before it, or more, and not what was on its way',
    {
      resumes: [
        { invokedAt: 15, heads: { [GROUP]: 1 } },
        { invokedAt: 25, heads: { [GROUP]: 3 } },
        { invokedAt: 40, heads: { [GROUP]: 2 } },
        { invokedAt: 45, heads: { [GROUP]: 4, [DIRECT]: 1 } },
      ],
    },
  ],
  ['a resume does not name a chat', { resumes: [{ invokedAt: 45, heads: {} }] }],
  ['who left saw what was before', { clients: [client(SAM.id, SEEN)] }],
  [
    'who joined saw what was before',
    { clients: [client(SAM.id, SEEN)], stored: { stays: new Map([...STORED.stays, [SAM.id, [[4, null]]]]) } },
  ],
  [
    'deleted messages have the same content: none',
    { stored: { messages: [HELLO, BYE].map((it) => ({ ...it, content: '', isDeleted: true })) } },
  ],
  ['the participants stand in another order', { view: { participants: [...VIEW.participants].reverse() } }],
])('nothing is wrong when %s', (_, changes) => {
  expect(check(history(changes))).toEqual([])
})

const twin = { ...HELLO, id: uuid(8), seq: 6 }
const edited = { ...HELLO, content: 'hallo', isEdited: true, editedAt: AT }

describe.each<[Rule, [string, Changes][]]>([
  [
    'C1',
    [
      ['an acknowledged message is not stored', { stored: { messages: [BYE] } }],
      ['it is stored at another number', { sends: sends(0, { seq: 1 }) }],
      ['it is stored in another chat', { sends: sends(0, { chatId: DIRECT }) }],
    ],
  ],
  [
    'C2',
    [
      ['a number is missing', { stored: { numbers: [1, 2, 4, 5, 6] } }],
      ['a number was given twice', { stored: { numbers: [1, 2, 2, 4, 5] } }],
      ['there are fewer changes than the head says', { stored: { numbers: [1, 2, 3, 4] } }],
      [
        'two messages have one number',
        { stored: { messages: [HELLO, BYE, { ...twin, seq: 2, content: 'x' }] } },
      ],
      ['a message stands past the head', { stored: { messages: [HELLO, BYE, { ...twin, content: 'x' }] } }],
    ],
  ],
  [
    'C3',
    [
      [
        'one client saw two contents at a number',
        { seen: [...SEEN, { chatId: GROUP, seq: 2, key: 'hullo' }] },
      ],
      [
        'two clients saw two contents at a number',
        { clients: [client(OTTO.id, [{ chatId: GROUP, seq: 4, key: 'aye' }])] },
      ],
    ],
  ],
  [
    'C4',
    [
      ['a client stays behind', { view: { seq: 4 } }],
      ['a client is ahead of what is stored', { view: { seq: 6 } }],
      ['a client lacks a message', { view: { messages: [HELLO] } }],
      ['a client has no message at all', { view: { messages: [] } }],
      ['a client has one message twice instead of another', { view: { messages: [HELLO, HELLO] } }],
      ['a client has them in another order', { view: { messages: [BYE, HELLO] } }],
    ],
  ],
  [
    'C5',
    [
      [
        'a later send stands before an earlier one',
        {
          sends: [{ ...SENDS[0], invokedAt: 45, settledAt: 46 } as SendRecord, ...SENDS.slice(1)],
        },
      ],
    ],
  ],
  [
    'C6',
    [
      [
        'an unknown send is stored twice',
        {
          sends: sends(0, { outcome: 'unknown', seq: undefined }),
          stored: { head: 6, numbers: [1, 2, 3, 4, 5, 6], messages: [HELLO, BYE, twin] },
        },
      ],
      ['a send that failed is stored', { sends: sends(1, { outcome: 'failed', seq: undefined }) }],
    ],
  ],
  [
    'C7',
    [
      [
        'a watermark falls',
        {
          seen: [
            ...SEEN.slice(0, 4),
            { chatId: GROUP, seq: 5, key: 'left', marks: [{ ...MARK, readSeq: 1 }] },
          ],
        },
      ],
      [
        'delivery falls',
        {
          seen: [
            ...SEEN.slice(0, 4),
            { chatId: GROUP, seq: 5, key: 'left', marks: [{ ...MARK, deliveredSeq: 1 }] },
          ],
        },
      ],
      [
        'a watermark is past its own change',
        { seen: [{ chatId: GROUP, seq: 3, key: 'receipts', marks: [{ ...MARK, readSeq: 4 }] }] },
      ],
    ],
  ],
  [
    'C9',
    [
      [
        'who has left sees what came after',
        { clients: [client(SAM.id, [{ chatId: GROUP, seq: 6, key: 'later' }])] },
      ],
      [
        'a stranger sees a chat',
        { clients: [client(uuid(99), [{ chatId: GROUP, seq: 1, key: 'chat:created' }])] },
      ],
      [
        'somebody sees a chat that is not stored',
        { clients: [client(OTTO.id, [{ chatId: DIRECT, seq: 1, key: 'x' }])] },
      ],
    ],
  ],
  ['C10', [['a process ended', { unexpected: ['instance-1 exited with 1'] }]]],
  [
    'C11',
    [
      ['a message has other words than a fresh read', { view: { messages: [edited, BYE] } }],
      [
        'a message lacks its reactions',
        { view: { messages: [HELLO, { ...BYE, reactions: [{ emoji: '👍', count: 1, users: [MIA.id] }] }] } },
      ],
      ['a message is not in a fresh read', { view: { messages: [HELLO, BYE, aMessage(5)] } }],
      ['a watermark is another', { view: { participants: [aParticipant(MIA), aParticipant(OTTO)] } }],
      [
        'a role is another',
        { view: { participants: VIEW.participants.map((it) => ({ ...it, role: 'admin' as const })) } },
      ],
      ['who left is still there', { view: { participants: [...VIEW.participants, aParticipant(SAM)] } }],
      ['there are other unread messages', { view: { unread: 0 } }],
    ],
  ],
  [
    'C12',
    [
      ['a resume ends before what was acknowledged', { resumes: [{ invokedAt: 41, heads: { [GROUP]: 3 } }] }],
      [
        'a later resume falls back',
        {
          resumes: [
            { invokedAt: 60, heads: { [GROUP]: 2 } },
            { invokedAt: 50, heads: { [GROUP]: 5 } },
          ],
        },
      ],
    ],
  ],
])('%s is broken, and nothing else, when', (rule, cases) => {
  test.each(cases)('%s', (_, changes) => {
    expect(rulesOf(changes)).toEqual([rule])
  })
})

test('C4 is broken when a client does not know a chat of its user’s', () => {
  const good = history()
  const violations = check({ ...good, clients: [client(MIA.id, SEEN)] })
  expect(violations).toEqual([{ rule: 'C4', message: `other does not know ${GROUP}` }])
})

test('a violation says what it is about', () => {
  expect(check(history({ sends: sends(0, { seq: 1 }) }))).toEqual([
    { rule: 'C1', message: `${HELLO.id} (hello) was acknowledged at 1 and is stored at 2` },
  ])
})
