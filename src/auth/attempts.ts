import type { RateLimiter } from '../gateway/ports.ts'
import { RefusalError } from '../protocol/errors.ts'

/**
 * attempt runs what a guesser would repeat. Each of the keys, in their order, allows so many refusals; what succeeds,
 * or fails by no fault of the one who tries, does not count. Counted before it runs, so that guesses made at once
 * count as well.
 */
export async function attempt<T>(
  limiter: RateLimiter,
  keys: readonly string[],
  run: () => Promise<T>,
): Promise<T> {
  for (const key of keys) {
    const retryAfter = await limiter.take('auth', key)
    if (retryAfter === 0) continue
    throw new RefusalError({ code: 'RATE_LIMIT_EXCEEDED', message: 'Too many login attempts', retryAfter })
  }
  const giveBack = () => {
    for (const key of keys) limiter.giveBack('auth', key)
  }
  try {
    const result = await run()
    giveBack()
    return result
  } catch (error) {
    if (!(error instanceof RefusalError)) giveBack()
    throw error
  }
}
