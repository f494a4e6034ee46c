import { describe, expect, test } from 'vitest'
import type { ArchiveLine } from '../../../src/hosts/node/replay/archive.ts'
import { ARCHIVIST, createPlan } from '../../../src/hosts/node/replay/plan.ts'

const line = (number: number, author: number, topic = 'tea'): ArchiveLine => ({
  ...{ number, author, topic },
  at: number * 1_000,
  content: `line ${number}`,
})
const voices = (lines: readonly ArchiveLine[], mostUsers: number) =>
  createPlan(lines, mostUsers).topics.flatMap((topic) => topic.lines.map(({ voice }) => voice))

describe('createPlan', () => {
  test('gives every author a user, in the order in which they appear', () => {
    const plan = createPlan([line(1, 70), line(2, 12, 'cake'), line(3, 70, 'cake')], 10)
    expect(plan.users).toBe(2)
    expect(plan.topics.map(({ key, voices }) => [key, [...voices]])).toEqual([
      ['tea', [1]],
      ['cake', [2, 1]],
    ])
  })

  test('lets users speak for several authors in turn when there are too many', () => {
    const lines = [line(1, 5), line(2, 6), line(3, 7), line(4, 6)]
    expect(voices(lines, 2)).toEqual([1, 2, 1, 2])
    expect(createPlan(lines, 2)).toMatchObject({ authors: 3, users: 2 })
  })

  test('lets the archivist speak for whom a group has no room', () => {
    const lines = Array.from({ length: 400 }, (_, index) => line(index + 1, index))
    const { topics } = createPlan([...lines, line(401, 0), line(402, 399)], 1_000)
    const [topic] = topics
    expect(topic?.voices.size).toBe(299)
    expect(topic?.lines.slice(298, 300).map(({ voice }) => voice)).toEqual([299, ARCHIVIST])
    expect(topic?.lines.slice(400).map(({ voice }) => voice)).toEqual([1, ARCHIVIST])
  })

  test('says the same of the first lines however many more there are', () => {
    const lines = Array.from({ length: 50 }, (_, index) => line(index + 1, (index * 7) % 23))
    expect(voices(lines, 5).slice(0, 20)).toEqual(voices(lines.slice(0, 20), 5))
  })

  test.each([
    ['stream.20events', 'stream events'],
    ['.23mwe.20bot', '#mwe bot'],
    ['100%25%20sure', '100% sure'],
    ['.CE.BB', 'λ'],
    ['version 1.2', 'version 1.2'],
    ['half %', 'half %'],
    ['a.0Ab', 'a.0Ab'],
    ['.20', '(no name)'],
    ['🫖'.repeat(101), `${'🫖'.repeat(99)}…`],
  ])('the topic %s is the group "%s"', (key, name) => {
    expect(createPlan([line(1, 1, key)], 1).topics[0]?.name).toBe(name)
  })
})
