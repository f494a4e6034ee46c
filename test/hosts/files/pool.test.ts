import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { getPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { childrenOf } from '../../../src/hosts/node/faults/limit-files.ts'
import { createDiskSpool, DiskFile } from '../../../src/hosts/node/files/disk-spool.ts'
import { type CheckPoolOptions, createCheckPool } from '../../../src/hosts/node/files/pool.ts'
import { aPng } from '../../support/files.ts'

let folder: string
/** Does what the file that it gets is named. */
const PROGRAM = `
process.on('message', async ({ fileName }) => {
  if (fileName === 'exit') process.exit(1)
  if (fileName === 'abort') process.abort()
  if (fileName === 'hang') for (;;);
  if (fileName === 'grow') { const all = []; for (;;) all.push(new Array(1e6).fill({})) }
  if (fileName === 'throw') throw new Error('broken')
  process.send({ kind: 'file', contentType: Object.keys(process.env).join(), extension: 'txt' })
})`

const HOW: Record<string, string> = {
  exit: 'exit code 1',
  abort: 'SIGABRT',
  grow: 'JavaScript heap out of memory',
  throw: 'Error: broken',
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'parley-pool-'))
  writeFileSync(join(folder, 'program.mjs'), PROGRAM)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the processes that check files', () => {
  const faults: unknown[] = []
  const open = (options: Partial<CheckPoolOptions> = {}) =>
    createCheckPool({
      ...{ processes: 1, onFault: (error: unknown) => void faults.push(error) },
      program: pathToFileURL(join(folder, 'program.mjs')),
      ...options,
    })
  const file = () => new DiskFile(join(folder, 'program.mjs'), 1)
  const ask = (pool: ReturnType<typeof open>, fileName: string) =>
    pool.check({ file: file(), fileName, allowed: 'documents' }).then(
      ({ kind }) => kind,
      ({ refusal }) => refusal.code,
    )

  test.each(Object.keys(HOW))('break for one file alone: %s', async (fault) => {
    const pool = open({ processes: 2 })
    const answers = await Promise.all([ask(pool, 'fine'), ask(pool, fault), ask(pool, 'fine')])
    expect(answers).toEqual(['file', 'SERVICE_UNAVAILABLE', 'file'])
    expect(await ask(pool, 'fine')).toBe('file')
    expect(String(faults.at(-1))).toContain(HOW[fault])
    await pool.close()
  })

  test('know no settings of the service', async () => {
    const pool = open()
    const checked = await pool.check({ file: file(), fileName: 'fine', allowed: 'documents' })
    expect(checked.contentType).toBe('')
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

test('a picture is checked in a process, and its renditions lie on the spool until they are removed', async () => {
  const spool = createDiskSpool(folder)
  const pool = createCheckPool({ processes: 1, onFault: (error) => expect.unreachable(String(error)) })
  const incoming = await spool.open()
  await incoming.write(aPng().bytes)
  const arrived = await incoming.finish()
  const checked = await pool.check({ file: arrived, fileName: 'a.png', allowed: 'images' })
  expect(checked).toMatchObject({ kind: 'image', contentType: 'image/png', width: 1, height: 1 })
  const [checking = 0, ...others] = childrenOf(process.pid)
  expect([getPriority(checking), others]).toEqual([10, []])
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

test('a file that cannot be written holds up no other, and many at once stay whole', async () => {
  const spool = createDiskSpool(folder)
  const [broken, ...others] = await Promise.all(Array.from({ length: 5 }, () => spool.open()))
  await broken?.abort()
  const pieces = Array.from({ length: 20 }, (_, piece) => piece)
  const refused = expect(broken?.write(new Uint8Array(1_000))).rejects.toThrow()
  const files = await Promise.all(
    others.map(async (incoming, file) => {
      for (const piece of pieces) await incoming.write(new Uint8Array(1_000).fill(file * 20 + piece))
      return incoming.finish()
    }),
  )
  await refused
  for (const [file, arrived] of files.entries()) {
    const bytes = new Uint8Array(await new Response(arrived.stream()).arrayBuffer())
    expect(pieces.map((piece) => bytes[piece * 1_000])).toEqual(pieces.map((piece) => file * 20 + piece))
    expect(bytes).toHaveLength(20_000)
  }
  await spool.close()
})
