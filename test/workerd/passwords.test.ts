import { expect, test } from 'vitest'
import { createPasswords } from '../../src/hosts/cloudflare/passwords.ts'
import { createTestClock } from '../support/test-clock.ts'

const PAUSE = 50
const LEASE = 10_000

/** Hashes that are done when they are told to. */
function stage() {
  const time = createTestClock()
  const kept: Promise<unknown>[] = []
  const begun: { password: string; done: () => void }[] = []
  const bcrypt = {
    hash: (password: string) =>
      new Promise<string>((resolve) => begun.push({ password, done: () => resolve(`#${password}`) })),
    compare: async () => true,
  }
  const passwords = createPasswords(time, (promise) => void kept.push(promise), bcrypt)
  const passes = async (milliseconds: number) => {
    time.pass(milliseconds)
    for (let turns = 0; turns < 20; turns += 1) await Promise.resolve()
  }
  return { passwords, begun, kept, passes, names: () => begun.map(({ password }) => password) }
}

test('two passwords are hashed at once, and the others when one of those is done', async () => {
  const { passwords, begun, kept, passes, names } = stage()
  const hashes = ['a', 'b', 'c', 'd'].map((password) => passwords.hash(password))
  await passes(PAUSE)
  expect(names()).toEqual(['a', 'b'])
  begun[0]?.done()
  await passes(0)
  await passes(PAUSE)
  expect(names()).toEqual(['a', 'b', 'c'])
  for (const it of begun) it.done()
  await passes(0)
  await passes(PAUSE)
  begun[3]?.done()
  expect(await Promise.all(hashes)).toEqual(['#a', '#b', '#c', '#d'])
  // Whoever goes away: each is finished.
  expect(await Promise.all(kept)).toEqual(['#a', '#b', '#c', '#d'])
})

test('a hash that ended without a word holds nobody up for ever', async () => {
  const { passwords, passes, names } = stage()
  for (const password of ['gone', 'away', 'here']) void passwords.hash(password)
  await passes(PAUSE)
  expect(names()).toEqual(['gone', 'away'])
  for (let passed = 0; passed <= LEASE; passed += PAUSE) await passes(PAUSE)
  expect(names()).toEqual(['gone', 'away', 'here'])
})
