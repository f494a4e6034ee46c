import { TIMES } from '../protocol/limits.ts'

/**
 * backoff is how long to wait, in milliseconds, before try number `attempt` (from 1): a random time of up to 1 s,
 * doubled each time up to 30 s (full jitter), so that clients that were cut off together do not come back together.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter
 */
export function backoff(attempt: number, random: () => number): number {
  return random() * Math.min(TIMES.backoffMost, TIMES.backoffLeast * 2 ** (attempt - 1))
}

/** pauseAfter is how long to wait before try number `attempt`, where the server may have said how long. */
export function pauseAfter(
  { retryAfter }: { readonly retryAfter: number | null },
  attempt: number,
  random: () => number,
): number {
  const jittered = backoff(attempt, random)
  return retryAfter === null ? jittered : Math.max(retryAfter * 1_000, jittered)
}
