import type { MiddlewareHandler } from 'hono'
import { refuse } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { AppEnv } from './deps.ts'
import { takesForm } from './uploads.ts'

/** Bytes of a body that is too large which are still taken from the network, so that its sender hears why. */
const PASSED_OVER = 2_097_152

type Reader = ReadableStreamDefaultReader<Uint8Array>

/**
 * limitBody refuses a body of more than 128 KiB, by the length that it says it has or by its bytes, and passes over what
 * is left of it. (Hono's own limit keeps what is left to itself, and the connection is lost with it.) A form with files
 * is counted file by file as it arrives, up to what all of them may have.
 */
export function limitBody(): MiddlewareHandler<AppEnv> {
  return async (context, next) => {
    const { raw } = context.req
    if (takesForm(context.req)) {
      await next()
      if (!context.res.ok && raw.body && !raw.body.locked) await passOver(raw.body.getReader())
      return
    }
    const length = context.req.header('Transfer-Encoding') ? undefined : context.req.header('Content-Length')
    if (length !== undefined && Number(length) <= LIMITS.bodyBytes) return next()
    const reader = raw.body?.getReader()
    if (!reader) return next()
    const body = length === undefined ? await readAll(reader) : undefined
    if (!body) {
      await passOver(reader)
      return refuse('PAYLOAD_TOO_LARGE', `A body has at most ${LIMITS.bodyBytes} bytes`)
    }
    context.req.raw = new Request(raw, { body })
    return next()
  }
}

/** undefined when it is too large. */
async function readAll(reader: Reader): Promise<Blob | undefined> {
  const pieces: Uint8Array<ArrayBuffer>[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader
      .read()
      .catch(() => refuse('VALIDATION_ERROR', 'The body did not arrive whole'))
    if (done) return new Blob(pieces)
    length += value.length
    if (length > LIMITS.bodyBytes) return undefined
    pieces.push(new Uint8Array(value))
  }
}

/** Who is answered while still sending may lose the connection and the answer with it. */
async function passOver(reader: Reader): Promise<void> {
  let left = PASSED_OVER
  try {
    while (left > 0) {
      const { done, value } = await reader.read()
      if (done) return
      left -= value.length
    }
  } catch {
    // Whoever sent it is gone.
  }
}
