import { ratesOf } from '../../config.ts'
import type { Bucket, RateLimiter } from '../../gateway/ports.ts'
import { createLimiter, createOpenLimiter } from '../shared/limiter.ts'
import type { Bindings } from './bindings.ts'
import { type GatewayCalls, toCall } from './calls.ts'
import { gatewayOf, type Objects } from './objects.ts'
import type { EdgeConfig } from './settings.ts'

/** Seconds in which the bindings of `wrangler.toml` count: they know no other than 10 and 60. */
const PLACE_PERIOD = 60

interface RemoteLimiterPorts {
  readonly config: EdgeConfig
  readonly bindings: Pick<Bindings, 'REST_RATE' | 'FILE_RATE'>
  readonly gateways: Objects<GatewayCalls>
  readonly waitUntil: (promise: Promise<unknown>) => void
}

/**
 * createRemoteLimiter counts requests in the isolate and then in its place, which that protects; whatever guards an
 * account or a chat is counted in the one gateway of its key, together with what comes over sockets, and here where that
 * does not answer. A place does not tell when there is room again: it is taken to be full for the whole of its period.
 */
export function createRemoteLimiter({
  config,
  bindings,
  gateways,
  waitUntil,
}: RemoteLimiterPorts): RateLimiter {
  if (config.RATE_LIMITS === 'off') return createOpenLimiter()
  const local = createLimiter(ratesOf(config))

  async function takeHere(bucket: 'rest' | 'file', key: string): Promise<number> {
    const wait = await local.take(bucket, key)
    const place = bucket === 'rest' ? bindings.REST_RATE : bindings.FILE_RATE
    if (wait > 0 || !place) return wait
    const isFull = await place.limit({ key }).then(
      ({ success }) => !success,
      () => false,
    )
    return isFull ? PLACE_PERIOD : 0
  }

  return {
    async take(bucket, key) {
      if (isOfRequests(bucket)) return takeHere(bucket, key)
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

function isOfRequests(bucket: Bucket): bucket is 'rest' | 'file' {
  return bucket === 'rest' || bucket === 'file'
}
