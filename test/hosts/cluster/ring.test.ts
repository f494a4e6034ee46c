import fc from 'fast-check'
import { v7 } from 'uuid'
import { expect, test } from 'vitest'
import { createRing } from '../../../src/hosts/node/cluster/ring.ts'

const CHATS = 10_000
/** Of so few instances that a tenth of a share is four standard deviations or more. */
const MOST_INSTANCES = 6

const chatIds = Array.from({ length: CHATS }, () => v7())
const instanceIds = fc.uniqueArray(fc.uuid({ version: [4, 7] }), { minLength: 2, maxLength: MOST_INSTANCES })

test('ten thousand chats are shared out evenly, within a tenth', () => {
  fc.assert(
    fc.property(instanceIds, (ids) => {
      const ring = createRing(ids)
      const counts = new Map(ids.map((id) => [id, 0]))
      for (const chatId of chatIds) {
        const owner = ring.ownerOf(chatId) ?? ''
        counts.set(owner, (counts.get(owner) ?? 0) + 1)
      }
      const share = CHATS / ids.length
      for (const count of counts.values()) expect(Math.abs(count - share)).toBeLessThan(share / 10)
    }),
    { numRuns: 30, seed: 1 },
  )
})

test('only the chats of the instance that is lost move', () => {
  fc.assert(
    fc.property(instanceIds, fc.nat(), (ids, pick) => {
      const lost = ids[pick % ids.length]
      const ring = createRing(ids)
      const left = createRing(ids.filter((id) => id !== lost))
      for (const chatId of chatIds.slice(0, 500)) {
        const before = ring.ownerOf(chatId)
        if (before !== lost) expect(left.ownerOf(chatId)).toBe(before)
      }
    }),
  )
})

test('the order in which instances are known makes no difference', () => {
  fc.assert(
    fc.property(instanceIds, fc.uuid(), (ids, chatId) => {
      expect(createRing(ids.toReversed()).ownerOf(chatId)).toBe(createRing(ids).ownerOf(chatId))
    }),
  )
})

test('nobody owns a chat where there is nobody', () => {
  expect(createRing([]).ownerOf(v7())).toBeUndefined()
})
