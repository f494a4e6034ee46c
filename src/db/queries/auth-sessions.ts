import { and, desc, eq, gt, isNull, lte, ne } from 'drizzle-orm'
import type { Database } from '../connect.ts'
import { authSessions } from '../schema.ts'
import type { Account } from './users.ts'

export interface NewAuthSession {
  readonly id: string
  readonly userId: string
  readonly tokenHash: string
  readonly device: string | null
  readonly ipAddress: string | null
  readonly at: Date
  readonly expiresAt: Date
}

/** insertAuthSession begins a login, and forgets those of the user that have run out. */
export async function insertAuthSession(db: Database, session: NewAuthSession): Promise<void> {
  const { at, ...given } = session
  await db.orm
    .delete(authSessions)
    .where(and(eq(authSessions.userId, session.userId), lte(authSessions.expiresAt, at)))
  await db.orm.insert(authSessions).values({ ...given, createdAt: at, lastUsedAt: at })
}

export interface Rotation {
  readonly sessionId: string
  readonly from: string
  readonly to: string
  readonly at: Date
  readonly expiresAt: Date
}

/**
 * rotateAuthSession puts the next refresh token of a login in the place of `from`, if that is still the good one:
 * of two that try at once, one wins.
 */
export async function rotateAuthSession(db: Database, rotation: Rotation): Promise<boolean> {
  const { sessionId, from, to, at, expiresAt } = rotation
  const rows = await db.orm
    .update(authSessions)
    .set({ tokenHash: to, lastUsedAt: at, expiresAt })
    .where(and(isLive(at), eq(authSessions.id, sessionId), eq(authSessions.tokenHash, from)))
    .returning({ id: authSessions.id })
  return rows.length > 0
}

/** Asked with every request and handshake: by hand, because building the statement took longer than running it. */
const LOGIN = `
select u.id, u.username, u.display_name as "displayName", u.avatar_url as "avatarUrl", u.type,
  u.last_seen as "lastSeen", u.created_at as "createdAt"
from auth_sessions s join users u on u.id = s.user_id and u.disabled_at is null
where s.id = $1 and s.ended_at is null`

/** findLogin finds the account behind a login, while the login stands and the account is not disabled. */
export async function findLogin(db: Database, sessionId: string): Promise<Account | undefined> {
  const [row] = await db.ask<Account>({ name: 'find-login', text: LOGIN, values: [sessionId] })
  return row
}

export async function listAuthSessions(db: Database, userId: string, at: Date) {
  return db.orm
    .select({
      id: authSessions.id,
      device: authSessions.device,
      ipAddress: authSessions.ipAddress,
      createdAt: authSessions.createdAt,
      lastUsedAt: authSessions.lastUsedAt,
    })
    .from(authSessions)
    .where(and(eq(authSessions.userId, userId), isLive(at)))
    .orderBy(desc(authSessions.lastUsedAt), authSessions.id)
}

/** endAuthSession ends one login of a user; answers whether it stood. */
export async function endAuthSession(
  db: Database,
  login: { readonly userId: string; readonly sessionId: string; readonly at: Date },
): Promise<boolean> {
  const rows = await db.orm
    .update(authSessions)
    .set({ endedAt: login.at })
    .where(
      and(
        eq(authSessions.id, login.sessionId),
        eq(authSessions.userId, login.userId),
        isNull(authSessions.endedAt),
      ),
    )
    .returning({ id: authSessions.id })
  return rows.length > 0
}

/** endOtherAuthSessions ends all logins of a user but the one that is kept, and names them. */
export async function endOtherAuthSessions(
  db: Database,
  login: { readonly userId: string; readonly sessionId: string; readonly at: Date },
): Promise<string[]> {
  const rows = await db.orm
    .update(authSessions)
    .set({ endedAt: login.at })
    .where(
      and(
        eq(authSessions.userId, login.userId),
        ne(authSessions.id, login.sessionId),
        isNull(authSessions.endedAt),
      ),
    )
    .returning({ id: authSessions.id })
  return rows.map(({ id }) => id)
}

function isLive(at: Date) {
  return and(isNull(authSessions.endedAt), gt(authSessions.expiresAt, at))
}
