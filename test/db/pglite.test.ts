import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { ConfigError } from '../../src/config.ts'
import { connect } from '../../src/db/connect.ts'
import { lockFolder } from '../../src/hosts/node/folder-lock.ts'
import { startPglite } from '../../src/hosts/node/pglite.ts'

const SOURCE = new URL('../../src/', import.meta.url).href
/** Another process: it counts up in the database for ever, and says each number that was committed. */
const COUNT = `
  const { startPglite } = await import('${SOURCE}hosts/node/pglite.ts')
  const { connect } = await import('${SOURCE}db/connect.ts')
  const pglite = startPglite(process.argv[1])
  await pglite.ready
  const db = await connect({ url: pglite.url, isEmbedded: true, onFault: console.error })
  await db.pool.query('create table if not exists counted (number int)')
  for (let number = 1; ; number += 1) {
    await db.pool.query('insert into counted values ($1)', [number])
    process.stdout.write(number + '\\n')
  }`

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-test-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a folder is one process’s; a killed one loses nothing that was committed, and its folder is free', async () => {
  const other = spawn(process.execPath, ['--input-type=module', '-e', COUNT, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void other.kill('SIGKILL'))
  let said = ''
  other.stdout.on('data', (chunk) => {
    said += chunk
  })
  while (!said.includes('\n30\n')) await once(other.stdout, 'data')
  expect(() => startPglite(folder)).toThrow(ConfigError)
  expect(() => startPglite(folder)).toThrow(`is in use by process ${other.pid}`)
  await kill(other)

  const pglite = startPglite(folder)
  await pglite.ready
  const db = await connect({ url: pglite.url, isEmbedded: true, onFault: () => {} })
  const { rows } = await db.pool.query('select count(*), max(number) from counted')
  const last = Number(said.trim().split('\n').at(-1))
  expect(rows[0].count).toBe(rows[0].max)
  expect(rows[0].count).toBeGreaterThanOrEqual(last)
  await db.close()
  await pglite.close()
  expect(await pglite.ended).toBeUndefined()
})

test('a lock of a dead process, or of another with the same number, is taken over', () => {
  const path = join(folder, 'lock')
  writeFileSync(path, '999999999 1')
  lockFolder(folder)()
  writeFileSync(path, `${process.ppid} 1`)
  const unlock = lockFolder(folder)
  expect(readFileSync(path, 'utf8')).toMatch(new RegExp(`^${process.pid}\\b`))
  expect(() => lockFolder(folder)).toThrow(ConfigError)
  unlock()
  expect(() => readFileSync(path)).toThrow('ENOENT')
})

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
