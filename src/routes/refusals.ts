import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import {
  ERRORS,
  type ErrorCode,
  type Refusal,
  RefusalError,
  toDetails,
  toErrorBody,
} from '../protocol/errors.ts'
import type { AppContext, AppDeps } from './deps.ts'
import { describeFault, isUnavailable } from './faults.ts'

/** What a status that Hono itself answers with is called here. */
const CODES: Readonly<Record<number, ErrorCode>> = Object.fromEntries(
  Object.entries(ERRORS).map(([code, { status }]) => [status, code as ErrorCode]),
)

/** answerError turns whatever was thrown into the one error body. What is unexpected is logged and told to nobody. */
export function answerError(deps: AppDeps, context: AppContext, error: Error): Response {
  const refusal = toRefusal(error)
  const requestId = context.get('requestId')
  if (refusal.code === 'INTERNAL_ERROR')
    deps.logger.error({ requestId, fault: describeFault(error) }, 'request failed')
  if (refusal.code === 'SERVICE_UNAVAILABLE')
    deps.logger.warn({ requestId, fault: describeFault(error) }, 'unavailable')
  return answerRefusal(deps, context, refusal)
}

export function answerRefusal({ clock, rates }: AppDeps, context: AppContext, refusal: Refusal): Response {
  const { retryAfter } = refusal
  if (retryAfter !== undefined) context.header('Retry-After', String(retryAfter))
  if (refusal.code === 'UNAUTHORIZED') context.header('WWW-Authenticate', 'Bearer')
  const bucket = context.get('bucket')
  if (refusal.code === 'RATE_LIMIT_EXCEEDED' && bucket !== undefined) {
    const { points, seconds } = rates[bucket]
    context.header('RateLimit-Limit', String(points))
    context.header('RateLimit-Remaining', '0')
    context.header('RateLimit-Reset', String(retryAfter ?? seconds))
    context.header('RateLimit-Policy', `${points};w=${seconds}`)
  }
  const error = toErrorBody(refusal, { now: clock.now(), requestId: context.get('requestId') })
  return context.json({ error }, ERRORS[refusal.code].status satisfies ContentfulStatusCode)
}

type Parsed = { success: true } | { success: false; error: Parameters<typeof toDetails>[0] }

/** refuseInvalid is what every route does with input that does not parse. */
export function refuseInvalid(parsed: Parsed): void {
  if (parsed.success) return
  const details = toDetails(parsed.error)
  const [first] = details
  const message = first ? `${first.field || 'body'}: ${first.message}` : 'The request is not valid'
  throw new RefusalError({ code: 'VALIDATION_ERROR', message, details })
}

function toRefusal(error: Error): Refusal {
  if (error instanceof RefusalError) return error.refusal
  if (error instanceof HTTPException) return ofException(error)
  if (isUnavailable(error)) {
    return { code: 'SERVICE_UNAVAILABLE', message: 'The database is away: try again', retryAfter: 1 }
  }
  return { code: 'INTERNAL_ERROR', message: 'Something went wrong here. The request id names it in the logs' }
}

function ofException({ status, message }: HTTPException): Refusal {
  const code = CODES[status] ?? 'INTERNAL_ERROR'
  if (code === 'UNSUPPORTED_MEDIA_TYPE')
    return { code, message: 'Send JSON, with Content-Type: application/json' }
  if (code !== 'VALIDATION_ERROR') return { code, message }
  return { code, message, details: [{ field: '', message }] }
}
