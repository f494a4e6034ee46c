import { and, eq, ne, or, sql } from 'drizzle-orm'
import type { UserSummary } from '../../protocol/model.ts'
import type { Database } from '../connect.ts'
import { users } from '../schema.ts'
import type { Account } from './users.ts'

/** OutsideAccount is the account of somebody whom another issuer vouches for. */
export interface OutsideAccount extends Account {
  readonly disabledAt: Date | null
  /** When the name was last asked for where it is kept; null before the first time. */
  readonly namedAt: Date | null
}

export interface NewOutsideUser extends UserSummary {
  readonly issuer: string
  readonly subject: string
  readonly namedAt: Date | null
  readonly createdAt: Date
}

/** Asked with every request and handshake: by hand, because building the statement took longer than running it. */
const FIND = `
select u.id, u.username, u.display_name as "displayName", u.avatar_url as "avatarUrl", u.type,
  u.last_seen as "lastSeen", u.created_at as "createdAt", u.disabled_at as "disabledAt", u.named_at as "namedAt"
from users u where u.issuer = $1 and u.subject = $2`

/** findOutsideUser finds an account by its issuer and subject, a disabled one too. */
export async function findOutsideUser(
  db: Database,
  { issuer, subject }: { readonly issuer: string; readonly subject: string },
): Promise<OutsideAccount | undefined> {
  const values = [issuer, subject]
  const [row] = await db.ask<OutsideAccount>({ name: 'find-outside-user', text: FIND, values })
  return row
}

/** insertOutsideUser makes the account unless it is there: of those who try at once, one makes it. */
export async function insertOutsideUser(db: Database, user: NewOutsideUser): Promise<void> {
  await db.orm.insert(users).values(user).onConflictDoNothing()
}

export async function updateType(db: Database, userId: string, type: UserSummary['type']): Promise<void> {
  await db.orm.update(users).set({ type }).where(eq(users.id, userId))
}

const CLAIM = `
update users set named_at = $2 where id = $1 and (named_at is null or named_at <= $3) returning id`

/**
 * claimNaming answers whether the name is due and the caller is the one to ask for it: one of all instances is. It is
 * due again when `namedAt` is, unless `markNamed` says another time.
 */
export async function claimNaming(
  db: Database,
  userId: string,
  { namedAt, dueBefore }: { readonly namedAt: Date; readonly dueBefore: Date },
): Promise<boolean> {
  const rows = await db.ask({ name: 'claim-naming', text: CLAIM, values: [userId, namedAt, dueBefore] })
  return rows.length > 0
}

export async function markNamed(db: Database, userId: string, namedAt: Date): Promise<void> {
  await db.orm.update(users).set({ namedAt }).where(eq(users.id, userId))
}

/** updateName gives an account the name and picture that are kept elsewhere. Answers whether they were others. */
export async function updateName(
  db: Database,
  userId: string,
  { displayName, avatarUrl }: { readonly displayName: string; readonly avatarUrl: string | null },
): Promise<boolean> {
  const isOther = or(
    ne(users.displayName, displayName),
    sql`${users.avatarUrl} is distinct from ${avatarUrl}::text`,
  )
  const rows = await db.orm
    .update(users)
    .set({ displayName, avatarUrl })
    .where(and(eq(users.id, userId), isOther))
    .returning({ id: users.id })
  return rows.length > 0
}
