import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Rate } from '../../config.ts'
import type { Bucket, RateLimiter } from '../../gateway/ports.ts'

/** Windows after which a burst may be taken again: long enough to add little to the steady rate. */
const BURST_WINDOWS = 30

/** createLimiter counts in memory: the limits hold for this instance alone. */
export function createLimiter(rates: Readonly<Record<Bucket, Rate>>): RateLimiter {
  const buckets = {
    rest: createBucket('rest', rates.rest),
    auth: createBucket('auth', rates.auth),
    message: createBucket('message', rates.message),
    frame: createBucket('frame', rates.frame),
    search: createBucket('search', rates.search),
  }
  return {
    async take(bucket, key) {
      try {
        await buckets[bucket].take(key)
        return 0
      } catch (full) {
        return full instanceof RateLimiterRes ? Math.max(1, Math.ceil(full.msBeforeNext / 1_000)) : 0
      }
    },
    giveBack: (bucket, key) => buckets[bucket].giveBack(key),
  }
}

/** createOpenLimiter lets everything through: `RATE_LIMITS=off`. */
export function createOpenLimiter(): RateLimiter {
  return { take: () => 0, giveBack() {} }
}

function createBucket(bucket: Bucket, { points, seconds, burst }: Rate) {
  const steady = new RateLimiterMemory({ keyPrefix: bucket, points, duration: seconds })
  const spare = new RateLimiterMemory({
    keyPrefix: `${bucket}:burst`,
    points: burst,
    duration: seconds * BURST_WINDOWS,
  })
  const limiter = burst === 0 ? steady : new BurstyRateLimiter(steady, spare)
  return {
    take: (key: string) => limiter.consume(key),
    giveBack: (key: string) => void steady.reward(key),
  }
}
