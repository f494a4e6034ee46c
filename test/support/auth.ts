import { type Auth, type AuthDeps, createAuth } from '../../src/auth/auth.ts'
import { NO_KEY_STORE } from '../../src/auth/issuer-keys.ts'
import type { Passwords } from '../../src/auth/ports.ts'
import { createRemembered } from '../../src/auth/remembered.ts'
import { createMemoryTickets } from '../../src/auth/tickets.ts'
import { parseConfig, ratesOf } from '../../src/config.ts'
import type { Database } from '../../src/db/connect.ts'
import type { RateLimiter } from '../../src/gateway/ports.ts'
import { createPasswords } from '../../src/hosts/node/passwords.ts'
import { ids } from '../../src/hosts/shared/clock.ts'
import { createLimiter } from '../../src/hosts/shared/limiter.ts'
import { createMemoryBroadcast } from '../../src/rooms/memory.ts'
import type { Broadcast } from '../../src/rooms/ports.ts'
import { createTestClock, type TestClock } from './test-clock.ts'

/** The least that bcrypt takes: tests log in often. */
const COST = 4

export const SECRETS = { access: 'a'.repeat(32), refresh: 'r'.repeat(32) }
export const PASSWORD = 'Correct-horse-1'

/** TestAuth is auth over a real database, with a clock that tests move and every hash that was compared. */
export interface TestAuth {
  readonly auth: Auth
  readonly clock: TestClock
  readonly broadcast: Broadcast
  readonly compared: string[]
}

export async function createTestAuth(
  db: Database,
  limiter?: RateLimiter,
  outside: Partial<AuthDeps> = {},
): Promise<TestAuth> {
  const clock = createTestClock()
  const broadcast = createMemoryBroadcast()
  const compared: string[] = []
  const bcrypt = createPasswords(COST)
  const passwords: Passwords = {
    ...bcrypt,
    matches(password, hash) {
      compared.push(hash)
      return bcrypt.matches(password, hash)
    },
  }
  const auth = await createAuth({
    db,
    clock,
    ids,
    broadcast,
    limiter: limiter ?? createLimiter(ratesOf(parseConfig({}))),
    passwords,
    tickets: createMemoryTickets(clock),
    secrets: SECRETS,
    remember: () => createRemembered(clock),
    issuers: [],
    keys: NO_KEY_STORE,
    onRenamed: async () => {},
    keepAlive() {},
    onFault: () => {},
    ...outside,
  })
  return { auth, clock, broadcast, compared }
}
