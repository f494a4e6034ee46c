import { ERRORS, type ErrorCode } from '../protocol/codes.ts'
import type { ErrorBody, ErrorDetail } from '../protocol/errors.ts'

/**
 * What a caller can be told: the server's codes, `OFFLINE` (nothing was sent) and `UNKNOWN` (no answer came: it was
 * done or not; everything may be asked again, since nothing is done twice).
 */
export type ParleyErrorCode = ErrorCode | 'OFFLINE' | 'UNKNOWN'

/** ParleyError is the one error that the client throws for what the network or the server did not do. */
export class ParleyError extends Error {
  readonly code: ParleyErrorCode
  readonly details: readonly ErrorDetail[]
  /** Names the request in the server's logs. */
  readonly requestId: string | null
  /** Seconds after which to try again. */
  readonly retryAfter: number | null

  constructor(code: ParleyErrorCode, message: string, more: ParleyErrorMore = {}) {
    super(message, { cause: more.cause })
    this.name = 'ParleyError'
    this.code = code
    this.details = more.details ?? []
    this.requestId = more.requestId ?? null
    this.retryAfter = more.retryAfter ?? null
  }

  static of(body: ErrorBody, retryAfter: number | null = null): ParleyError {
    return new ParleyError(body.code, body.message, { ...body, retryAfter })
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return this.code === 'OFFLINE' || this.code === 'UNKNOWN' || ERRORS[this.code].retryable
  }
}

interface ParleyErrorMore {
  readonly details?: readonly ErrorDetail[]
  readonly requestId?: string
  readonly retryAfter?: number | null
  readonly cause?: unknown
}

/** toParleyError makes one of whatever was thrown; what is no answer of the server's is `UNKNOWN`. */
export function toParleyError(thrown: unknown): ParleyError {
  if (thrown instanceof ParleyError) return thrown
  return new ParleyError('UNKNOWN', 'No answer came: it was done or not. It may be asked again', {
    cause: thrown,
  })
}
