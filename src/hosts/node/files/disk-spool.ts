import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Incoming, Spool, SpooledFile } from '../../../attachments/ports.ts'
import { toStorageFault } from './storage-fault.ts'

/** DiskFile is a spooled file that has a path, by which a process and the store read it. */
export class DiskFile implements SpooledFile {
  readonly path: string
  readonly bytes: number

  constructor(path: string, bytes: number) {
    this.path = path
    this.bytes = bytes
  }

  stream(): ReadableStream<Uint8Array> {
    return Readable.toWeb(createReadStream(this.path)) as ReadableStream<Uint8Array>
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true }).catch(() => {})
  }
}

/**
 * createDiskSpool keeps arriving files in a folder of its own among the system's temporary ones. Pieces are written one
 * after another, of whichever file: so many uploads at once hold up their senders and not the chats.
 */
export function createDiskSpool(parent = tmpdir()): Spool & { close(): Promise<void> } {
  let folder: Promise<string> | undefined
  let written: Promise<unknown> = Promise.resolve()

  function inTurn(write: () => Promise<void>): Promise<void> {
    const writing = written.then(write)
    written = writing.catch(() => {})
    return writing
  }

  async function create(): Promise<Incoming> {
    folder ??= mkdtemp(join(parent, 'parley-arrivals-'))
    folder.catch(() => {
      folder = undefined
    })
    const path = join(await folder, randomUUID())
    return createIncoming(path, await open(path, 'wx', 0o600), inTurn)
  }

  return {
    open: () =>
      create().catch((error: unknown) => {
        throw toStorageFault(error)
      }),
    async close() {
      const made = await folder?.catch(() => undefined)
      if (made !== undefined) await rm(made, { recursive: true, force: true })
    },
  }
}

function createIncoming(
  path: string,
  handle: FileHandle,
  inTurn: (write: () => Promise<void>) => Promise<void>,
): Incoming {
  let bytes = 0
  const writeAll = async (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.length; ) at += (await handle.write(chunk, at)).bytesWritten
    bytes += chunk.length
  }
  return {
    async write(chunk) {
      try {
        await inTurn(() => writeAll(chunk))
      } catch (error) {
        throw toStorageFault(error)
      }
    },
    async finish() {
      await handle.close()
      return new DiskFile(path, bytes)
    },
    async abort() {
      await handle.close().catch(() => {})
      await rm(path, { force: true }).catch(() => {})
    },
  }
}
