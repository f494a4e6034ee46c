import { z } from 'zod'
import type { KeyStore } from '../../../auth/ports.ts'
import type { RedisClient } from './redis.ts'

/** Milliseconds for which keys are kept: an issuer that is away for longer is new to an instance that starts. */
const KEEP = 86_400_000
const Kept = z.object({
  keys: z.object({ keys: z.array(z.looseObject({ kty: z.string() })) }),
  fetchedAt: z.number(),
})

/** createRedisKeyStore shares the issuers' keys between instances, as far as Redis is there. */
export function createRedisKeyStore(redis: RedisClient, prefix: string): KeyStore {
  const keyOf = (issuer: string) => `${prefix}issuer-keys:${issuer}`
  return {
    async read(issuer) {
      try {
        return Kept.parse(JSON.parse((await redis.get(keyOf(issuer))) ?? 'null'))
      } catch {
        return undefined
      }
    },
    async write(issuer, kept) {
      await redis.set(keyOf(issuer), JSON.stringify(kept), 'PX', KEEP).catch(() => {})
    },
  }
}
