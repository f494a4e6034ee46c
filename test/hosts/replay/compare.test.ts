import { describe, expect, test } from 'vitest'
import { compare, type ExpectedMessage } from '../../../src/hosts/node/replay/compare.ts'

const expected: ExpectedMessage[] = [3, 4, 9].map((number) => ({
  ...{ number, id: `id-${number}`, senderId: 'ann', content: `line ${number}` },
}))
const stored = expected.map(({ number, ...message }, index) => ({
  ...message,
  seq: index + 2,
  metadata: { line: number } as Record<string, unknown> | null,
}))
const [first, second, third] = stored as [(typeof stored)[0], (typeof stored)[0], (typeof stored)[0]]
const nothing = { lost: [], doubled: [], reordered: [], changed: [] }

describe('compare', () => {
  test('finds nothing where each line is there once, in order, with its words', () => {
    expect(compare(expected, stored)).toEqual(nothing)
  })

  test('leaves alone what others wrote, and lines of a longer run', () => {
    const others = [
      { id: 'x', seq: 1, senderId: 'ben', content: 'hello', metadata: null },
      { id: 'y', seq: 9, senderId: 'ann', content: 'line 10', metadata: { line: 10 } },
    ]
    expect(compare(expected, [...stored, ...others])).toEqual(nothing)
  })

  test('finds a line that is not there', () => {
    expect(compare(expected, [first, third])).toEqual({ ...nothing, lost: [4] })
  })

  test('finds a line that is there twice, under its id or another', () => {
    expect(compare(expected, [...stored, { ...second, seq: 8 }])).toEqual({ ...nothing, doubled: [4] })
    const copy = { ...second, id: 'another', seq: 8 }
    expect(compare(expected, [...stored, copy])).toEqual({ ...nothing, doubled: [4] })
  })

  test('finds a line that stands after a later one', () => {
    const swapped = [first, { ...second, seq: third.seq }, { ...third, seq: second.seq }]
    expect(compare(expected, swapped)).toEqual({ ...nothing, reordered: [4] })
  })

  test('finds other words and another sender', () => {
    const changed = [{ ...first, content: 'line' }, { ...second, senderId: 'ben' }, third]
    expect(compare(expected, changed)).toEqual({ ...nothing, changed: [3, 4] })
  })
})
