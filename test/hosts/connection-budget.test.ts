import { expect, test } from 'vitest'
import type { Replica } from '../../src/db/replica.ts'
import { checkConnections } from '../../src/hosts/node/connection-budget.ts'
import { createTestClock } from '../support/test-clock.ts'

const connections = { needed: 22, available: 97 }

function warningsOf(
  instances: number,
  budget: typeof connections | null = connections,
  replica?: Replica,
): object[] {
  const clock = createTestClock()
  const warnings: object[] = []
  const warn = (fields: object) => void warnings.push(fields)
  checkConnections({
    db: { connections: budget, ...(replica && { replica }) },
    instances: () => instances,
    clock,
    logger: { warn },
  })
  expect(warnings).toEqual([])
  clock.pass(5_000)
  return warnings
}

test('four instances of 22 connections fit the 97 of a Postgres as it comes', () => {
  expect(warningsOf(4)).toEqual([])
})

test('the fifth is told that they do not', () => {
  expect(warningsOf(5)).toEqual([{ instances: 5, needed: 110, available: 97 }])
})

test('the embedded database has nothing to share', () => {
  expect(warningsOf(100, null)).toEqual([])
})

test('a replica counts by itself, once it has told how many it has', () => {
  const replica = (available?: number): Replica => ({
    state: 'ok',
    connections: available === undefined ? undefined : { needed: 20, available },
    ask: async () => undefined,
    close: async () => {},
  })
  expect(warningsOf(4, connections, replica(80))).toEqual([])
  expect(warningsOf(4, connections, replica(79))).toEqual([{ instances: 4, needed: 80, available: 79 }])
  expect(warningsOf(4, connections, replica())).toEqual([])
})
