import type { Me } from '../protocol/model.ts'
import { ParleyError, toParleyError } from './error.ts'
import type { TokenSource } from './ports.ts'

/** Session is a login on this device. */
export interface Session {
  readonly user: Me
  readonly accessToken: string
  /** null when the browser keeps it in a cookie. */
  readonly refreshToken: string | null
}

/** SessionStorage keeps the login over a restart of the client; tabs that share one share the login. */
export interface SessionStorage {
  load(): Promise<Session | null> | Session | null
  /** null when the login has ended. */
  save(session: Session | null): Promise<void> | void
}

/** What the session asks of the server. */
export interface TokenEndpoints {
  refresh(refreshToken: string | null): Promise<Pick<Session, 'accessToken' | 'refreshToken'>>
  logout(session: Session): Promise<void>
}

/**
 * Tokens keeps the pair of tokens of a session. A refresh token is good once, so that two refreshes at a time would
 * end the login: there is one at a time, and what another tab has refreshed is taken from the storage.
 */
export interface Tokens extends TokenSource {
  readonly session: Session | null
  begin(session: Session): Promise<void>
  /** Takes up the session that the storage has, if any. */
  restore(): Promise<Session | null>
  end(): Promise<void>
}

export function createTokens(
  endpoints: TokenEndpoints,
  storage: SessionStorage,
  changed: (session: Session | null) => void,
): Tokens {
  let session: Session | null = null
  let refreshing: Promise<string> | undefined

  async function set(next: Session | null): Promise<void> {
    session = next
    changed(next)
    await storage.save(next)
  }

  async function restore(): Promise<Session | null> {
    if (!session) {
      session = await storage.load()
      if (session) changed(session)
    }
    return session
  }

  async function current(): Promise<Session> {
    const known = await restore()
    if (!known) throw new ParleyError('UNAUTHORIZED', 'Log in first')
    return known
  }

  async function refresh(rejected: string): Promise<string> {
    const stored = await storage.load()
    if (stored && stored.accessToken !== rejected) {
      session = stored
      return stored.accessToken
    }
    const before = await current()
    try {
      const pair = await endpoints.refresh(before.refreshToken)
      if (session !== before) return (await current()).accessToken
      await set({ ...before, ...pair })
      return pair.accessToken
    } catch (thrown) {
      const error = toParleyError(thrown)
      if (!error.retryable && session === before) await set(null)
      throw error
    }
  }

  return {
    get session() {
      return session
    },
    begin: set,
    restore,
    async get() {
      return (await current()).accessToken
    },
    async renew(rejected) {
      const { accessToken } = await current()
      if (accessToken !== rejected) return accessToken
      refreshing ??= refresh(rejected).finally(() => {
        refreshing = undefined
      })
      return refreshing
    },
    async end() {
      const ending = session
      await set(null)
      // the login ends here whatever the server hears of it; there it ends with its tokens
      if (ending) await endpoints.logout(ending).catch(() => {})
    },
  }
}

/** createMemorySession forgets with the process. */
export function createMemorySession(): SessionStorage {
  let kept: Session | null = null
  return {
    load: () => kept,
    save(session) {
      kept = session
    },
  }
}
