import { RefusalError } from '../protocol/errors.ts'

/** refuseStoreFault is for a store that is slow, away or denies: the sender can only try again; the cause is for the log. */
export function refuseStoreFault(error: unknown): never {
  const message =
    'The file store does not answer as it should: try again. Messages without files are not affected'
  const refusal = new RefusalError({ code: 'SERVICE_UNAVAILABLE', message, retryAfter: 5 })
  refusal.cause = error
  throw refusal
}
