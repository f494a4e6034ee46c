import { Readable } from 'node:stream'
import type { ReadableStream as NodeStream } from 'node:stream/web'
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { createPresignedPost } from '@aws-sdk/s3-presigned-post'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { toDisposition } from '../../../attachments/file-name.ts'
import type { BlobStore } from '../../../attachments/ports.ts'
import { windowOf } from '../../../attachments/signed-url.ts'
import { refuseStoreFault } from '../../../attachments/store-fault.ts'
import { TIMES } from '../../../protocol/limits.ts'
import type { Clock } from '../../../rooms/ports.ts'

/** Milliseconds to connect, and without a word from the server. */
const CONNECT_TIMEOUT = 2_000
const REQUEST_TIMEOUT = 10_000
/** For one file, with all that is tried; and for the answer whether it is there. */
const PATIENCE = 30_000
const HEALTH_PATIENCE = 1_000
const ATTEMPTS = 2
/** Keys that one request may remove. */
const REMOVED_AT_ONCE = 1_000

export interface S3Settings {
  readonly bucket: string
  readonly region: string
  /** Another server than AWS. */
  readonly endpoint?: string | undefined
  /** Where clients reach it, if by another name. */
  readonly publicEndpoint?: string | undefined
  readonly isPathStyle: boolean
  /** Found by the SDK's own ways when left out: the role of the machine. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
}

/** createS3Store keeps files in a bucket, which has to be there. What a client gets is signed for it alone. */
export function createS3Store(settings: S3Settings, clock: Clock): BlobStore {
  const { bucket: Bucket, endpoint, publicEndpoint = endpoint } = settings
  const client = createClient(settings, endpoint)
  // Signing asks nobody: only the name that is signed differs.
  const signer = publicEndpoint === endpoint ? client : createClient(settings, publicEndpoint)
  const within = (milliseconds = PATIENCE) => ({ abortSignal: AbortSignal.timeout(milliseconds) })

  return {
    async put(Key, file, ContentType) {
      const { abortSignal: late } = within()
      const put = () => {
        const { body: Body, signal } = toNode(file.stream())
        const command = new PutObjectCommand({ Bucket, Key, ContentType, Body, ContentLength: file.bytes })
        return client.send(command, { abortSignal: AbortSignal.any([late, signal]) })
      }
      // A stream is read once, so that the SDK cannot try it again by itself.
      await put().catch(put).catch(refuseStoreFault)
    },
    async get(Key) {
      const found = await client
        .send(new GetObjectCommand({ Bucket, Key }), within())
        .catch((error: unknown) => {
          if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 404) return undefined
          return refuseStoreFault(error)
        })
      const { Body, ContentLength } = found ?? {}
      if (!Body || ContentLength === undefined) return undefined
      return { bytes: ContentLength, stream: () => Body.transformToWebStream() as ReadableStream<Uint8Array> }
    },
    async remove(keys) {
      for (let at = 0; at < keys.length; at += REMOVED_AT_ONCE) {
        const Objects = keys.slice(at, at + REMOVED_AT_ONCE).map((Key) => ({ Key }))
        const command = new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } })
        const { Errors = [] } = await client.send(command, within()).catch(refuseStoreFault)
        if (Errors.length > 0) refuseStoreFault(new Error(`${Errors[0]?.Code}: ${Errors[0]?.Message}`))
      }
    },
    async sign(Key, { contentType, fileName }) {
      const { startsAt, expiresAt } = windowOf(clock.now())
      const command = new GetObjectCommand({
        ...{ Bucket, Key, ResponseContentType: contentType },
        ResponseContentDisposition: toDisposition(fileName),
        ResponseCacheControl: `private, max-age=${TIMES.signedUrl / 1_000}, immutable`,
      })
      const signed = { signingDate: new Date(startsAt), expiresIn: TIMES.signedUrl / 1_000 }
      return { url: await getSignedUrl(signer, command, signed).catch(refuseStoreFault), expiresAt }
    },
    async signForm(Key, { contentType, mostBytes, seconds }) {
      const Conditions = [
        ['content-length-range', 1, mostBytes] as ['content-length-range', number, number],
        { 'Content-Type': contentType },
      ]
      const Fields = { 'Content-Type': contentType }
      const wanted = { Bucket, Key, Conditions, Fields, Expires: seconds }
      return createPresignedPost(signer, wanted).catch(refuseStoreFault)
    },
    async isUp() {
      return client.send(new HeadBucketCommand({ Bucket }), within(HEALTH_PATIENCE)).then(
        () => true,
        () => false,
      )
    },
  }
}

/** The SDK's requests on Node take no other streams, and wait for ever for one that breaks: that aborts them. */
function toNode(stream: ReadableStream<Uint8Array>): {
  readonly body: Readable
  readonly signal: AbortSignal
} {
  const broken = new AbortController()
  const body = Readable.fromWeb(stream as unknown as NodeStream)
  body.once('error', (error) => broken.abort(error))
  return { body, signal: broken.signal }
}

function createClient(
  { region, isPathStyle, credentials }: S3Settings,
  endpoint: string | undefined,
): S3Client {
  return new S3Client({
    region,
    forcePathStyle: isPathStyle,
    maxAttempts: ATTEMPTS,
    // Other servers than AWS know no checksums behind a stream.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Otherwise the SDK only warns of a request that nobody answers.
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      throwOnRequestTimeout: true,
    },
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials && { credentials }),
  })
}
