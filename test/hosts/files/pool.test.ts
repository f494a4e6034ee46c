import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDiskSpool, DiskFile } from '../../../src/hosts/node/files/disk-spool.ts'
import { type CheckPoolOptions, createCheckPool } from '../../../src/hosts/node/files/pool.ts'
import { aPng } from '../../support/files.ts'

let folder: string
/** Does what the file that it gets is named. */
const THREAD = `
export default async ({ fileName }) => {
  if (fileName === 'exit') process.exit(1)
  if (fileName === 'hang') for (;;);
  if (fileName === 'grow') { const all = []; for (;;) all.push(new Array(1e6).fill({})) }
  if (fileName === 'throw') throw new Error('broken')
  return { kind: 'file', contentType: 'text/plain', extension: 'txt' }
}`

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-pool-'))
  writeFileSync(join(folder, 'thread.mjs'), THREAD)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the threads that check files', () => {
  const faults: unknown[] = []
  const open = (options: Partial<CheckPoolOptions> = {}) =>
    createCheckPool({
      ...{ threads: 1, onFault: (error: unknown) => void faults.push(error) },
      thread: pathToFileURL(join(folder, 'thread.mjs')),
      ...options,
    })
  const file = () => new DiskFile(join(folder, 'thread.mjs'), 1)
  const ask = (pool: ReturnType<typeof open>, fileName: string) =>
    pool.check({ file: file(), fileName, allowed: 'documents' }).then(
      ({ kind }) => kind,
      ({ refusal }) => refusal.code,
    )

  test.each(['exit', 'grow', 'throw'])('break for one file alone: %s', async (fault) => {
    const pool = open({ threads: 2 })
    const answers = await Promise.all([ask(pool, 'fine'), ask(pool, fault), ask(pool, 'fine')])
    expect(answers).toEqual(['file', 'SERVICE_UNAVAILABLE', 'file'])
    expect(await ask(pool, 'fine')).toBe('file')
    await pool.close()
  })

  test('are ended when a file takes too long', async () => {
    const pool = open({ patience: 500 })
    expect(await ask(pool, 'hang')).toBe('SERVICE_UNAVAILABLE')
    expect(await ask(pool, 'fine')).toBe('file')
    await pool.close()
  })

  test('have a queue that ends', async () => {
    const pool = open({ mostWaiting: 2, patience: 1_000 })
    const answers = Promise.all(['hang', 'fine', 'fine'].map((name) => ask(pool, name)))
    expect(await ask(pool, 'fine')).toBe('SERVICE_UNAVAILABLE')
    await answers
    await pool.close()
  })
})

test('a picture is checked in a thread, and its renditions lie on the spool until they are removed', async () => {
  const spool = createDiskSpool(folder)
  const pool = createCheckPool({ threads: 1, onFault: (error) => expect.unreachable(String(error)) })
  const incoming = await spool.open()
  await incoming.write(aPng().bytes)
  const arrived = await incoming.finish()
  const checked = await pool.check({ file: arrived, fileName: 'a.png', allowed: 'images' })
  expect(checked).toMatchObject({ kind: 'image', contentType: 'image/png', width: 1, height: 1 })
  const [own = ''] = readdirSync(folder).filter((name) => name.startsWith('parley-arrivals-'))
  expect(readdirSync(join(folder, own))).toHaveLength(3)
  if (checked.kind === 'image') {
    for (const { remove } of [checked.original, checked.medium, checked.thumbnail])
      expect(remove).toBeDefined()
    await Promise.all([checked.original.remove(), checked.medium.remove(), checked.thumbnail.remove()])
  }
  expect(readdirSync(join(folder, own))).toEqual([])
  await pool.close()
  await spool.close()
})
