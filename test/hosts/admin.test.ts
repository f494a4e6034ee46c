import { afterEach, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { type Command, endCommands, runCommand } from './command.ts'

let database: TestDatabase | undefined

afterEach(async () => {
  await endCommands()
  await database?.drop()
})

function run(...args: string[]): Command {
  return runCommand(['admin', ...args], { DATABASE_URL: database?.url ?? '' })
}

test('parley admin makes an administrator of a new account and of one that is there', async () => {
  database = await createTestDatabase()
  const first = run('root')
  await first.line(/^Made root, an administrator\. Password, shown this once: \S{24,}$/)
  expect(await first.ended).toBe(0)
  const again = run('ROOT')
  await again.line(/^root is an administrator now\.$/)
  expect(await again.ended).toBe(0)
  const wrong = run('no such name')
  await wrong.line(/Username may contain letters/)
  expect(await wrong.ended).not.toBe(0)
})
