import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PROTOCOL_RULES } from '../../src/conformance/rules/all.ts'

const ROOT = join(import.meta.dirname, '../..')
const document = readFileSync(join(ROOT, 'docs/protocol.md'), 'utf8')

/** Every numbered rule of the document, and whether it is marked as one that cannot be seen from outside. */
const written = [...document.matchAll(/^- \*\*(\d+\.\d+)\*\* (.+)$/gm)].map(([, number = '', text = '']) => ({
  number,
  isInside: text.endsWith('°'),
}))

describe('the numbered rules of docs/protocol.md', () => {
  test('are numbered once each, in order', () => {
    const numbers = written.map(({ number }) => number)
    const sections = Map.groupBy(numbers, (number) => number.split('.')[0])
    for (const [section, rules] of sections) {
      expect(rules).toEqual(rules.map((_, index) => `${section}.${index + 1}`))
    }
  })

  test('are those of the conformance suite, but for what cannot be seen from outside', () => {
    const outside = written.filter(({ isInside }) => !isInside).map(({ number }) => number)
    expect(PROTOCOL_RULES.map(({ number }) => number)).toEqual(outside)
  })

  test('have a test that begins with the number where they cannot be seen from outside', () => {
    const named = new Set(testNames(join(ROOT, 'test')))
    const missing = written.filter(({ number, isInside }) => isInside && !named.has(number))
    expect(missing.map(({ number }) => number)).toEqual([])
  })
})

/** The rule numbers that names of tests begin with. */
function testNames(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .flatMap((entry) => {
      const text = readFileSync(join(entry.parentPath, entry.name), 'utf8')
      return [...text.matchAll(/\btest(?:\.\w+)?\(\s*['"`](\d+\.\d+) /g)].map(([, number = '']) => number)
    })
}
