import { RateLimiterRedis } from 'rate-limiter-flexible'
import { type Counter, createMemoryCounter } from '../shared/limiter.ts'
import type { RedisClient } from './cluster/redis.ts'

/** Where counts are kept that all instances share. */
export interface SharedCounts {
  readonly redis: RedisClient
  readonly prefix: string
}

/** createRedisCounters counts for all instances; while Redis is away each counts for itself. */
export function createRedisCounters({ redis, prefix }: SharedCounts) {
  return (counter: Counter) =>
    new RateLimiterRedis({
      storeClient: redis,
      keyPrefix: `${prefix}rate:${counter.name}`,
      points: counter.points,
      duration: counter.duration,
      insuranceLimiter: createMemoryCounter(counter),
      rejectIfRedisNotReady: true,
    })
}
