import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openIdentity } from '../../../src/hosts/node/replay/identity.ts'
import { MessageId } from '../../../src/protocol/ids.ts'

let folder: string
let path: string
const run = { archive: 'digest', mostUsers: 5 }

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-identity-'))
  path = join(folder, 'deep', 'state.json')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('openIdentity', () => {
  test('names everything alike in every run with one state, and otherwise with another', async () => {
    const line = { number: 12, at: Date.UTC(2020, 3, 29, 14, 14, 50) }
    const first = await openIdentity(path, run)
    const again = await openIdentity(path, run)
    const other = await openIdentity(join(folder, 'other.json'), run)
    for (const name of [
      (it: typeof first) => it.messageId(line),
      (it: typeof first) => it.username(3),
      (it: typeof first) => it.password(3),
      (it: typeof first) => it.groupKey('tea'),
    ]) {
      expect(name(again)).toBe(name(first))
      expect(name(other)).not.toBe(name(first))
    }
    expect([first.isResumed, again.isResumed]).toEqual([false, true])
  })

  test('makes message ids that are UUIDv7s of the time of the line, another for each line', async () => {
    const identity = await openIdentity(path, run)
    const at = 1_588_169_690_000
    const ids = Array.from({ length: 1_000 }, (_, number) => identity.messageId({ number, at }))
    expect(new Set(ids).size).toBe(1_000)
    for (const id of ids) {
      expect(MessageId.parse(id)).toBe(id)
      expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(at)
    }
  })

  test('keeps to the number of users that the first run had', async () => {
    await openIdentity(path, run)
    expect((await openIdentity(path, { ...run, mostUsers: 9 })).mostUsers).toBe(5)
  })

  test('shows its file, which holds passwords, to nobody else', async () => {
    await openIdentity(path, run)
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('refuses the state of another archive, and what is no state', async () => {
    await openIdentity(path, run)
    await expect(openIdentity(path, { ...run, archive: 'other' })).rejects.toThrow('of another archive')
    writeFileSync(path, '{"archive": 1}')
    await expect(openIdentity(path, run)).rejects.toThrow('not the state of a replay')
  })
})
