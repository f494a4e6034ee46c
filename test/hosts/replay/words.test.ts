import { expect, test } from 'vitest'
import { createPlan } from '../../../src/hosts/node/replay/plan.ts'
import { SAMPLES, sampleWords } from '../../../src/hosts/node/replay/words.ts'

const topicsOf = (contents: readonly string[]) =>
  createPlan(
    contents.map((content, index) => ({ number: index + 1, at: index, author: 1, topic: 'tea', content })),
    1,
  ).topics
const words = (contents: readonly string[]) => sampleWords(topicsOf(contents)).map(({ word }) => word)

test('of each line, the rarest word is sampled', () => {
  expect(words(['Tuesday is lovely', 'lovely Wednesday'])).toEqual(['tuesday', 'wednesday'])
})

test('words that a text search may split or drop are left out', () => {
  expect(words(['half-baked', 'and/or', 'it. Tea!', 'a1b2c', '<b> bold words </b>', 'x'.repeat(31)])).toEqual(
    [],
  )
})

test('a line of common words is left out', () => {
  expect(words(Array.from({ length: 21 }, () => 'common'))).toEqual([])
})

test('samples come from all over a long archive', () => {
  const lines = sampleWords(topicsOf(Array.from({ length: 5_000 }, (_, index) => `word ${letters(index)}`)))
  expect(lines).toHaveLength(SAMPLES)
  expect(lines.map(({ line }) => Math.floor((line.number - 1) / 250))).toEqual([...Array(SAMPLES).keys()])
})

/** A word of its own for each number. */
function letters(number: number): string {
  return [...`${number}`.padStart(5, '0')].map((digit) => 'abcdefghij'[Number(digit)]).join('')
}
