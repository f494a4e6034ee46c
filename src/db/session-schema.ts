import { sql } from 'drizzle-orm'
import { bigint, index, integer, json, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import type { ServiceScope } from '../protocol/admin.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Availability } from '../protocol/sessions.ts'
import { users } from './schema.ts'

const time = () => timestamp({ withTimezone: true, precision: 3 })

/**
 * The desks of agents. `sessionIds` is the sessions that an agent has now, changed by the very statement that gives or
 * takes one, and the one thing that two rooms compare when they seat the same agent at once: see docs/decisions/0014.
 */
export const agents = pgTable('agents', {
  userId: uuid()
    .primaryKey()
    .references(() => users.id),
  availability: text().$type<Availability>().notNull().default('available'),
  capacity: integer().notNull().default(LIMITS.agentCapacity),
  teams: text().array().notNull().default(sql`'{}'`),
  sessionIds: uuid().array().notNull().default(sql`'{}'`),
})

/** Sensitive operations: who did what to whom, and when. Rows are only added. */
export const auditLog = pgTable(
  'audit_log',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: time().notNull(),
    actorId: uuid(),
    action: text().notNull(),
    chatId: uuid(),
    targetId: uuid(),
    ipAddress: text(),
    details: json().$type<Readonly<Record<string, unknown>>>(),
  },
  (table) => [
    index('audit_log_actor').on(table.actorId, table.id),
    index('audit_log_chat').on(table.chatId, table.id).where(sql`${table.chatId} is not null`),
  ],
)

/** What agents say often, at hand. Of a team, or of all. */
export const cannedReplies = pgTable('canned_replies', {
  id: uuid().primaryKey(),
  title: text().notNull(),
  content: text().notNull(),
  team: text(),
  createdBy: uuid().notNull(),
  createdAt: time().notNull(),
  updatedAt: time().notNull(),
})

/** Tokens of backends: kept as digests. Each speaks as a user of its own, of type `bot`. */
export const serviceTokens = pgTable('service_tokens', {
  id: uuid().primaryKey(),
  userId: uuid()
    .notNull()
    .references(() => users.id),
  name: text().notNull(),
  tokenHash: text().notNull().unique(),
  scopes: text().array().$type<ServiceScope[]>().notNull(),
  createdBy: uuid().notNull(),
  createdAt: time().notNull(),
  lastUsedAt: time(),
  expiresAt: time(),
  revokedAt: time(),
})
