import { expect, test } from 'vitest'
import { Histogram } from '../../bench/generator/histogram.ts'

test('percentiles are within 1 % of the exact ones', () => {
  const histogram = new Histogram()
  for (let value = 1; value <= 10_000; value++) histogram.add(value / 10)
  const { p50, p95, p99, most } = histogram.percentiles()
  expect(Math.abs(p50 / 500 - 1)).toBeLessThan(0.01)
  expect(Math.abs(p95 / 950 - 1)).toBeLessThan(0.01)
  expect(Math.abs(p99 / 990 - 1)).toBeLessThan(0.01)
  expect(most).toBe(1_000)
})

test('an empty histogram says 0', () => {
  expect(new Histogram().percentiles()).toEqual({ p50: 0, p95: 0, p99: 0, most: 0 })
})
