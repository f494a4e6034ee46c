import { AsyncLocalStorage } from 'node:async_hooks'
import type { Database } from '../../db/connect.ts'
import type { Authenticated } from '../../gateway/ports.ts'

/** Scope is what belongs to one request: the platform lets no request use the connections of another. */
export interface Scope {
  readonly db: Database
  /** Keeps the request's rights until this is settled, after the answer as well. */
  readonly waitUntil: (promise: Promise<unknown>) => void
  /** Whose socket the app has let in. */
  accepted?: Authenticated
}

const scopes = new AsyncLocalStorage<Scope>()

export function runInScope<T>(scope: Scope, run: () => T): T {
  return scopes.run(scope, run)
}

export function currentScope(): Scope {
  const scope = scopes.getStore()
  if (!scope) throw new Error('There is no request')
  return scope
}

/** scopedDatabase is the database of whichever request asks, for what is made once for all of them. */
export const scopedDatabase: Database = {
  get pool() {
    return currentScope().db.pool
  },
  get orm() {
    return currentScope().db.orm
  },
  get commits() {
    return currentScope().db.commits
  },
  isEmbedded: false,
  connections: null,
  ask: (statement) => currentScope().db.ask(statement),
  close: async () => {},
}
