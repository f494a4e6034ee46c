import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Postgres, startPostgres } from '../../bench/machine/postgres.ts'
import { measure } from '../../bench/measure.ts'
import type { Scenario } from '../../bench/scenarios.ts'
import { createParleyTarget } from '../../bench/targets/parley.ts'
import { COMMIT_DEADLINE_SECONDS } from '../support/patience.ts'

let postgres: Postgres
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres?.stop())

test('1,000 handshakes at once: none fails, all get what they missed, and chats go on meanwhile', async () => {
  const scenario: Scenario = {
    name: 'storm-1000',
    about: '200 clients stay in 100 chats, 1,000 others of these chats come back',
    users: 1_200,
    chatSize: 12,
    staying: 2,
    returns: 'at once',
    pace: { kind: 'open', perSecond: 300 },
  }
  const run = await measure({
    scenario,
    target: createParleyTarget({ COMMIT_DEADLINE_SECONDS: String(COMMIT_DEADLINE_SECONDS) }),
    postgres,
    seconds: 2,
    warmUp: 2,
    seed: 1,
  })
  expect(run.faults).toEqual([])
  expect(run.storm?.failed).toBe(0)
  // What was sent while they were away was theirs to catch up with: nothing is lost in the verdict.
  expect(run.interval?.acked).toBeGreaterThan(0)
  expect(run.verdict).toMatchObject({
    ...{ notStored: 0, storedTwice: 0, lost: 0, doubled: 0, outOfOrder: 0, violations: 0 },
    ...{ failed: 0, unknown: 0 },
  })
})
