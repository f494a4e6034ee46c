import { BurstyRateLimiter, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { Rate } from '../../config.ts'
import type { Bucket, RateLimiter } from '../../gateway/ports.ts'
import type { RedisClient } from './cluster/redis.ts'

/** Windows after which a burst may be taken again: long enough to add little to the steady rate. */
const BURST_WINDOWS = 30

/** Where counts are kept that all instances share. */
export interface SharedCounts {
  readonly redis: RedisClient
  readonly prefix: string
}

/**
 * createLimiter counts in memory, for this instance alone, or in Redis, for all; while Redis is away each instance
 * counts for itself. Frames that are no messages are counted in memory always: that rate protects the instance.
 */
export function createLimiter(rates: Readonly<Record<Bucket, Rate>>, shared?: SharedCounts): RateLimiter {
  const buckets = {
    rest: createBucket('rest', rates.rest, shared),
    auth: createBucket('auth', rates.auth, shared),
    message: createBucket('message', rates.message, shared),
    frame: createBucket('frame', rates.frame),
    search: createBucket('search', rates.search, shared),
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

function createBucket(bucket: Bucket, { points, seconds, burst }: Rate, shared?: SharedCounts) {
  const steady = createCounter({ name: bucket, points, duration: seconds }, shared)
  const spare = () =>
    createCounter({ name: `${bucket}:burst`, points: burst, duration: seconds * BURST_WINDOWS }, shared)
  const limiter = burst === 0 ? steady : new BurstyRateLimiter(steady, spare())
  return {
    take: (key: string) => limiter.consume(key),
    giveBack: (key: string) => void steady.reward(key).catch(() => {}),
  }
}

interface Counter {
  readonly name: string
  readonly points: number
  readonly duration: number
}

function createCounter({ name, points, duration }: Counter, shared?: SharedCounts) {
  const memory = new RateLimiterMemory({ keyPrefix: name, points, duration })
  if (!shared) return memory
  return new RateLimiterRedis({
    storeClient: shared.redis,
    keyPrefix: `${shared.prefix}rate:${name}`,
    points,
    duration,
    insuranceLimiter: memory,
    rejectIfRedisNotReady: true,
  })
}
