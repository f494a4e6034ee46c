import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose'
import { RefusalError } from '../protocol/errors.ts'
import type { Clock } from '../rooms/ports.ts'
import type { KeyStore } from './ports.ts'

/** Milliseconds after which keys are looked for again, while those that are there go on to be used. */
const FRESH = 600_000
/** The least between two looks, however many unknown keys are shown meanwhile. */
const COOLDOWN = 30_000
/** The same while there are no keys at all, so that nobody of this issuer gets in. */
const COOLDOWN_WITHOUT = 2_000

/** What an instance alone shares with others. */
export const NO_KEY_STORE: KeyStore = { read: async () => undefined, write: async () => {} }

export interface IssuerKeysPorts {
  /** What the keys are shared under. */
  readonly issuer: string
  readonly fetch: () => Promise<JSONWebKeySet>
  readonly store: KeyStore
  readonly clock: Clock
  readonly keepAlive: (work: Promise<unknown>) => void
  readonly onFault: (error: unknown) => void
}

interface Held {
  readonly find: JWTVerifyGetKey
  readonly fetchedAt: number
}

/**
 * createIssuerKeys finds the public key that a token names. Keys that another instance has fetched are taken from the
 * store; the last good ones stay while the issuer is away. A key that nobody knows makes one look, for which everybody
 * who shows such a key waits together, and then none for 30 s. By hand, as jose's remote set throws its keys
 * away with the first failure and puts no bound on what it asks an issuer that is down.
 */
export function createIssuerKeys(ports: IssuerKeysPorts): JWTVerifyGetKey {
  const { issuer, store, clock, onFault } = ports
  let held: Held | undefined
  let lookedAt = Number.NEGATIVE_INFINITY
  let underWay: Promise<void> | undefined

  function hold(keys: JSONWebKeySet, fetchedAt: number): void {
    held = { find: createLocalJWKSet(keys), fetchedAt }
  }

  /** Resolves when there are newer keys, or there are none to be had. */
  function look(): Promise<void> {
    if (underWay) return underWay
    if (clock.now() - lookedAt < (held ? COOLDOWN : COOLDOWN_WITHOUT)) return Promise.resolve()
    lookedAt = clock.now()
    underWay = take()
      .catch(onFault)
      .finally(() => {
        underWay = undefined
      })
    ports.keepAlive(underWay)
    return underWay
  }

  async function take(): Promise<void> {
    const now = clock.now()
    const kept = await store.read(issuer)
    if (kept && kept.fetchedAt > (held?.fetchedAt ?? 0)) hold(kept.keys, Math.min(kept.fetchedAt, now))
    if (held && now - held.fetchedAt < COOLDOWN) return
    const keys = await ports.fetch()
    hold(keys, now)
    await store.write(issuer, { keys, fetchedAt: now })
  }

  async function get(): Promise<Held> {
    if (!held) await look()
    else if (clock.now() - held.fetchedAt > FRESH) void look()
    if (held) return held
    const message = 'The keys of the issuer cannot be had: try again'
    throw new RefusalError({ code: 'SERVICE_UNAVAILABLE', message, retryAfter: COOLDOWN_WITHOUT / 1_000 })
  }

  return async (header, token) => {
    const known = await get()
    try {
      return await known.find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await look()
      if (held === known) throw error
      return (held ?? known).find(header, token)
    }
  }
}
