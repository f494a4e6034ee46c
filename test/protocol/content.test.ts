import { describe, expect, test } from 'vitest'
import { toDetails } from '../../src/protocol/errors.ts'
import { ClientFrame } from '../../src/protocol/frames.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { DIRECT, GROUP, MIA, uuid } from '../support/builders.ts'

const MESSAGE = uuid(0xe001)
const LONE = 'half \ud83d of it'
const NUL = 'a\0b'
const UNSTORABLE = 'Must not contain U+0000 or a lone surrogate'

type Data = Record<string, unknown>

function send(data: Data): string[] {
  return faultsOf('message:send', { chatId: GROUP, content: 'hello', ...data })
}

function faultsOf(type: string, data: Data): string[] {
  const parsed = ClientFrame.safeParse({ type, id: '1', data })
  return parsed.success ? [] : toDetails(parsed.error).map(({ field, message }) => `${field}: ${message}`)
}

function deep(levels: number): unknown {
  return JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)
}

describe('the content of a message', () => {
  test.each<[string, Data]>([
    ['the longest text', { content: 'x'.repeat(LIMITS.messageCharacters) }],
    ['as many characters outside the basic plane', { content: '😀'.repeat(LIMITS.messageCharacters) }],
    ['control characters and white space around words', { content: '\t a \u0007\r\n' }],
    ['a right-to-left override', { content: 'abc \u202e def' }],
    ['markup, which is only text', { content: '<script>alert(1)</script>' }],
    ['an attachment instead of words', { content: '', attachmentIds: [uuid(9)] }],
    [
      'ranges up to its end',
      {
        formatting: {
          bold: [[0, 5]],
          code: [
            [1, 2],
            [4, 5],
          ],
        },
      },
    ],
    ['no formatting', { formatting: null }],
    ['metadata as deep as allowed', { metadata: deep(LIMITS.metadataDepth) }],
    ['an id of its own', { id: MESSAGE, replyToId: uuid(0xe000), mentions: [MIA.id] }],
  ])('may be %s', (_, data) => {
    expect(send(data)).toEqual([])
  })

  test.each<[string, Data, string]>([
    [
      'one character too many',
      { content: 'x'.repeat(LIMITS.messageCharacters + 1) },
      'data.content: Message exceeds maximum length',
    ],
    [
      'one emoji too many',
      { content: '😀'.repeat(LIMITS.messageCharacters + 1) },
      'data.content: Message exceeds maximum length',
    ],
    ['nothing', { content: '' }, 'data.content: Message must not be empty unless it has an attachment'],
    [
      'white space',
      { content: ' \n\t\u00a0\u2003' },
      'data.content: Message must not be empty unless it has an attachment',
    ],
    ['U+0000', { content: NUL }, `data.content: ${UNSTORABLE}`],
    ['a lone surrogate', { content: LONE }, `data.content: ${UNSTORABLE}`],
    ['a type that only the service has', { contentType: 'system' }, 'data.contentType: '],
    ['an id that is no UUIDv7', { id: '0190aaaa-0000-4000-8000-000000000001' }, 'data.id: Must be a UUIDv7'],
    ['an id that is a path', { id: '../../x' }, 'data.id: Must be a UUIDv7'],
    [
      'more attachments than allowed',
      { attachmentIds: Array.from({ length: 6 }, (_, n) => uuid(n)) },
      'data.attachmentIds: ',
    ],
    [
      'more mentions than allowed',
      { mentions: Array.from({ length: 51 }, (_, n) => uuid(n)) },
      'data.mentions: ',
    ],
    ['a mention that is no user id', { mentions: ['mia'] }, 'data.mentions.0: Must be a UUID'],
    [
      'a range past its end',
      { formatting: { bold: [[0, 6]] } },
      'data.formatting.bold: Ranges must end within the content (5)',
    ],
    [
      'a range of nothing',
      { formatting: { bold: [[3, 3]] } },
      'data.formatting.bold.0: Must be [start, end) with start < end',
    ],
    [
      'a range that runs backwards',
      { formatting: { italic: [[3, 1]] } },
      'data.formatting.italic.0: Must be [start, end) with start < end',
    ],
    ['a range before its start', { formatting: { bold: [[-1, 2]] } }, 'data.formatting.bold.0.0: '],
    ['half a range', { formatting: { bold: [[1]] } }, 'data.formatting.bold.0'],
    ['a range of fractions', { formatting: { bold: [[0, 1.5]] } }, 'data.formatting.bold.0.1: '],
    [
      'more ranges than allowed',
      { formatting: { bold: Array.from({ length: 201 }, () => [0, 1]) } },
      'data.formatting.bold: ',
    ],
    [
      'a style that nobody knows',
      { formatting: { blink: [[0, 1]] } },
      'data.formatting.blink: Unknown field: remove it',
    ],
    [
      'metadata that is too deep',
      { metadata: deep(LIMITS.metadataDepth + 1) },
      'data.metadata: Must nest at most 8 deep',
    ],
    [
      'metadata of ten thousand levels',
      { metadata: deep(10_000) },
      'data.metadata: Must nest at most 8 deep',
    ],
    [
      'metadata that is too large',
      { metadata: { text: 'x'.repeat(LIMITS.metadataBytes) } },
      'data.metadata: Must be at most 4096 bytes of JSON',
    ],
    [
      'metadata that is too large as UTF-8',
      { metadata: { text: '字'.repeat(LIMITS.metadataBytes / 2) } },
      'data.metadata: Must be at most 4096 bytes of JSON',
    ],
    ['metadata with U+0000', { metadata: { a: [{ b: NUL }] } }, `data.metadata: ${UNSTORABLE}`],
    [
      'metadata with a key that cannot be stored',
      { metadata: { [LONE]: 1 } },
      'data.metadata: Keys must not contain',
    ],
    ['metadata that is a list', { metadata: [] }, 'data.metadata: '],
  ])('is refused as %s', (_, data, fault) => {
    expect(send(data)).toEqual([expect.stringContaining(fault)])
  })

  test('keeps metadata as it is, and no prototype comes with it', () => {
    const metadata: unknown = JSON.parse(
      '{"constructor": {"prototype": {"x": 1}}, "b": [1, null, "\\u0001"]}',
    )
    const frame = ClientFrame.parse({
      type: 'message:send',
      id: '1',
      data: { chatId: GROUP, content: 'x', metadata },
    })
    expect(frame.data).toMatchObject({ metadata })
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })
})

test.each<[string, Data, string]>([
  [
    'past its end',
    { content: 'ab', formatting: { bold: [[0, 3]] } },
    'data.formatting.bold: Ranges must end within the content (2)',
  ],
  ['that are too long', { content: 'x'.repeat(10_001) }, 'data.content: Message exceeds maximum length'],
  ['with a lone surrogate', { content: LONE }, `data.content: ${UNSTORABLE}`],
])('an edit to words or ranges %s is refused', (_, data, fault) => {
  expect(faultsOf('message:edit', { messageId: MESSAGE, ...data })).toEqual([fault])
})

test.each<[string, unknown]>([
  ['nothing', ''],
  ['white space', ' '],
  ['a sentence', 'x'.repeat(33)],
  ['U+0000', '\0'],
  ['a lone surrogate', '\udc4d'],
])('a reaction with %s is refused', (_, emoji) => {
  for (const type of ['reaction:add', 'reaction:remove']) {
    expect(faultsOf(type, { messageId: MESSAGE, emoji })).toEqual([expect.stringMatching(/^data\.emoji: /)])
  }
})

test('a reaction may be a family of many code points, or a short code', () => {
  for (const emoji of ['👨‍👩‍👧‍👦', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', ':party-parrot:']) {
    expect(faultsOf('reaction:add', { messageId: MESSAGE, emoji })).toEqual([])
  }
})

describe('a watermark', () => {
  const WHICH = 'data: Give chatId and seq, or messageId'

  test.each<[string, Data]>([
    ['a seq of a chat', { chatId: GROUP, seq: 0 }],
    ['a message', { messageId: MESSAGE }],
    ['a message of a chat', { chatId: GROUP, messageId: MESSAGE }],
  ])('names %s', (_, data) => {
    expect(faultsOf('message:read', data)).toEqual([])
    expect(faultsOf('message:delivered', data)).toEqual([])
  })

  test.each<[string, Data, string]>([
    ['nothing', {}, WHICH],
    ['only a chat', { chatId: GROUP }, WHICH],
    ['a seq of no chat', { seq: 3 }, WHICH],
    ['both a seq and a message', { chatId: GROUP, seq: 3, messageId: MESSAGE }, WHICH],
    ['a seq below 0', { chatId: GROUP, seq: -1 }, 'data.seq: Must not be negative'],
    ['half a seq', { chatId: GROUP, seq: 1.5 }, 'data.seq: Must be a whole number'],
    ['a seq as text', { chatId: GROUP, seq: '3' }, 'data.seq: Must be a whole number'],
    ['a seq beyond what can be counted', { chatId: GROUP, seq: 1e300 }, 'data.seq: '],
    ['an infinite seq', { chatId: GROUP, seq: Number.POSITIVE_INFINITY }, 'data.seq: '],
  ])('is refused when it names %s', (_, data, fault) => {
    expect(faultsOf('message:read', data)).toEqual([expect.stringContaining(fault)])
    expect(faultsOf('message:delivered', data)).toEqual([expect.stringContaining(fault)])
  })
})

describe('a sync', () => {
  function chats(count: number): Record<string, number> {
    return Object.fromEntries(Array.from({ length: count }, (_, index) => [uuid(index), index]))
  }

  test('names as many chats as allowed, or none', () => {
    expect(faultsOf('sync', { chats: {} })).toEqual([])
    expect(faultsOf('sync', { chats: chats(LIMITS.syncChats), logId: null })).toEqual([])
  })

  test.each<[string, Data, string]>([
    [
      'too many chats',
      { chats: chats(LIMITS.syncChats + 1) },
      'data.chats: At most 1000 chats a frame: send several',
    ],
    ['a chat by a wrong id', { chats: { group: 1 } }, 'data.chats.group: '],
    ['a seq below 0', { chats: { [DIRECT]: -1 } }, `data.chats.${DIRECT}: Must not be negative`],
    ['a seq that is null', { chats: { [DIRECT]: null } }, `data.chats.${DIRECT}: Must be a whole number`],
    ['a log id that is too long', { chats: {}, logId: 'x'.repeat(101) }, 'data.logId: '],
  ])('is refused with %s', (_, data, fault) => {
    expect(faultsOf('sync', data)).toEqual([expect.stringContaining(fault)])
  })

  test('is refused with a few details, however many ids are wrong', () => {
    const wrong = Object.fromEntries(Array.from({ length: 9_000 }, (_, index) => [`k${index}`, 1]))
    expect(faultsOf('sync', { chats: wrong }).length).toBeLessThanOrEqual(50)
  })
})

test('nobody can say of himself that he is offline', () => {
  expect(faultsOf('presence:update', { status: 'offline' })).toEqual([
    expect.stringMatching(/^data\.status: /),
  ])
  for (const status of ['online', 'away', 'busy']) expect(faultsOf('presence:update', { status })).toEqual([])
})

test('a token has a bound', () => {
  expect(faultsOf('auth', { token: 'x'.repeat(8_193) })).toEqual([expect.stringMatching(/^data\.token: /)])
})
