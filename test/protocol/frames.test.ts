import { describe, expect, test } from 'vitest'
import { toDetails } from '../../src/protocol/errors.ts'
import { ClientFrame } from '../../src/protocol/frames.ts'
import { GROUP, uuid } from '../support/builders.ts'

const MESSAGE = uuid(0xe001)

/** A good frame of each type: the least that it needs. */
const LEAST: Record<string, Record<string, unknown>> = {
  sync: { chats: { [GROUP]: 3 } },
  'message:send': { chatId: GROUP, content: 'hello' },
  'message:edit': { messageId: MESSAGE, content: 'hello' },
  'message:delete': { messageId: MESSAGE },
  'message:read': { messageId: MESSAGE },
  'message:delivered': { messageId: MESSAGE },
  'reaction:add': { messageId: MESSAGE, emoji: '👍' },
  'reaction:remove': { messageId: MESSAGE, emoji: '👍' },
  'typing:start': { chatId: GROUP },
  'typing:stop': { chatId: GROUP },
  'presence:update': { status: 'away' },
  'session:accept': { chatId: GROUP },
  'session:transfer': { chatId: GROUP, team: 'night' },
  'session:release': { chatId: GROUP },
  'session:close': { chatId: GROUP },
  'session:reopen': { chatId: GROUP },
  auth: { token: 'a.b.c' },
  ping: {},
}
const FIELDS = Object.entries(LEAST).flatMap(([type, data]) =>
  Object.keys(data).map((field) => ({ type, field })),
)

/** What is wrong with the frame, as `field: why`; empty when nothing is. */
function faultsOf(frame: unknown): string[] {
  const parsed = ClientFrame.safeParse(frame)
  return parsed.success ? [] : toDetails(parsed.error).map(({ field, message }) => `${field}: ${message}`)
}

test('there is a sample of every frame that a client may send', () => {
  expect(Object.keys(LEAST)).toEqual(ClientFrame.options.map(({ shape }) => shape.type.value))
})

test.each([
  ['nothing', undefined],
  ['null', null],
  ['text', 'ping'],
  ['a number', 1e308],
  ['a list', [{ type: 'ping', id: '1', data: {} }]],
  ['an empty object', {}],
])('%s is no frame', (_, frame) => {
  expect(faultsOf(frame)).toHaveLength(1)
})

test.each([['nope'], ['message:new'], ['__proto__'], ['constructor'], [''], [null], [{}], [['ping']]])(
  'a frame of the type %j is refused for its type',
  (type) => {
    expect(faultsOf({ type, id: '1', data: {} })).toEqual([expect.stringMatching(/^type: /)])
  },
)

describe.each(Object.entries(LEAST))('%s', (type, data) => {
  test('is understood with the least that it needs', () => {
    expect(faultsOf({ type, id: '1', data })).toEqual([])
  })

  test.each([
    ['no id', undefined],
    ['an empty id', ''],
    ['an id that is too long', 'x'.repeat(65)],
    ['an id that is no text', 7],
  ])('is refused with %s', (_, id) => {
    expect(faultsOf({ type, id, data })).toEqual([expect.stringMatching(/^id: /)])
  })

  test.each([
    ['no data', undefined],
    ['null', null],
    ['a list', []],
    ['text', '{}'],
    ['a number', 1],
  ])('is refused with %s for data', (_, bad) => {
    expect(faultsOf({ type, id: '1', data: bad })).toEqual([expect.stringMatching(/^data: /)])
  })

  test('is refused with a field that it does not have, which is named', () => {
    const hostile: unknown = JSON.parse(`{"__proto__": {"isAdmin": true}, "data": ${JSON.stringify(data)}}`)
    expect(faultsOf({ type, id: '1', data, extra: 1 })).toEqual(['extra: Unknown field: remove it'])
    expect(faultsOf({ type, id: '1', data: { ...data, extra: 1 } })).toEqual([
      'data.extra: Unknown field: remove it',
    ])
    expect(faultsOf(Object.assign(hostile as object, { type, id: '1' }))).toEqual([
      '__proto__: Unknown field: remove it',
    ])
  })
})

test.each(FIELDS)('$type is refused without $field, or with a wrong one', ({ type, field }) => {
  for (const wrong of [undefined, null, 12.5, true, [[]], { toString: 1 }, '']) {
    const faults = faultsOf({ type, id: '1', data: { ...LEAST[type], [field]: wrong } })
    if (type === 'message:edit' && wrong === '') continue // an edit may empty a message that has attachments
    expect(faults, `${field}: ${JSON.stringify(wrong)}`).not.toEqual([])
    for (const fault of faults) expect(fault).toMatch(new RegExp(`^data(\\.${field}|:)`))
  }
})

test.each([['sync'], ['message:send'], ['typing:start']])('%s refuses a chat id that is none', (type) => {
  for (const id of [
    '1',
    GROUP.slice(1),
    `${GROUP}0`,
    `{${GROUP}}`,
    `${GROUP}\n`,
    '../etc/passwd',
    "' or 1=1 --",
  ]) {
    const data = type === 'sync' ? { chats: { [id]: 1 } } : { ...LEAST[type], chatId: id }
    expect(faultsOf({ type, id: '1', data }), id).not.toEqual([])
  }
})

test('ids are folded to lower case, so that one thing has one name', () => {
  const frame = {
    type: 'message:delete',
    id: '1',
    data: { messageId: MESSAGE.toUpperCase(), chatId: GROUP.toUpperCase() },
  }
  expect(ClientFrame.parse(frame).data).toEqual({ messageId: MESSAGE, chatId: GROUP })
})
