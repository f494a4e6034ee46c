import { sql } from 'drizzle-orm'
import { index, integer, pgTable, smallint, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import type { Attachment } from '../protocol/model.ts'

/**
 * Files. A row is there before its file is, so that nothing in the store is unknown here: `pending` while the file is
 * on its way, `ready` once it was checked, `claimed` by a message (or, without a chat, as a picture of a user or a
 * chat), `deleted` until its file is gone. Only keys of the store are kept.
 */
export const attachments = pgTable(
  'attachments',
  {
    id: uuid().primaryKey(),
    chatId: uuid(),
    messageId: uuid(),
    place: smallint(),
    uploaderId: uuid().notNull(),
    status: text().$type<'pending' | 'ready' | 'claimed' | 'deleted'>().notNull(),
    kind: text().$type<Attachment['kind']>().notNull(),
    fileName: text().notNull(),
    contentType: text().notNull(),
    bytes: integer().notNull(),
    width: integer(),
    height: integer(),
    placeholder: text(),
    storageKey: text().notNull(),
    mediumKey: text(),
    thumbnailKey: text(),
    createdAt: timestamp({ withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [
    index('attachments_message').on(table.messageId, table.place).where(sql`${table.messageId} is not null`),
    index('attachments_chat').on(table.chatId).where(sql`${table.chatId} is not null`),
    index('attachments_waiting').on(table.createdAt).where(sql`${table.status} <> 'claimed'`),
  ],
)
