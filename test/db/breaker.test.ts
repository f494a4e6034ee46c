import pg from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { type Breaker, createBreaker, DatabaseAwayError, within } from '../../src/db/breaker.ts'
import { createTestClock, type TestClock } from '../support/test-clock.ts'

const PATIENCE = 1_800
const PAUSE = 250

let clock: TestClock
let breaker: Breaker
/** Statements that reached the database. */
let asked: number

beforeEach(() => {
  clock = createTestClock()
  breaker = createBreaker(clock)
  asked = 0
})

function ask(answer: () => Promise<string>): Promise<string> {
  return breaker.run(() => {
    asked += 1
    return answer()
  })
}

const well = () => ask(async () => 'row')
const lost = () => ask(() => Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' })))
const silent = () => ask(() => within(PATIENCE, new Promise<never>(() => {}), clock))

async function breakIt(): Promise<void> {
  for (let count = 0; count < 3; count += 1) await expect(lost()).rejects.toThrow('no')
}

test('after three failures in a row nobody waits for the database', async () => {
  await breakIt()
  await expect(well()).rejects.toThrow(DatabaseAwayError)
  expect(asked).toBe(3)
})

test('an answer in between begins the count anew', async () => {
  await expect(lost()).rejects.toThrow('no')
  await expect(lost()).rejects.toThrow('no')
  await well()
  await expect(lost()).rejects.toThrow('no')
  expect(await well()).toBe('row')
})

test('a refusal of Postgres is an answer', async () => {
  const refusal = Object.assign(new pg.DatabaseError('unique', 1, 'error'), { severity: 'ERROR' })
  for (let count = 0; count < 5; count += 1) {
    await expect(ask(() => Promise.reject(refusal))).rejects.toThrow('unique')
  }
  expect(await well()).toBe('row')
})

test('after a pause one statement tries, and when it is answered all may', async () => {
  await breakIt()
  clock.pass(PAUSE)
  const { promise, resolve } = Promise.withResolvers<string>()
  const trial = ask(() => promise)
  await expect(well()).rejects.toThrow(DatabaseAwayError)
  expect(asked).toBe(4)
  resolve('back')
  expect(await trial).toBe('back')
  expect(await Promise.all([well(), well()])).toEqual(['row', 'row'])
})

test('a trial that fails begins another pause', async () => {
  await breakIt()
  clock.pass(PAUSE)
  await expect(lost()).rejects.toThrow('no')
  await expect(well()).rejects.toThrow(DatabaseAwayError)
  clock.pass(PAUSE)
  expect(await well()).toBe('row')
})

test('nobody waits longer than that, and when nothing at all was answered meanwhile the database is away', async () => {
  const waiting = [silent(), silent(), silent()].map((it) => expect(it).rejects.toThrow('within 1800 ms'))
  clock.pass(PATIENCE)
  await Promise.all(waiting)
  await expect(well()).rejects.toThrow('is away')
})

test('statements that are slow while others are answered fail alone', async () => {
  const waiting = [silent(), silent(), silent()].map((it) => expect(it).rejects.toThrow('within 1800 ms'))
  clock.pass(PATIENCE / 2)
  await well()
  clock.pass(PATIENCE / 2)
  await Promise.all(waiting)
  expect(await well()).toBe('row')
})
