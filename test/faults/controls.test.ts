import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { CONTROLS, isRed, runControl } from './controls.ts'
import { EDITS, edited } from './edits.ts'

/** Those that are red soon; `npm run test:faults` runs all. */
const QUICK = ['N3', 'N9']
const SIZE = { seconds: 6, instances: 3, clients: 8, chats: 4 }
const ONE_RUN = 90_000

describe('a negative control', () => {
  test.each(Object.keys(EDITS))('%s is not stale: what it changes is there', (id) => {
    for (const { file } of EDITS[id] ?? []) {
      const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8')
      expect(edited(id, file, source)).not.toBe(source)
    }
  })

  test('that has gone stale says so', () => {
    expect(() => edited('N9', 'gateway/audience.ts', 'something else')).toThrow(
      'N9 is stale: gateway/audience.ts has its text 0 times',
    )
  })

  test.each(CONTROLS.filter(({ id }) => QUICK.includes(id)))(
    '$id, $title, is found out',
    async (control) => {
      const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32)
      const result = await runControl(control, { ...SIZE, seed })
      expect(isRed(control, result), `seed ${seed}: ${result.messages.join('\n')}`).toBe(true)
    },
    ONE_RUN,
  )
})
