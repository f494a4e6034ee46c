import { asc, eq } from 'drizzle-orm'
import type { Database } from '../connect.ts'
import { cannedReplies } from '../session-schema.ts'

/** Replies that are shown at most. */
const MOST = 1_000

export interface CannedReplyFields {
  readonly title: string
  readonly content: string
  readonly team: string | null
}

/** listCannedReplies lists all of them by title; the first 1,000. */
export function listCannedReplies(db: Database) {
  return db.orm
    .select()
    .from(cannedReplies)
    .orderBy(asc(cannedReplies.title), asc(cannedReplies.id))
    .limit(MOST)
}

export async function insertCannedReply(
  db: Database,
  reply: CannedReplyFields & { readonly id: string; readonly createdBy: string; readonly at: Date },
) {
  const { at, ...given } = reply
  const [row] = await db.orm
    .insert(cannedReplies)
    .values({ ...given, createdAt: at, updatedAt: at })
    .returning()
  if (!row) throw new Error('A reply that was inserted came back as nothing')
  return row
}

/** updateCannedReply answers undefined when there is none. */
export async function updateCannedReply(
  db: Database,
  { id, at }: { readonly id: string; readonly at: Date },
  fields: CannedReplyFields,
) {
  const [row] = await db.orm
    .update(cannedReplies)
    .set({ ...fields, updatedAt: at })
    .where(eq(cannedReplies.id, id))
    .returning()
  return row
}

/** deleteCannedReply answers whether there was one. */
export async function deleteCannedReply(db: Database, id: string): Promise<boolean> {
  const rows = await db.orm
    .delete(cannedReplies)
    .where(eq(cannedReplies.id, id))
    .returning({ id: cannedReplies.id })
  return rows.length > 0
}
