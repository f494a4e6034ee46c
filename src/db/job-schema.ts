import { sql } from 'drizzle-orm'
import {
  index,
  json,
  pgTable,
  primaryKey,
  smallint,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { seq, time, users } from './schema.ts'

/**
 * Work for later: the outbox of commits, and whatever else must not be forgotten. A claim is `attempts` with a
 * `runAt` in the future: when that comes, the job is anybody's again. What is done is deleted.
 */
export const jobs = pgTable(
  'jobs',
  {
    id: uuid().primaryKey(),
    kind: text().notNull(),
    payload: json().$type<object>().notNull(),
    runAt: time().notNull(),
    attempts: smallint().notNull().default(0),
    state: text().$type<'ready' | 'dead'>().notNull().default('ready'),
    lastError: text(),
    /** While a job of this key waits for its first try, another one is of no use. Never set by a commit. */
    key: text(),
  },
  (table) => [
    uniqueIndex('jobs_key')
      .on(table.key)
      .where(sql`${table.key} is not null and ${table.state} = 'ready' and ${table.attempts} = 0`),
    index('jobs_due').on(table.kind, table.runAt).where(sql`${table.state} = 'ready'`),
    index('jobs_dead').on(table.id).where(sql`${table.state} = 'dead'`),
  ],
)

/**
 * Where pushes for a user go: a OneSignal subscription, or (`keys`) the push service of a browser. One that logs out
 * gets no more, and one that somebody else logs in on is theirs.
 */
export const pushDevices = pgTable(
  'push_devices',
  {
    id: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    sessionId: uuid(),
    provider: text().$type<'onesignal' | 'webpush'>().notNull(),
    token: text().notNull(),
    keys: json().$type<{ readonly p256dh: string; readonly auth: string }>(),
    createdAt: time().notNull(),
  },
  (table) => [
    unique('push_devices_token').on(table.provider, table.token),
    index('push_devices_user').on(table.userId),
  ],
)

/**
 * Up to where a user's device was told of a chat, and when: `target` is a provider, or the id of a device. While a
 * push is on its way, its job is the `holder`, and no other job tells the same target.
 */
export const pushMarks = pgTable(
  'push_marks',
  {
    userId: uuid().notNull(),
    chatId: uuid().notNull(),
    target: text().notNull(),
    seq: seq().notNull(),
    sentAt: time().notNull(),
    holder: uuid(),
    heldUntil: time(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.chatId, table.target] })],
)
