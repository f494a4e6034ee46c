import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createDiskStore } from '../../../src/hosts/node/files/disk.ts'
import { createDiskSpool } from '../../../src/hosts/node/files/disk-spool.ts'
import { clock } from '../../../src/hosts/shared/clock.ts'
import { aFile } from './blob-store.contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'parley-full-'))
const isMounted = mount()
afterAll(() => {
  if (isMounted) execFileSync('umount', [folder])
  rmSync(folder, { recursive: true, force: true })
})

/** A disk of 512 KB of its own. */
function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const FULL = { refusal: { code: 'INSUFFICIENT_STORAGE' } }

// Only root of a whole machine may mount.
test.skipIf(!isMounted)('a disk that is full takes nothing by half, and small files as before', async () => {
  const spool = createDiskSpool(folder)
  const store = await createDiskStore({ folder: join(folder, 'blobs'), spool, clock, secret: 'of the test' })
  await expect(store.put('a/large.jpg', aFile(new Uint8Array(700_000)), 'image/jpeg')).rejects.toMatchObject(
    FULL,
  )
  expect(await store.get('a/large.jpg')).toBeUndefined()
  expect(readdirSync(join(folder, 'blobs', 'a'))).toEqual([])
  const incoming = await spool.open()
  await expect(incoming.write(new Uint8Array(700_000))).rejects.toMatchObject(FULL)
  await incoming.abort()
  await store.put('a/small.jpg', aFile(new Uint8Array(1_000)), 'image/jpeg')
  expect((await store.get('a/small.jpg'))?.bytes).toBe(1_000)
  await spool.close()
})
