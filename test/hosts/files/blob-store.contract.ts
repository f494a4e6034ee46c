import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BlobStore, SpooledFile } from '../../../src/attachments/ports.ts'
import { TIMES } from '../../../src/protocol/limits.ts'

export interface TestBlobStore {
  readonly store: BlobStore
  /** Of the server that URLs without a host are of. */
  readonly origin: string
  close(): Promise<void>
}

/** What every BlobStore does alike. */
export function describeBlobStore(name: string, open: () => Promise<TestBlobStore>): void {
  describe(`a blob store on ${name}`, () => {
    let it: TestBlobStore
    let count = 0
    const key = () => `chat-service/groups/g/messages/m/${++count}.jpg`
    const read = async (at: string) => {
      const found = await it.store.get(at)
      return found && new Uint8Array(await new Response(found.stream()).arrayBuffer())
    }

    beforeAll(async () => {
      it = await open()
    })
    afterAll(() => it?.close())

    test('keeps what was put, byte for byte, and says when it has nothing', async () => {
      const bytes = Uint8Array.from({ length: 300_000 }, (_, index) => index % 251)
      const at = key()
      expect(await it.store.get(at)).toBeUndefined()
      await it.store.put(at, aFile(bytes), 'image/jpeg')
      expect(await read(at)).toEqual(bytes)
      expect((await it.store.get(at))?.bytes).toBe(bytes.length)
      expect(await it.store.isUp()).toBe(true)
    })

    test('has nothing of what was not put to its end', async () => {
      const at = key()
      const broken = { ...aFile(new Uint8Array(100)), stream: breaking }
      await expect(it.store.put(at, broken, 'image/jpeg')).rejects.toMatchObject({
        refusal: { code: 'SERVICE_UNAVAILABLE' },
      })
      expect(await it.store.get(at)).toBeUndefined()
    })

    test('removes, also what is not there', async () => {
      const [one, two] = [key(), key()]
      await it.store.put(one, aFile(new Uint8Array(3)), 'image/jpeg')
      await it.store.remove([one, two])
      await it.store.remove([one])
      await it.store.remove([])
      expect(await it.store.get(one)).toBeUndefined()
    })

    test('shows a file by a URL that ends within the hour, with its name and type, and by ranges', async () => {
      const at = key()
      await it.store.put(at, aFile(Uint8Array.from([1, 2, 3, 4])), 'image/jpeg')
      const view = { contentType: 'image/webp', fileName: 'öl "1".webp' }
      const { url, expiresAt } = await it.store.sign(at, view)
      expect((await it.store.sign(at, view)).url).toBe(url)
      expect(expiresAt - Date.now()).toBeLessThanOrEqual(TIMES.signedUrl)
      expect(expiresAt - Date.now()).toBeGreaterThan(TIMES.signedUrl / 2 - 5_000)
      const response = await fetch(new URL(url, it.origin), { headers: { Range: 'bytes=1-2' } })
      expect(response.status).toBe(206)
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(Uint8Array.from([2, 3]))
      expect(response.headers.get('Content-Type')).toBe('image/webp')
      expect(response.headers.get('Content-Disposition')).toMatch(
        /^attachment;.*filename\*=UTF-8''%C3%B6l%20%221%22.webp$/,
      )
    })

    test('shows nothing by a URL that was changed', async () => {
      const [at, other] = [key(), key()]
      await it.store.put(at, aFile(new Uint8Array(3)), 'image/jpeg')
      await it.store.put(other, aFile(new Uint8Array(3)), 'image/jpeg')
      const { url } = await it.store.sign(at, { contentType: 'image/jpeg', fileName: 'a' })
      const absolute = new URL(url, it.origin).href
      for (const changed of [absolute.replace(at, other), absolute.replace('image%2Fjpeg', 'text%2Fhtml')]) {
        expect(changed).not.toBe(absolute)
        expect((await fetch(changed)).status).toBe(403)
      }
    })

    test('takes one file by a form, of its size and under its key', async () => {
      const at = key()
      const wanted = { contentType: 'image/jpeg', mostBytes: 1_000, seconds: 60 }
      const form = await it.store.signForm?.(at, wanted)
      if (!form) throw new Error('There is no form')
      const put = (fields: Readonly<Record<string, string>>, bytes: number) => {
        const filled = new FormData()
        for (const [field, value] of Object.entries(fields)) filled.append(field, value)
        filled.append('file', new Blob([new Uint8Array(bytes)], { type: 'image/jpeg' }), 'a.jpg')
        return fetch(new URL(form.url, it.origin), { method: 'POST', body: filled })
      }
      expect((await put({ ...form.fields, key: `${at}x` }, 10)).status).toBe(403)
      expect((await put(form.fields, 1_001)).status).toBeGreaterThanOrEqual(400)
      expect(await it.store.get(at)).toBeUndefined()
      expect((await put(form.fields, 1_000)).status).toBe(204)
      expect((await it.store.get(at))?.bytes).toBe(1_000)
    })
  })
}

export function aFile(bytes: Uint8Array<ArrayBuffer>): SpooledFile {
  const stream = () => new Response(bytes).body ?? new ReadableStream<Uint8Array>()
  return { bytes: bytes.length, stream, async remove() {} }
}

function breaking(): ReadableStream<Uint8Array> {
  let pulls = 0
  return new ReadableStream({
    pull(controller) {
      pulls += 1
      if (pulls === 1) controller.enqueue(new Uint8Array(50))
      else controller.error(new Error('gone'))
    },
  })
}

/** A server of its own for a store that has none. */
export async function listen(serve: (request: Request) => Promise<Response>) {
  const fetch = (request: Request) =>
    serve(request).catch(
      ({ refusal }) => new Response(null, { status: refusal.code === 'FORBIDDEN' ? 403 : 400 }),
    )
  const server = createAdaptorServer({ fetch, createServer })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}
