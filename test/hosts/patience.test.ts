import { setImmediate as settledAll } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createPassingPatience, createPatience } from '../../src/hosts/cloudflare/patience.ts'
import { createTestClock } from '../support/test-clock.ts'

test.each([
  ['one timer for all', createPatience],
  ['a timer for each', createPassingPatience],
])('%s: what is not settled in its own time is given up, anything else is what it is', async (_, create) => {
  const clock = createTestClock()
  const patience = create(clock, 2_500)
  const pass = (milliseconds: number) => {
    clock.pass(milliseconds)
    return settledAll()
  }
  const never = new Promise<string>(() => {})
  const settled: string[] = []
  const note = (name: string, asked: Promise<string>) =>
    patience(asked, 'given up').then(
      (answer) => settled.push(`${name} ${answer}`),
      (error: Error) => settled.push(`${name} failed: ${error.message}`),
    )
  void note('first', never)
  await pass(1_000)
  void note('second', never)
  await note('third', Promise.resolve('answered'))
  await note('fourth', Promise.reject(new Error('lost')))
  await pass(1_499)
  expect(settled.splice(0)).toEqual(['third answered', 'fourth failed: lost'])
  await pass(1)
  expect(settled.splice(0)).toEqual(['first given up'])
  await pass(999)
  expect(settled).toEqual([])
  await pass(1)
  expect(settled.splice(0)).toEqual(['second given up'])
  void note('after a silence', never)
  await pass(2_500)
  expect(settled).toEqual(['after a silence given up'])
})
