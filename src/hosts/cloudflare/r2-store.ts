import { createBlobServer } from '../../attachments/blob-server.ts'
import type { BlobStore, Spool } from '../../attachments/ports.ts'
import { createUrlSigner } from '../../attachments/signed-url.ts'
import { refuseStoreFault } from '../../attachments/store-fault.ts'
import { within } from '../../db/breaker.ts'
import type { Clock } from '../../rooms/ports.ts'

/** Milliseconds for one file. */
const PATIENCE = 30_000
/** Keys that one call may remove. */
const REMOVED_AT_ONCE = 1_000

export interface R2StoreOptions {
  readonly bucket: R2Bucket
  /** Where forms put what arrives. */
  readonly spool: Spool
  readonly clock: Clock
  /** Signs the URLs. */
  readonly secret: string
}

/** createR2Store keeps files in a bucket of R2, and serves them itself by signed URLs: the binding can sign none. */
export async function createR2Store({ bucket, spool, clock, secret }: R2StoreOptions): Promise<BlobStore> {
  const guarded = <T>(asked: Promise<T>) => within(PATIENCE, asked).catch(refuseStoreFault)
  const put: BlobStore['put'] = async (key, file) => {
    const content = file.stream().pipeThrough(new FixedLengthStream(file.bytes))
    await guarded(bucket.put(key, content))
  }
  const server = createBlobServer({
    ...{ spool, clock, put, signer: await createUrlSigner(secret) },
    read: (key, request) => read(bucket, key, request),
  })

  return {
    put,
    async get(key) {
      const found = await guarded(bucket.get(key))
      return found ? { bytes: found.size, stream: () => found.body } : undefined
    },
    async remove(keys) {
      for (let at = 0; at < keys.length; at += REMOVED_AT_ONCE) {
        await guarded(bucket.delete(keys.slice(at, at + REMOVED_AT_ONCE)))
      }
    },
    ...server,
    async isUp() {
      return bucket.head('up').then(
        () => true,
        () => false,
      )
    },
  }
}

/** A range that cannot be had is left out of account, as RFC 9110 (14.2) allows. */
async function read(bucket: R2Bucket, key: string, { headers }: Request): Promise<Response> {
  const options = headers.has('Range') ? { range: headers } : {}
  const asked = bucket.get(key, options).catch(() => bucket.get(key))
  const found = await within(PATIENCE, asked).catch(refuseStoreFault)
  if (!found) return new Response(null, { status: 404 })
  const { size, range, httpEtag } = found
  const [start, length] = placeOf(range, size)
  const answer = { 'Content-Length': String(length), ETag: httpEtag }
  if (length === size) return new Response(found.body, { headers: answer })
  const part = { ...answer, 'Content-Range': `bytes ${start}-${start + length - 1}/${size}` }
  return new Response(found.body, { status: 206, headers: part })
}

/** The platform names all three of a range, some of them undefined. */
function placeOf(range: R2Range | undefined, size: number): [start: number, length: number] {
  const { offset = 0, length = size - offset, suffix } = (range ?? {}) as Partial<Record<string, number>>
  if (suffix !== undefined) return [Math.max(0, size - suffix), Math.min(suffix, size)]
  return [offset, length]
}
