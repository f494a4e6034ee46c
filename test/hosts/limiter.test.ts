import { expect, test } from 'vitest'
import { parseConfig, ratesOf } from '../../src/config.ts'
import { createLimiter } from '../../src/hosts/shared/limiter.ts'

test('a bucket lets its rate and its burst through, then says for how long to wait', async () => {
  const limiter = createLimiter(ratesOf(parseConfig({})))
  const taken: number[] = []
  for (let sent = 0; sent < 31; sent += 1) taken.push(await limiter.take('message', 'ada'))
  expect(taken.slice(0, 30)).toEqual(Array(30).fill(0))
  expect(taken[30]).toBeGreaterThan(0)
})

test('keys and buckets do not take from each other', async () => {
  const limiter = createLimiter(ratesOf(parseConfig({ RATE_AUTH_FAILURES: '1', RATE_REST_PER_MINUTE: '1' })))
  expect(await limiter.take('auth', 'ada')).toBe(0)
  expect(await limiter.take('auth', 'ada')).toBeGreaterThan(0)
  expect(await limiter.take('auth', 'bob')).toBe(0)
  expect(await limiter.take('rest', 'ada')).toBe(0)
})

test('what is given back can be taken again', async () => {
  const limiter = createLimiter(ratesOf(parseConfig({ RATE_AUTH_FAILURES: '1' })))
  for (let login = 0; login < 3; login += 1) {
    expect(await limiter.take('auth', 'ada')).toBe(0)
    limiter.giveBack('auth', 'ada')
  }
})
