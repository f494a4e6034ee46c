import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, expect, test } from 'vitest'
import { createClient } from '../../../src/client/client.ts'
import { limitFiles } from '../../../src/hosts/node/faults/limit-files.ts'
import { createDiskStore } from '../../../src/hosts/node/files/disk.ts'
import { createDiskSpool } from '../../../src/hosts/node/files/disk-spool.ts'
import { toStorageFault } from '../../../src/hosts/node/files/storage-fault.ts'
import { clock } from '../../../src/hosts/shared/clock.ts'
import { aForm, aPng } from '../../support/files.ts'
import { createTestDatabase } from '../../support/postgres.ts'
import { startServer } from '../../support/server.ts'
import { aFile } from './blob-store.contract.ts'

const ROOM = 524_288
const FULL = { refusal: { code: 'INSUFFICIENT_STORAGE' } }
const folder = mkdtempSync(join(tmpdir(), 'parley-full-'))

afterEach(() => limitFiles(process.pid, 'unlimited'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the kernel says that a disk is full, and so is the client told', async () => {
  const error = await writeFile('/dev/full', 'a').catch(toStorageFault)
  expect(error).toMatchObject({ ...FULL, cause: { code: 'ENOSPC' } })
})

test('a disk without room takes nothing by half, and small files as before', async () => {
  const spool = createDiskSpool(folder)
  const store = await createDiskStore({ folder: join(folder, 'blobs'), spool, clock, secret: 'of the test' })
  limitFiles(process.pid, ROOM)
  const large = aFile(new Uint8Array(700_000))
  await expect(store.put('a/large.jpg', large, 'image/jpeg')).rejects.toMatchObject(FULL)
  expect(await store.get('a/large.jpg')).toBeUndefined()
  expect(readdirSync(join(folder, 'blobs', 'a'))).toEqual([])
  const incoming = await spool.open()
  await expect(incoming.write(new Uint8Array(700_000))).rejects.toMatchObject(FULL)
  await incoming.abort()
  await store.put('a/small.jpg', aFile(new Uint8Array(1_000)), 'image/jpeg')
  expect((await store.get('a/small.jpg'))?.bytes).toBe(1_000)
  await spool.close()
})

test('the service answers 507 for files without room, keeps nothing of them, and goes on', async () => {
  const blobs = join(folder, 'service')
  const temporary = mkdtempSync(join(folder, 'tmp-'))
  const database = await createTestDatabase()
  const env = { BLOBS_DIR: blobs, TMPDIR: temporary }
  const server = await startServer({ databaseUrl: database.url, env })
  try {
    const client = createClient({ url: server.url })
    let token = ''
    client.onSession((session) => {
      token = session?.accessToken ?? ''
    })
    await client.register({ username: 'ann', password: 'Tea-at-4!' })
    client.connect()
    const { id: chatId } = await client.createGroup('Tea', [])
    const upload = async (bytes: Uint8Array<ArrayBuffer>, name: string) => {
      const body = aForm({ chatId }, { name, bytes })
      const headers = { Authorization: `Bearer ${token}` }
      return (await fetch(`${server.url}/api/attachments`, { method: 'POST', headers, body })).status
    }
    const [arriving, written] = [await aNoise(90), await aNoise(60)]
    expect(arriving.length).toBeGreaterThan(ROOM)
    // The picture that is made of it is larger.
    expect(written.length).toBeLessThan(ROOM)
    limitFiles(server.pid(), ROOM)
    expect([await upload(arriving, 'a.jpg'), await upload(written, 'b.jpg')]).toEqual([507, 507])
    expect(filesIn(blobs)).toEqual([])
    expect(filesIn(temporary)).toEqual([])
    expect(await upload(aPng().bytes, 'c.png')).toBe(201)
    expect((await client.send(chatId, { content: 'Without a file' })).seq).toBeGreaterThan(0)
    limitFiles(server.pid(), 'unlimited')
    expect([await upload(arriving, 'a.jpg'), await upload(written, 'b.jpg')]).toEqual([201, 201])
    client.disconnect()
  } finally {
    await server.stop()
    await database.drop()
  }
})

/** A picture that nothing makes smaller. */
async function aNoise(quality: number): Promise<Uint8Array<ArrayBuffer>> {
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const
  const create = { width: 1_200, height: 1_000, channels: 3 as const, background: 'white', noise }
  return new Uint8Array(await sharp({ create }).jpeg({ quality }).toBuffer())
}

function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}
