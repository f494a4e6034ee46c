import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDiskStore } from '../../../src/hosts/node/files/disk.ts'
import { createDiskSpool } from '../../../src/hosts/node/files/disk-spool.ts'
import { clock } from '../../../src/hosts/shared/clock.ts'
import { describeBlobStore, listen } from './blob-store.contract.ts'

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
