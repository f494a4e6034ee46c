import {
  BurstyRateLimiter,
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRes,
} from 'rate-limiter-flexible'
import type { Rate } from '../../config.ts'
import type { Bucket, RateLimiter } from '../../gateway/ports.ts'

/** Windows after which a burst may be taken again: long enough to add little to the steady rate. */
const BURST_WINDOWS = 30

/** Counter is so many points in so many seconds, under a name of its own. */
export interface Counter {
  readonly name: string
  readonly points: number
  readonly duration: number
}

type CreateCounter = (counter: Counter) => RateLimiterAbstract

/**
 * createLimiter counts in this memory, or where `createCounter` keeps what others count too. Frames that are no
 * messages are counted in memory always: that rate protects the instance.
 */
export function createLimiter(
  rates: Readonly<Record<Bucket, Rate>>,
  createCounter: CreateCounter = createMemoryCounter,
): RateLimiter {
  const buckets = {
    rest: createBucket('rest', rates.rest, createCounter),
    service: createBucket('service', rates.service, createCounter),
    auth: createBucket('auth', rates.auth, createCounter),
    message: createBucket('message', rates.message, createCounter),
    frame: createBucket('frame', rates.frame, createMemoryCounter),
    search: createBucket('search', rates.search, createCounter),
    file: createBucket('file', rates.file, createCounter),
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

export function createMemoryCounter({ name, points, duration }: Counter): RateLimiterMemory {
  return new RateLimiterMemory({ keyPrefix: name, points, duration })
}

function createBucket(bucket: Bucket, { points, seconds, burst }: Rate, createCounter: CreateCounter) {
  const steady = createCounter({ name: bucket, points, duration: seconds })
  const spare = () =>
    createCounter({ name: `${bucket}:burst`, points: burst, duration: seconds * BURST_WINDOWS })
  const limiter = burst === 0 ? steady : new BurstyRateLimiter(steady, spare())
  return {
    take: (key: string) => limiter.consume(key),
    giveBack: (key: string) => void steady.reward(key).catch(() => {}),
  }
}
