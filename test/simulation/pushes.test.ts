import { describe, expect, test } from 'vitest'
import { type PushSabotage, PushSimulation } from './push-simulation.ts'

const SEEDS = Number(process.env.SEEDS ?? 40)
const FIRST = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
/** A sabotage need not show in every run: only in some of these. */
const TRIES = 100

const sabotages: Record<string, PushSabotage> = {
  'N8 with jobs in the memory of whoever commits': { inMemory: true },
  'with jobs that a commit stores twice': { twice: true },
  'with jobs that are forgotten once they are claimed': { atMostOnce: true },
  'with jobs that everybody gets': { noLease: true },
  'with another key for each try': { keyless: true },
  'with two pushes to one phone on their way at once': { unheld: true },
  'without a look at what was read meanwhile': { blind: true },
}

async function simulate(seed: number, sabotage: PushSabotage = {}) {
  // Every other one without trouble: then even what is promised only for good times has to hold.
  const simulation = new PushSimulation(seed, { ...sabotage, isCalm: seed % 4 < 2 })
  await simulation.run()
  return { faults: simulation.faults(), taken: simulation.taken.length }
}

describe('what a commit promises to those who are away comes, once', () => {
  test(`over ${SEEDS} seeds from ${FIRST}`, async () => {
    for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
      const { faults, taken } = await simulate(seed)
      expect(faults, `seed ${seed}: run it again with SEED=${seed} SEEDS=1`).toEqual([])
      expect(taken).toBeGreaterThan(0)
    }
  })
})

describe('the checks of pushes go red', () => {
  test.for(Object.entries(sabotages))('%s', async ([, sabotage]) => {
    const found: string[] = []
    for (let seed = 1; seed <= TRIES && found.length === 0; seed += 1) {
      found.push(...(await simulate(seed, sabotage)).faults)
    }
    expect(found).not.toEqual([])
  })
})
