import { z } from 'zod'
import { ERRORS, type ErrorCode } from './codes.ts'

export { CLOSES, type CloseReason, ERRORS, type ErrorCode } from './codes.ts'

export const ErrorDetail = z
  .object({
    field: z.string().describe('Path of the field, dotted; empty for the body as a whole'),
    message: z.string().describe('What is wrong and what would be right'),
  })
  .meta({ id: 'ErrorDetail' })
export type ErrorDetail = z.infer<typeof ErrorDetail>

export const ErrorBody = z
  .object({
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    message: z.string(),
    details: z.array(ErrorDetail),
    timestamp: z.iso.datetime(),
    requestId: z.string().describe('Names this request or frame in the logs'),
  })
  .meta({ id: 'Error', description: 'The one error body of REST and the socket' })
export type ErrorBody = z.infer<typeof ErrorBody>

/** Refusal is why a command was not done, before anything about its request is known. */
export interface Refusal {
  readonly code: ErrorCode
  readonly message: string
  readonly details?: readonly ErrorDetail[]
  /** Seconds after which to try again; on 429 and 503. */
  readonly retryAfter?: number
}

/** RefusalError carries a refusal through code that throws. */
export class RefusalError extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.name = 'RefusalError'
    this.refusal = refusal
  }
}

/** `refuse` throws; for the edges, where a refusal ends the request. */
export function refuse(code: ErrorCode, message: string, details: readonly ErrorDetail[] = []): never {
  throw new RefusalError({ code, message, details })
}

/** Faults of one input that are named; whoever has more is told of the first. */
const MOST_DETAILS = 20

/** toDetails turns zod's issues into one `{field, message}` each; unknown fields are named one by one. */
export function toDetails(error: z.core.$ZodError, prefix: readonly string[] = []): ErrorDetail[] {
  const details = error.issues.slice(0, MOST_DETAILS).flatMap((issue) => {
    const path = [...prefix, ...issue.path.map(String)]
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.slice(0, MOST_DETAILS).map((key) => ({
        field: [...path, key].join('.'),
        message: 'Unknown field: remove it',
      }))
    }
    return [{ field: path.join('.'), message: issue.message }]
  })
  return details.slice(0, MOST_DETAILS)
}

/** toErrorBody makes the wire form of a refusal. */
export function toErrorBody(refusal: Refusal, request: { now: number; requestId: string }): ErrorBody {
  return {
    code: refusal.code,
    message: refusal.message,
    details: [...(refusal.details ?? [])],
    timestamp: new Date(request.now).toISOString(),
    requestId: request.requestId,
  }
}
