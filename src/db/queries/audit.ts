import { and, desc, eq, lt, type SQL } from 'drizzle-orm'
import { z } from 'zod'
import type { AuditEntry } from '../../protocol/admin.ts'
import type { Database } from '../connect.ts'
import { fromCursor, toCursor } from '../cursor.ts'
import { auditLog } from '../session-schema.ts'
import type { Page } from './chats.ts'

export interface NewAuditEntry {
  readonly at: Date
  readonly actorId: string | null
  readonly action: string
  readonly targetId?: string | null
  readonly ipAddress?: string | null
  readonly details?: Readonly<Record<string, unknown>>
}

/** insertAudit writes down a sensitive operation; those on sessions are written by the commit itself. */
export async function insertAudit(db: Database, entry: NewAuditEntry): Promise<void> {
  await db.orm.insert(auditLog).values(entry)
}

export interface AuditWanted {
  readonly limit: number
  readonly cursor?: string | undefined
  readonly actorId?: string | undefined
  readonly chatId?: string | undefined
  readonly action?: string | undefined
}

/** listAudit pages through the log, the newest first. */
export async function listAudit(db: Database, wanted: AuditWanted): Promise<Page<AuditEntry>> {
  const { limit, cursor, actorId, chatId, action } = wanted
  const conditions: SQL[] = []
  if (cursor !== undefined) conditions.push(lt(auditLog.id, fromCursor(cursor, z.int())))
  if (actorId !== undefined) conditions.push(eq(auditLog.actorId, actorId))
  if (chatId !== undefined) conditions.push(eq(auditLog.chatId, chatId))
  if (action !== undefined) conditions.push(eq(auditLog.action, action))
  const rows = await db.orm
    .select()
    .from(auditLog)
    .where(and(...conditions))
    .orderBy(desc(auditLog.id))
    .limit(limit + 1)
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const hasMore = rows.length > limit
  return {
    data: shown.map((row) => ({ ...row, at: row.at.toISOString() })),
    nextCursor: hasMore && last ? toCursor(last.id) : null,
    hasMore,
  }
}
