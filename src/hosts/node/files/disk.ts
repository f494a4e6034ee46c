import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, constants, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { createBlobServer } from '../../../attachments/blob-server.ts'
import type { BlobStore, Spool } from '../../../attachments/ports.ts'
import { createUrlSigner } from '../../../attachments/signed-url.ts'
import { LIMITS } from '../../../protocol/limits.ts'
import type { Clock } from '../../../rooms/ports.ts'
import { toStorageFault } from './storage-fault.ts'

export interface DiskStoreOptions {
  readonly folder: string
  /** Where forms put what arrives. */
  readonly spool: Spool
  readonly clock: Clock
  /** Signs the URLs. All instances that share the folder have the same. */
  readonly secret: string
}

/** createDiskStore keeps files in a folder, and serves them itself by signed URLs. */
export async function createDiskStore({
  folder,
  spool,
  clock,
  secret,
}: DiskStoreOptions): Promise<BlobStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const pathOf = (key: string) => join(folder, key)

  /** Under another name until all of it is on disk: what has the name of a key is whole. */
  async function write(path: string, content: ReadableStream<Uint8Array>): Promise<void> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const unfinished = `${path}.${randomUUID()}`
    try {
      const handle = await open(unfinished, 'wx', 0o600)
      try {
        await handle.writeFile(content as unknown as AsyncIterable<Uint8Array>)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(unfinished, path)
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {})
      throw error
    }
  }

  /** Also what a crash has left of a file that was being written. */
  async function removeAll(path: string): Promise<void> {
    const folder = dirname(path)
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    for (const name of names) {
      const found = join(folder, name)
      if (found === path || found.startsWith(`${path}.`)) await rm(found, { force: true })
    }
  }

  const put: BlobStore['put'] = async (key, file) => {
    try {
      await write(pathOf(key), file.stream())
    } catch (error) {
      throw toStorageFault(error)
    }
  }
  const files = new Hono().get('*', serveStatic({ root: folder }))
  const server = createBlobServer({
    ...{ spool, clock, put, signer: await createUrlSigner(secret) },
    read: async (key, { headers }) => files.request(`/${key}`, { headers }),
  })

  return {
    put,
    async get(key) {
      const path = pathOf(key)
      const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw toStorageFault(error)
      })
      if (!found) return undefined
      const read = () => Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>
      return { bytes: found.size, stream: read }
    },
    async remove(keys) {
      for (const key of keys) {
        await removeAll(pathOf(key)).catch((error: unknown) => {
          throw toStorageFault(error)
        })
      }
    },
    ...server,
    /** Also without room for one more file it is not up. */
    async isUp() {
      try {
        await access(folder, constants.W_OK)
        const { bavail, bsize } = await statfs(folder)
        return bavail * bsize > LIMITS.attachmentBytes
      } catch {
        return false
      }
    },
  }
}
