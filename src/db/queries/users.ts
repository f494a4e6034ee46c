import { and, eq, isNull, ne, or, type SQL, sql } from 'drizzle-orm'
import type { Me, PresenceStatus, User, UserSummary, UserType } from '../../protocol/model.ts'
import type { Database } from '../connect.ts'
import { users } from '../schema.ts'

/** What of an account others may see, and when it began. */
export const accountColumns = {
  id: users.id,
  username: users.username,
  displayName: users.displayName,
  avatarUrl: users.avatarUrl,
  type: users.type,
  lastSeen: users.lastSeen,
  createdAt: users.createdAt,
}

export interface Account extends UserSummary {
  readonly lastSeen: Date | null
  readonly createdAt: Date
}

export interface NewUser {
  readonly id: string
  readonly username: string
  readonly displayName: string
  readonly passwordHash: string
  readonly at: Date
}

/** insertLocalUser answers undefined when the username is taken, in whatever case. */
export async function insertLocalUser(db: Database, user: NewUser): Promise<Account | undefined> {
  const { at, ...given } = user
  const rows = await db.orm
    .insert(users)
    .values({ ...given, issuer: 'local', subject: user.id, type: 'member', createdAt: at })
    .onConflictDoNothing()
    .returning(accountColumns)
  return rows[0]
}

export interface NewGuest {
  readonly id: string
  readonly subject: string
  readonly displayName: string
  readonly at: Date
}

/** enterGuest makes a guest, or finds the one of this subject, who is called so from now on. */
export async function enterGuest(db: Database, { at, ...guest }: NewGuest): Promise<Account> {
  const { displayName, id } = guest
  const [row] = await db.orm
    .insert(users)
    .values({ ...guest, issuer: 'guest', type: 'customer', username: `guest-${id.slice(-8)}`, createdAt: at })
    .onConflictDoUpdate({ target: [users.issuer, users.subject], set: { displayName } })
    .returning(accountColumns)
  if (!row) throw new Error('A guest that was inserted came back as nothing')
  return row
}

/** changeUserType answers undefined for whoever is no local user: others are what their issuer says. */
export async function changeUserType(
  db: Database,
  userId: string,
  type: UserType,
): Promise<Account | undefined> {
  const rows = await db.orm
    .update(users)
    .set({ type })
    .where(and(eq(users.id, userId), eq(users.issuer, 'local'), isNull(users.disabledAt)))
    .returning(accountColumns)
  return rows[0]
}

/** updateDisabled keeps a user out from a time on, or lets one in again (null). Answers whether there is such a user. */
export async function updateDisabled(
  db: Database,
  userId: string,
  disabledAt: Date | null,
): Promise<boolean> {
  const rows = await db.orm
    .update(users)
    .set({ disabledAt })
    .where(eq(users.id, userId))
    .returning({ id: users.id })
  return rows.length > 0
}

/** findUser finds an account that is not disabled. */
export async function findUser(db: Database, userId: string): Promise<Account | undefined> {
  return findOne(db, eq(users.id, userId))
}

/** findUserByName finds a local account that is not disabled, by its username in whatever case. */
export async function findUserByName(db: Database, username: string): Promise<Account | undefined> {
  return findOne(db, hasName(username))
}

/** findCredentials finds what a login is checked against, of disabled accounts too. */
export async function findCredentials(db: Database, username: string) {
  const rows = await db.orm
    .select({ ...accountColumns, passwordHash: users.passwordHash, disabledAt: users.disabledAt })
    .from(users)
    .where(hasName(username))
  return rows[0]
}

export async function findPasswordHash(db: Database, userId: string): Promise<string | undefined> {
  const rows = await db.orm.select({ hash: users.passwordHash }).from(users).where(eq(users.id, userId))
  return rows[0]?.hash ?? undefined
}

export async function updatePasswordHash(db: Database, userId: string, passwordHash: string): Promise<void> {
  await db.orm.update(users).set({ passwordHash }).where(eq(users.id, userId))
}

export interface ProfileChange {
  readonly displayName?: string | undefined
  readonly avatarUrl?: string | null | undefined
}

/** updateProfile answers undefined for an account that is disabled, or whose name is kept elsewhere. */
export async function updateProfile(
  db: Database,
  userId: string,
  change: ProfileChange,
): Promise<Account | undefined> {
  const rows = await db.orm
    .update(users)
    .set(change)
    .where(and(eq(users.id, userId), isNull(users.disabledAt), isNull(users.namedAt)))
    .returning(accountColumns)
  return rows[0]
}

export interface UserSearch {
  readonly text: string
  readonly limit: number
  /** Who asks. */
  readonly by: UserSummary
}

/**
 * searchUsers finds accounts whose username or display name holds the text; those that begin with it come first. A
 * customer finds no other customer.
 */
export async function searchUsers(db: Database, { text, limit, by }: UserSearch): Promise<Account[]> {
  const pattern = text.replace(/[\\%_]/g, '\\$&')
  const holds = or(
    sql`${users.username} ilike ${`%${pattern}%`}`,
    sql`${users.displayName} ilike ${`%${pattern}%`}`,
  )
  return db.orm
    .select(accountColumns)
    .from(users)
    .where(and(holds, isNull(users.disabledAt), by.type === 'customer' ? isVisibleTo(by) : undefined))
    .orderBy(
      sql`${users.username} ilike ${`${pattern}%`} desc`,
      sql`${users.displayName} ilike ${`${pattern}%`} desc`,
      users.username,
      users.id,
    )
    .limit(limit)
}

export function toSummary({ id, username, displayName, avatarUrl, type }: Account): UserSummary {
  return { id, username, displayName, avatarUrl, type }
}

export function toUser(account: Account, status: PresenceStatus): User {
  return { ...toSummary(account), status, lastSeen: account.lastSeen?.toISOString() ?? null }
}

export function toMe(account: Account, status: PresenceStatus): Me {
  return { ...toUser(account, status), createdAt: account.createdAt.toISOString() }
}

function isVisibleTo(customer: UserSummary): SQL | undefined {
  return or(ne(users.type, 'customer'), eq(users.id, customer.id))
}

async function findOne(db: Database, where: SQL | undefined): Promise<Account | undefined> {
  const rows = await db.orm
    .select(accountColumns)
    .from(users)
    .where(and(where, isNull(users.disabledAt)))
  return rows[0]
}

/** Both sides are folded by the database, whose unique index decides what is the same name. */
function hasName(username: string): SQL | undefined {
  return and(eq(users.issuer, 'local'), sql`lower(${users.username}) = lower(${username})`)
}
