import { ratesOf } from '../../config.ts'
import type { Bucket, RateLimiter } from '../../gateway/ports.ts'
import { createLimiter, createOpenLimiter } from '../shared/limiter.ts'
import { type GatewayCalls, toCall } from './calls.ts'
import { gatewayOf, type Objects } from './objects.ts'
import type { EdgeConfig } from './settings.ts'

/**
 * createRemoteLimiter counts requests in the isolate, which that protects; whatever guards an account or a chat is
 * counted in the one gateway of its key, together with what comes over sockets, and here where that does not answer.
 */
export function createRemoteLimiter(
  config: EdgeConfig,
  gateways: Objects<GatewayCalls>,
  waitUntil: (promise: Promise<unknown>) => void,
): RateLimiter {
  if (config.RATE_LIMITS === 'off') return createOpenLimiter()
  const local = createLimiter(ratesOf(config))
  return {
    async take(bucket, key) {
      if (isOfRequests(bucket)) return local.take(bucket, key)
      return gateways
        .get(gatewayOf(key))
        .take(toCall({ bucket, key }))
        .catch(() => local.take(bucket, key))
    },
    giveBack(bucket, key) {
      if (isOfRequests(bucket)) return local.giveBack(bucket, key)
      const given = gateways.get(gatewayOf(key)).giveBack(toCall({ bucket, key }))
      waitUntil(given.catch(() => {}))
    },
  }
}

function isOfRequests(bucket: Bucket): boolean {
  return bucket === 'rest' || bucket === 'file'
}
