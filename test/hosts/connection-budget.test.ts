import { expect, test } from 'vitest'
import { checkConnections } from '../../src/hosts/node/connection-budget.ts'
import { createTestClock } from '../support/test-clock.ts'

const connections = { needed: 22, available: 97 }

function warningsOf(instances: number, budget: typeof connections | null = connections): object[] {
  const clock = createTestClock()
  const warnings: object[] = []
  const warn = (fields: object) => void warnings.push(fields)
  checkConnections({ connections: budget, instances: () => instances, clock, logger: { warn } })
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
