import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { type Server, startServer } from '../support/server.ts'
import { endCommands, runCommand } from './command.ts'

const AUTHORS = 4
const TOPICS = ['tea', 'cake.20.26.20pie', 'λόγος', '水']

let folder: string
let database: TestDatabase
let server: Server

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'parley-replay-test-'))
  database = await createTestDatabase()
  server = await startServer({ databaseUrl: database.url })
})

afterEach(endCommands)

afterAll(async () => {
  await server?.stop()
  await database?.drop()
  rmSync(folder, { recursive: true, force: true })
})

/** An archive of so many messages, a second apart. */
function writeArchive(name: string, count: number, more: readonly string[] = []): string {
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({
      t: 1_600_000_000 + index,
      u: 100 + ((index + Math.floor(index / TOPICS.length)) % AUTHORS),
      p: TOPICS[(index * 3) % TOPICS.length],
      c: `message ${index}: 🫖 ${index % 3 ? '' : '<b>&amp;</b>'} ${'word'.repeat(1 + (index % 5))}\n\u2028 end ${index}`,
    }),
  )
  const path = join(folder, name)
  writeFileSync(path, gzipSync([...lines, ...more].join('\n')))
  return path
}

function replay(file: string, ...options: string[]) {
  const state = join(folder, `${file.replaceAll(/\W/g, '-')}.json`)
  return runCommand(['replay', file, '--url', server.url, '--resume', state, ...options])
}

describe('parley replay', () => {
  test('sends an archive, verifies it, and sends nothing the second time', async () => {
    const wrong = ['{"t":1}', JSON.stringify({ t: 1, u: 1, p: 'tea', c: ' ' }), 'x', 'y']
    const file = writeArchive('whole.gz', 60, wrong)
    const first = replay(file)
    expect(await first.ended, first.lines.join('\n')).toBe(0)
    await first.line(/^Skipped 1: u must be a whole number \(line 61\)/)
    await first.line(/^Skipped 1: Message must not be empty .*\(line 62\)/)
    await first.line(/^Skipped 2: not JSON \(lines 63-64\)/)
    await first.line(/^archive +60 messages of 4 authors in 4 topics, 4 lines skipped/)
    await first.line(/^sent +60 in .*; 0 were there already/)
    await first.line(/^clients +0 chats behind, 0 messages out of place/)
    await first.line(/^search +20 of 20 sampled words found/)
    await first.line(/^read afresh 0 lost, 0 doubled, 0 reordered, 0 changed/)

    const second = replay(file)
    expect(await second.ended, second.lines.join('\n')).toBe(0)
    await second.line(/^sent +0 in .*; 60 were there already/)
  })

  test('goes on after it was killed in the middle, and doubles nothing', async () => {
    const file = writeArchive('interrupted.gz', 100)
    const first = replay(file, '--speed', '20')
    await first.line(/^ {2}Sending: [2-6]\d of 100/)
    first.signal('SIGKILL')
    expect(await first.ended).toBe(null)

    const second = replay(file)
    expect(await second.ended, second.lines.join('\n')).toBe(0)
    const [, sent, found] = await second.line(/^sent +(\d+) in .*; (\d+) were there already/)
    expect(Number(found)).toBeGreaterThanOrEqual(20)
    expect(Number(found)).toBeLessThan(100)
    expect(Number(sent) + Number(found)).toBe(100)
    await second.line(/^read afresh 0 lost, 0 doubled, 0 reordered, 0 changed/)
  })

  test('lets few users speak for many authors, and takes up with more lines where it had fewer', async () => {
    const file = writeArchive('shared.gz', 40)
    const first = replay(file, '--connections', '2', '--limit', '20')
    await first.line(/2 users speak for 4 authors/)
    expect(await first.ended, first.lines.join('\n')).toBe(0)
    const second = replay(file)
    expect(await second.ended, second.lines.join('\n')).toBe(0)
    await second.line(/^sent +20 in .*; 20 were there already/)
  })

  test('survives a service that is killed under it', async () => {
    const file = writeArchive('crash.gz', 100)
    const command = replay(file, '--speed', '20')
    await command.line(/^ {2}Sending: [2-6]\d of 100/)
    await server.kill()
    await server.restart()
    expect(await command.ended, command.lines.join('\n')).toBe(0)
    await command.line(/^read afresh 0 lost, 0 doubled, 0 reordered, 0 changed/)
  })

  test('ends with 1 and the numbers of the lines when the service does not have what it took', async () => {
    const file = writeArchive('damaged.gz', 12)
    expect(await replay(file).ended).toBe(0)
    await database.query(`update messages set content = 'other' where content like 'message 5:%'`)
    const second = replay(file)
    expect(await second.ended).toBe(1)
    await second.line(/^read afresh 0 lost, 0 doubled, 0 reordered, 1 changed/)
    await second.line(/^changed: line 6$/)
  })

  test('says what to do when nothing serves there', async () => {
    const file = writeArchive('nowhere.gz', 1)
    const command = runCommand(['replay', file, '--url', 'http://127.0.0.1:1'])
    expect(await command.ended).toBe(2)
    await command.line(/^Nothing serves at http:\/\/127\.0\.0\.1:1\. Start it with: /)
  })
})
