import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { ClientFrame } from '../../src/protocol/frames.ts'
import { type Client, createStage, HOUR, type Stage } from '../gateway/stage.ts'
import {
  aDirect,
  aGroup,
  aMessage,
  DIRECT,
  GROUP,
  MIA,
  NOWHERE,
  OTTO,
  settled,
  tablesWith,
  uuid,
} from '../support/builders.ts'

/** The seed differs from run to run; fast-check prints it with what it found: `FUZZ_SEED=… ` runs it again. */
const SETTINGS = { seed: Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31)), numRuns: 400 }

const NASTY = [
  '__proto__',
  'constructor',
  'toJSON',
  'hasOwnProperty',
  '\0',
  '\ud800',
  '1e309',
  '\u2028',
  'ﬀ',
  '',
]
const TYPES = ClientFrame.options.map(({ shape }) => shape.type.value)
const FIELDS = [
  ...[
    'chatId',
    'messageId',
    'id',
    'content',
    'contentType',
    'formatting',
    'attachmentIds',
    'replyToId',
    'mentions',
  ],
  ...['metadata', 'emoji', 'seq', 'chats', 'logId', 'status', 'token', ...NASTY],
]

const text = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
)
const seq = fc.oneof(fc.nat(30), fc.integer(), fc.double(), fc.constantFrom(2 ** 53, -0, 1e308))
const someId = fc.constantFrom(GROUP, DIRECT, NOWHERE, MIA.id, aMessage(5).id, uuid(7), GROUP.toUpperCase())
const anything = fc.oneof(
  { maxDepth: 3 },
  text,
  seq,
  someId,
  fc.jsonValue({ stringUnit: 'binary' }),
  deeply(),
)
const ranges = fc.array(fc.tuple(fc.integer({ min: -1, max: 12 }), fc.integer({ min: -1, max: 12 })), {
  maxLength: 4,
})

function deeply(): fc.Arbitrary<unknown> {
  return fc.integer({ min: 1, max: 500 }).map((depth) => JSON.parse(nested(depth)))
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}

const chatId = fc.constantFrom(GROUP, GROUP, DIRECT, NOWHERE)
const messageId = fc.constantFrom(aMessage(5).id, aMessage(6).id, uuid(7))
const fields = {
  chatId,
  messageId,
  content: fc.oneof(fc.string({ minLength: 1 }), text),
  emoji: fc.constantFrom('👍', '🎉', ''),
  seq: fc.oneof(fc.nat(30), seq),
  id: fc.nat(20).map((number) => uuid(0x7000 + number)),
  formatting: fc.record({ bold: ranges, italic: ranges }, { requiredKeys: [] }),
  mentions: fc.array(fc.constantFrom(MIA.id, OTTO.id, uuid(99)), { maxLength: 2 }),
  replyToId: fc.constantFrom(null, aMessage(5).id, uuid(7)),
  metadata: fc.dictionary(text, fc.jsonValue(), { maxKeys: 3 }),
  chats: fc.dictionary(chatId, fc.nat(30)),
  logId: fc.constantFrom(null, 'log-1', 'log-0'),
  status: fc.constantFrom('online', 'away', 'busy', 'offline'),
  token: text,
}
/** Of each frame: what it needs, and after the bar what it may have. */
const SHAPES: Record<string, string> = {
  sync: 'chats | logId',
  'message:send': 'chatId content | id formatting mentions replyToId metadata',
  'message:edit': 'messageId content | chatId formatting',
  'message:delete': 'messageId | chatId',
  'message:read': 'chatId seq | messageId',
  'message:delivered': 'messageId | chatId',
  'reaction:add': 'messageId emoji | chatId',
  'reaction:remove': 'messageId emoji | chatId',
  'typing:start': 'chatId',
  'typing:stop': 'chatId',
  'presence:update': 'status',
  auth: 'token',
  ping: '',
}

/** A frame that may well be good: the fields of its type, mostly with values of the right kind. */
function likely(type: string): fc.Arbitrary<unknown> {
  const [needed = [], optional = []] = (SHAPES[type] ?? '').split('|').map((part) => part.match(/\w+/g) ?? [])
  const model = Object.fromEntries(
    [...needed, ...optional].map((name) => [name, fields[name as keyof typeof fields]]),
  )
  const data = fc.record(model, { requiredKeys: needed })
  return fc.record({ type: fc.constant(type), id: fc.string({ minLength: 1, maxLength: 64 }), data })
}

const wildData = fc.oneof(anything, fc.dictionary(fc.constantFrom(...FIELDS), anything))

const wild = fc.record({
  type: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...TYPES) }, { weight: 1, arbitrary: anything }),
  id: fc.oneof({ weight: 9, arbitrary: fc.string() }, { weight: 1, arbitrary: anything }),
  data: wildData,
})
const frame = fc.oneof(
  { weight: 2, arbitrary: fc.oneof(...TYPES.map(likely)) },
  { weight: 1, arbitrary: wild },
)
const frameText = fc.oneof(
  { weight: 6, arbitrary: frame.map((it) => JSON.stringify(it)) },
  { weight: 1, arbitrary: fc.json({ stringUnit: 'binary' }) },
  { weight: 1, arbitrary: text },
  // As deep as a frame has room for: written by hand, because JSON.stringify would not.
  {
    weight: 1,
    arbitrary: fc
      .nat(30_000)
      .map((depth) => `{"type":"message:send","id":"1","data":{"metadata":${nested(depth)}}}`),
  },
  { weight: 1, arbitrary: fc.tuple(frame, fc.nat(40)).map(([it, cut]) => JSON.stringify(it).slice(0, -cut)) },
)

test('whatever a frame is, it is understood or refused, and never throws', () => {
  fc.assert(
    fc.property(fc.oneof(frame, anything, fc.object(), fc.anything()), (value) => {
      const parsed = ClientFrame.safeParse(value)
      if (!parsed.success) expect(parsed.error.issues.length).toBeGreaterThan(0)
    }),
    { ...SETTINGS, numRuns: 3_000 },
  )
})

describe('a connection', () => {
  let stage: Stage
  let mia: Client

  beforeEach(async () => {
    stage = createStage(tablesWith([aGroup(), aMessage(5), aMessage(6)], [aDirect()]))
    mia = await stage.connect(MIA, { expiresAt: stage.clock.now() + 10_000 * HOUR })
  })

  /** How many replies the text has to have: typing that is allowed has none. */
  function repliesDue(given: string): number {
    let value: unknown
    try {
      value = JSON.parse(given)
    } catch {
      return 1
    }
    const parsed = ClientFrame.safeParse(value)
    if (!parsed.success || !parsed.data.type.startsWith('typing:')) return 1
    return 'chatId' in parsed.data.data && parsed.data.data.chatId === NOWHERE ? 1 : 0
  }

  test('answers every frame once, whatever it is, and goes on', async () => {
    await fc.assert(
      fc.asyncProperty(frameText, async (given) => {
        const before = mia.socket.sent.length
        mia.connection.receive(given)
        await stage.clock.pass(3_000)
        const replies = mia.socket.sent
          .slice(before)
          .flatMap(({ texts }) => texts.map((it) => JSON.parse(it)))
          .filter(({ type }) => type === 'ack' || type === 'error')
        mia.heard() // checks that every frame is one of the contract
        expect(replies.length, given).toBe(repliesDue(given))
        expect(mia.socket.closed, given).toBeUndefined()
        expect(await mia.ask('ping', {})).toMatchObject({ type: 'ack' })
      }),
      SETTINGS,
    )
    expect(stage.faults).toEqual(stage.faults.filter((it) => String(it).includes('Not in this test')))
  })

  test('answers a stream of anything before hello, once it has come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(frameText, { maxLength: 15 }), async (texts) => {
        const client = stage.open(OTTO)
        for (const given of texts) client.connection.receive(given)
        await settled()
        await stage.clock.pass(3_000)
        expect(client.heard()[0]?.type).toBe('hello')
        client.connection.disconnect()
      }),
      { ...SETTINGS, numRuns: 50 },
    )
  })
})
