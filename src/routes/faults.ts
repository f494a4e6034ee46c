import { DatabaseAwayError } from '../db/breaker.ts'

/** SQLSTATE classes and codes that say "not now" instead of "never": no connection, no resources, cancelled, restarting. */
const UNAVAILABLE_STATES = /^(08|25|40|53|55P03|57)/
/** What the driver and the network call it. */
const UNAVAILABLE_CODES = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ENOENT|EHOST)/
const UNAVAILABLE_MESSAGES =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered|connection attempt failed|Network connection lost|Stream was cancelled|This socket has been closed|proxy request failed)/

/** isUnavailable tells whether the database was away, so that the same request may succeed later. */
export function isUnavailable(error: unknown): boolean {
  const cause = causeOf(error)
  if (cause instanceof DatabaseAwayError) return true
  if (!(cause instanceof Error)) return false
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  return (
    UNAVAILABLE_STATES.test(code) || UNAVAILABLE_CODES.test(code) || UNAVAILABLE_MESSAGES.test(cause.message)
  )
}

/**
 * describeFault is what may be logged of an error. Not the error itself: that of a failed query holds the values
 * that were to be written.
 */
export function describeFault(error: unknown): object {
  const cause = causeOf(error)
  if (!(cause instanceof Error)) return { message: String(cause) }
  const { name, message, stack } = cause
  return { name, message, stack, ...('code' in cause && { code: cause.code }) }
}

/** The innermost error: drizzle and others wrap what the driver says. */
function causeOf(error: unknown): unknown {
  let cause = error
  for (let depth = 0; depth < 5 && cause instanceof Error && cause.cause !== undefined; depth += 1) {
    cause = cause.cause
  }
  return cause
}
