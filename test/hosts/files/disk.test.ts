import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createDiskStore } from '../../../src/hosts/node/files/disk.ts'
import { createDiskSpool } from '../../../src/hosts/node/files/disk-spool.ts'
import { clock } from '../../../src/hosts/shared/clock.ts'
import { aFile, describeBlobStore, listen } from './blob-store.contract.ts'

describeBlobStore('disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-disk-'))
  const spool = createDiskSpool(folder)
  const store = await createDiskStore({
    folder: join(folder, 'blobs'),
    spool,
    clock,
    secret: 'a secret of the test',
  })
  const server = await listen(
    (request) => store.serve?.(request) ?? Promise.reject(new Error('It serves nothing')),
  )
  return {
    store,
    origin: server.origin,
    async close() {
      await server.close()
      await spool.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
})

test('what a crash has left of a file goes with it, and no other file does', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-disk-'))
  const spool = createDiskSpool(folder)
  const store = await createDiskStore({ folder, spool, clock, secret: 'a secret of the test' })
  await store.put('m/1.jpg', aFile(new Uint8Array(3)), 'image/jpeg')
  await store.put('m/1.medium.webp', aFile(new Uint8Array(3)), 'image/webp')
  writeFileSync(join(folder, 'm/1.jpg.unfinished'), 'half of it')
  await store.remove(['m/1.jpg'])
  const names = ['1.jpg', '1.jpg.unfinished', '1.medium.webp']
  expect(names.map((name) => existsSync(join(folder, 'm', name)))).toEqual([false, false, true])
  rmSync(folder, { recursive: true, force: true })
})
