import { and, asc, eq, gt, inArray, isNull, or, sql } from 'drizzle-orm'
import type { Contact, PresenceStatus } from '../../protocol/model.ts'
import type { Database } from '../connect.ts'
import { contacts, users } from '../schema.ts'
import { type Account, accountColumns, toUser } from './users.ts'

const ACQUAINTANCES = `
select distinct other.user_id as id from chat_participants me
join chat_participants other on other.chat_id = me.chat_id and other.left_seq is null and other.user_id <> $1
where me.user_id = $1 and me.left_seq is null
union select contact_id from contacts where user_id = $1 and status = 'accepted'
limit $2`

/** Side is how one user has another in the own list. */
export interface Side {
  readonly status: Contact['status']
  readonly requestedBy: string
  readonly createdAt: Date
  readonly acceptedAt: Date | null
}

/** Pair is both sides; null where there is nothing. */
export interface Pair {
  readonly mine: Side | null
  readonly theirs: Side | null
}

/** Listed is a contact with the account on the other side. */
export interface Listed extends Side {
  readonly account: Account
}

const sideColumns = {
  status: contacts.status,
  requestedBy: contacts.requestedBy,
  createdAt: contacts.createdAt,
  acceptedAt: contacts.acceptedAt,
}

/**
 * changePair reads both sides, lets `decide` say what they shall be, and writes that, while no one else can change
 * this pair. What `decide` throws leaves everything as it was. Both users must exist.
 */
export async function changePair(
  db: Database,
  ids: { readonly userId: string; readonly otherId: string },
  decide: (pair: Pair) => Pair,
): Promise<{ readonly before: Pair; readonly after: Pair }> {
  const { userId, otherId } = ids
  const keys = { mine: { userId, contactId: otherId }, theirs: { userId: otherId, contactId: userId } }
  return db.orm.transaction(async (transaction) => {
    const both = inArray(users.id, [userId, otherId])
    await transaction.select({ id: users.id }).from(users).where(both).orderBy(users.id).for('no key update')
    const rows = await transaction
      .select({ userId: contacts.userId, ...sideColumns })
      .from(contacts)
      .where(or(isRow(keys.mine), isRow(keys.theirs)))
    const before = { mine: sideOf(rows, userId), theirs: sideOf(rows, otherId) }
    const after = decide(before)
    for (const side of ['mine', 'theirs'] as const) {
      const next = after[side]
      if (next === before[side]) continue
      if (next === null) {
        await transaction.delete(contacts).where(isRow(keys[side]))
        continue
      }
      await transaction
        .insert(contacts)
        .values({ ...keys[side], ...next })
        .onConflictDoUpdate({ target: [contacts.userId, contacts.contactId], set: next })
    }
    return { before, after }
  })
}

/** isAccepted tells whether the two are contacts. */
export async function isAccepted(db: Database, userId: string, contactId: string): Promise<boolean> {
  const rows = await db.orm
    .select({ status: contacts.status })
    .from(contacts)
    .where(and(isRow({ userId, contactId }), eq(contacts.status, 'accepted')))
  return rows.length > 0
}

export interface ContactsWanted {
  readonly userId: string
  readonly statuses: readonly Contact['status'][]
  /** The id of the last contact of the page before. */
  readonly after?: string | undefined
  readonly limit: number
}

/** listContacts pages through a user's contacts by username. */
export async function listContacts(db: Database, wanted: ContactsWanted): Promise<Listed[]> {
  const name = sql`(lower(${users.username}), ${users.id})`
  const last = sql`(select lower(username), id from users where id = ${wanted.after})`
  return db.orm
    .select({ ...sideColumns, account: accountColumns })
    .from(contacts)
    .innerJoin(users, eq(users.id, contacts.contactId))
    .where(
      and(
        eq(contacts.userId, wanted.userId),
        inArray(contacts.status, [...wanted.statuses]),
        isNull(users.disabledAt),
        wanted.after === undefined ? undefined : gt(name, last),
      ),
    )
    .orderBy(asc(sql`lower(${users.username})`), asc(users.id))
    .limit(wanted.limit)
}

export function toContact({ account, ...side }: Listed, status: PresenceStatus): Contact {
  return {
    id: account.id,
    status: side.status,
    requestedBy: side.requestedBy,
    user: toUser(account, status),
    createdAt: side.createdAt.toISOString(),
    acceptedAt: side.acceptedAt?.toISOString() ?? null,
  }
}

function isRow({ userId, contactId }: { readonly userId: string; readonly contactId: string }) {
  return and(eq(contacts.userId, userId), eq(contacts.contactId, contactId))
}

function sideOf(rows: readonly (Side & { readonly userId: string })[], userId: string): Side | null {
  const row = rows.find((it) => it.userId === userId)
  if (!row) return null
  const { userId: _, ...side } = row
  return side
}

/** listAcquaintances lists who shares a chat or an accepted contact with the user, no more than `limit` of them. */
export async function listAcquaintances(db: Database, userId: string, limit: number): Promise<string[]> {
  const { rows } = await db.pool.query<{ id: string }>(ACQUAINTANCES, [userId, limit])
  return rows.map(({ id }) => id)
}
