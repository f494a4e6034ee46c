import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBroadcastText, toBroadcastText } from '../../src/rooms/broadcast-text.ts'
import type { Broadcastable } from '../../src/rooms/ports.ts'
import { GROUP } from '../support/builders.ts'

const event = fc.record({
  seq: fc.integer({ min: 1 }),
  origin: fc.option(fc.uuid()),
  left: fc.option(fc.oneof(fc.uuid(), fc.constant('everybody'))),
  // As on the wire: whatever the text of a message holds, JSON has no line break.
  text: fc.string({ unit: 'binary' }).map((content) => JSON.stringify({ content })),
})

test('events come out as they went in, whatever their texts hold', () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1 }), (events) => {
      const item: Broadcastable = { kind: 'events', chatId: GROUP, events }
      expect(fromBroadcastText(toBroadcastText(item))).toEqual(item)
    }),
  )
})

test.each<Broadcastable>([
  { kind: 'head', seq: 7 },
  { kind: 'signal', text: '{"type":"typing"}\n' },
  { kind: 'revoked', sessionId: null },
])('$kind comes out as it went in', (item) => {
  expect(fromBroadcastText(toBroadcastText(item))).toEqual(item)
})
