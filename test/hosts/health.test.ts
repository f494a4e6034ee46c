import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { connect, type Database } from '../../src/db/connect.ts'
import type { ReplicaState } from '../../src/db/replica.ts'
import { createHealth } from '../../src/hosts/node/health.ts'
import { Health } from '../../src/protocol/rest.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let db: Database
beforeAll(async () => {
  database = await createTestDatabase()
  db = await connect({ url: database.url, onFault() {} })
})
afterAll(() => database.drop())

interface Situation {
  readonly replica?: ReplicaState
  readonly isDeaf?: boolean
  readonly phase?: Health['status']
  /** Whether the file store answers, where there is one: not at all when it hangs. */
  readonly files?: boolean | 'hangs'
}

async function healthIn({ replica, isDeaf, phase = 'ok', files }: Situation) {
  const standing = replica && {
    replica: { state: replica, connections: undefined, ask: async () => undefined, close: async () => {} },
  }
  const health = createHealth({
    config: parseConfig({}),
    db: { ...db, ...standing },
    phase: () => phase,
    isDeaf: () => isDeaf,
    files:
      files === undefined
        ? undefined
        : { isUp: () => (files === 'hangs' ? new Promise(() => {}) : Promise.resolve(files)) },
  })
  const { status, services } = Health.parse(await health())
  return `${status}: ${services.database} ${services.replica} ${services.redis} ${services.storage}`
}

test.each<[Situation, string]>([
  [{}, 'ok: ok off off off'],
  [{ isDeaf: false }, 'ok: ok off ok off'],
  [{ isDeaf: true }, 'degraded: ok off down off'],
  [{ replica: 'ok' }, 'ok: ok ok off off'],
  [{ replica: 'lagging' }, 'degraded: ok degraded off off'],
  [{ replica: 'foreign', isDeaf: false }, 'degraded: ok down ok off'],
  [{ replica: 'away', isDeaf: true }, 'degraded: ok down down off'],
  [{ phase: 'draining', isDeaf: true }, 'draining: ok off down off'],
  [{ files: true }, 'ok: ok off off ok'],
  [{ files: false }, 'degraded: ok off off down'],
  [{ files: 'hangs' }, 'degraded: ok off off down'],
])('what an instance does without makes it degraded, and is named: %o', async (situation, says) => {
  expect(await healthIn(situation)).toBe(says)
})

test('without its database an instance is down, whatever else there is', async () => {
  await db.close()
  expect(await healthIn({ replica: 'ok', isDeaf: false, files: true })).toBe('down: down ok ok ok')
})
