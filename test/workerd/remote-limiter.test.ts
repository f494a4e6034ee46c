import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Bindings } from '../../src/hosts/cloudflare/bindings.ts'
import type { GatewayCalls } from '../../src/hosts/cloudflare/calls.ts'
import { createPassingObjects } from '../../src/hosts/cloudflare/objects.ts'
import { createRemoteLimiter } from '../../src/hosts/cloudflare/remote-limiter.ts'
import { settings } from '../../src/hosts/cloudflare/settings.ts'

const bindings = env as unknown as Bindings
const config = settings(bindings)
const gateways = createPassingObjects<GatewayCalls>(bindings.GATEWAYS)

/** What an isolate of its own counts by, beside the others of its place. */
function createIsolate(given: Pick<Bindings, 'REST_RATE' | 'FILE_RATE'> = bindings) {
  return createRemoteLimiter({ config, bindings: given, gateways, waitUntil: () => {} })
}

/** Takes until there is no more room; what is left of a period may be short, so that it begins anew once. */
async function fill(bucket: 'rest' | 'file', key: string): Promise<void> {
  for (let isolate = createIsolate(), taken = 0; (await isolate.take(bucket, key)) === 0; taken += 1) {
    expect(taken).toBeLessThan(2_000)
    if (taken % 50 === 49) isolate = createIsolate()
  }
}

test.each(['rest', 'file'] as const)(
  'requests (%s) are counted for all isolates of a place',
  async (bucket) => {
    const key = `user:mia of ${bucket}`
    await fill(bucket, key)
    // The period may have ended since, once.
    await expect
      .poll(async () => {
        const wait = await createIsolate().take(bucket, key)
        if (wait === 0) await fill(bucket, key)
        return wait
      })
      .toBe(60)
    expect(await createIsolate().take(bucket, 'user:otto')).toBe(0)
    expect(await createIsolate().take(bucket === 'rest' ? 'file' : 'rest', key)).toBe(0)
  },
)

test('without a binding, or with one that fails, an isolate counts for itself', async () => {
  const broken: RateLimit = { limit: () => Promise.reject(new Error('away')) }
  for (const limiter of [createIsolate({}), createIsolate({ REST_RATE: broken, FILE_RATE: broken })]) {
    for (let taken = 0; taken < config.RATE_REST_PER_MINUTE; taken += 1) {
      expect(await limiter.take('rest', 'user:cleo')).toBe(0)
    }
    expect(await limiter.take('rest', 'user:cleo')).toBeGreaterThan(0)
  }
})
