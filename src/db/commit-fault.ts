import pg from 'pg'
import type { CommitResult } from '../rooms/ports.ts'

/**
 * What an error says of a batch. `poison`: one of its turns breaks a rule; the others are innocent. `isBroken`: the
 * connection must not be used again.
 */
export type CommitFault =
  | { readonly kind: 'poison' }
  | { readonly kind: 'whole'; readonly result: CommitResult; readonly isBroken: boolean }

const STALE = { kind: 'whole', result: { status: 'stale' }, isBroken: false } as const
const UNAVAILABLE = { kind: 'whole', result: { status: 'unavailable' }, isBroken: true } as const
const UNKNOWN = { kind: 'whole', result: { status: 'unknown' }, isBroken: true } as const

/** SQLSTATEs, or their classes, after which nothing was done and the same may succeed. */
const PASSING: Record<string, CommitFault> = {
  /** Serialization failure, deadlock: somebody else was first. */
  '40': STALE,
  /** Lock not available. */
  '55P03': STALE,
  /** Cancelled, by the statement timeout or an operator. */
  '57014': { ...UNAVAILABLE, isBroken: false },
  /** Disk full, out of memory, too many connections. */
  '53': { ...UNAVAILABLE, isBroken: false },
  /** Read-only: this server was the primary once. */
  '25': UNAVAILABLE,
  /** The prepared statement is gone, or no longer fits the tables. */
  '26': UNAVAILABLE,
  '0A': UNAVAILABLE,
}

/**
 * toCommitFault reads an error of the commit statement. Without Postgres's own word, or when Postgres ended the
 * connection, the statement may have been committed: waiting for a standby is interrupted after the local commit.
 */
export function toCommitFault(error: unknown): CommitFault {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined || error.severity !== 'ERROR')
    return UNKNOWN
  return PASSING[error.code] ?? PASSING[error.code.slice(0, 2)] ?? { kind: 'poison' }
}

/**
 * SQLSTATEs, or their classes, after which the same values never succeed: data exception, check violation, limit
 * exceeded. A client that tried them again would hold back all that it has to say in that chat.
 */
const FOR_GOOD = ['22', '23514', '54']

/** toRefusal is the result of the one turn that Postgres refused. */
export function toRefusal(error: unknown): CommitResult {
  const constraint =
    error instanceof pg.DatabaseError && error.code === '23505' ? error.constraint : undefined
  if (constraint === 'messages_pkey') return { status: 'stale' }
  if (constraint === 'chats_slug') {
    const message = 'This slug is taken: choose another'
    return {
      status: 'refused',
      refusal: { code: 'CONFLICT', message, details: [{ field: 'slug', message }] },
    }
  }
  const code = isForGood(error) ? 'VALIDATION_ERROR' : 'INTERNAL_ERROR'
  return { status: 'refused', refusal: { code, message: 'This could not be stored. It was logged' } }
}

function isForGood(error: unknown): boolean {
  const { code = '' } = error instanceof pg.DatabaseError ? error : {}
  return FOR_GOOD.some((it) => code.startsWith(it))
}
