import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  index,
  json,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import type {
  ChatInfo,
  ChatKind,
  ContentType,
  Formatting,
  Metadata,
  Role,
  UserType,
} from '../protocol/model.ts'

/** A change's number. Far below 2^53, so a number carries it without loss. */
export const seq = () => bigint({ mode: 'number' })
export const time = () => timestamp({ withTimezone: true, precision: 3 })
const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })

/**
 * Accounts of every issuer. Local ones have `subject` = `id` and a password. `namedAt` is when the name was last asked
 * for where it is kept; null for users who choose their own.
 */
export const users = pgTable(
  'users',
  {
    id: uuid().primaryKey(),
    issuer: text().notNull(),
    subject: text().notNull(),
    type: text().$type<UserType>().notNull(),
    username: text().notNull(),
    displayName: text().notNull(),
    avatarUrl: text(),
    passwordHash: text(),
    namedAt: time(),
    lastSeen: time(),
    createdAt: time().notNull(),
    disabledAt: time(),
  },
  (table) => [
    unique('users_subject').on(table.issuer, table.subject),
    uniqueIndex('users_local_username')
      .on(sql`lower(${table.username})`)
      .where(sql`${table.issuer} = 'local'`),
    // Whom a waiting session is told to.
    index('users_staff').on(table.type).where(sql`${table.type} in ('agent', 'admin')`),
    index('users_names').using(
      'gin',
      table.username.op('gin_trgm_ops'),
      table.displayName.op('gin_trgm_ops'),
    ),
  ],
)

/**
 * How users stand with each other: one row a side, in the list of `userId`. A request makes both rows `pending` and
 * an acceptance both `accepted`; a block is a row of the one who blocks alone, with `requestedBy` = `userId`.
 */
export const contacts = pgTable(
  'contacts',
  {
    userId: uuid()
      .notNull()
      .references(() => users.id),
    contactId: uuid()
      .notNull()
      .references(() => users.id),
    status: text().$type<'pending' | 'accepted' | 'blocked'>().notNull(),
    requestedBy: uuid()
      .notNull()
      .references(() => users.id),
    createdAt: time().notNull(),
    acceptedAt: time(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.contactId] }),
    index('contacts_contact').on(table.contactId),
  ],
)

/**
 * Logins: a family of refresh tokens each, of which one is good. Any other token of the family was stolen, by whoever
 * shows it or by whoever showed it before.
 */
export const authSessions = pgTable(
  'auth_sessions',
  {
    id: uuid().primaryKey(),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    tokenHash: text().notNull(),
    device: text(),
    ipAddress: text(),
    createdAt: time().notNull(),
    lastUsedAt: time().notNull(),
    expiresAt: time().notNull(),
    endedAt: time(),
  },
  (table) => [index('auth_sessions_user').on(table.userId)],
)

/**
 * Chats. `seq` is the number of the last change of anything in the chat, and the fence of every commit; `changedSeq`
 * is that of the last change of this row's public fields. No index may hold `seq`, `lastMessageSeq` or
 * `lastMessageAt`: without one, the update that every commit makes here stays within its page (a HOT update, for
 * which the migrations leave room by a fillfactor) and touches no index.
 */
export const chats = pgTable(
  'chats',
  {
    id: uuid().primaryKey(),
    kind: text().$type<ChatKind>().notNull(),
    name: text(),
    slug: text(),
    avatarUrl: text(),
    ownerId: uuid(),
    subject: text(),
    status: text().$type<'waiting' | 'active' | 'closed'>(),
    assigneeId: uuid(),
    parentId: uuid(),
    externalId: text(),
    team: text(),
    metadata: json().$type<Metadata>(),
    queuedAt: time(),
    closedAt: time(),
    closeReason: text(),
    history: text().$type<ChatInfo['history']>().notNull(),
    isOpen: boolean().notNull(),
    seq: seq().notNull(),
    changedSeq: seq().notNull(),
    lastMessageSeq: seq(),
    lastMessageAt: time(),
    createdAt: time().notNull(),
    deletedAt: time(),
  },
  (table) => [
    uniqueIndex('chats_slug')
      .on(table.slug)
      .where(sql`${table.slug} is not null and ${table.deletedAt} is null`),
    index('chats_queue').on(table.queuedAt, table.id).where(sql`${table.status} = 'waiting'`),
    index('chats_sessions').on(table.createdAt, table.id).where(sql`${table.kind} = 'session'`),
    index('chats_assignee').on(table.assigneeId, table.createdAt).where(sql`${table.kind} = 'session'`),
    index('chats_customer').on(table.ownerId, table.createdAt).where(sql`${table.kind} = 'session'`),
    index('chats_external').on(table.externalId).where(sql`${table.externalId} is not null`),
  ],
)

/**
 * Who takes part in what, former participants included (`leftSeq`). Watermarks only rise. Its index holds nothing
 * that a receipt changes, so that receipts are HOT updates too.
 */
export const chatParticipants = pgTable(
  'chat_participants',
  {
    chatId: uuid()
      .notNull()
      .references(() => chats.id),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    role: text().$type<Role>().notNull(),
    joinedSeq: seq().notNull(),
    leftSeq: seq(),
    readSeq: seq().notNull(),
    deliveredSeq: seq().notNull(),
    readAt: time(),
    mutedUntil: time(),
    changedSeq: seq().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.chatId, table.userId] }),
    index('chat_participants_user').on(table.userId, table.chatId).where(sql`${table.leftSeq} is null`),
  ],
)

/**
 * Messages. No foreign keys: their checks would cost a fifth of the commit, and it inserts only into chats that the
 * same statement has just updated. `changedSeq` is indexed only where a message was changed after its creation;
 * before that, `seq` answers "changed since" as well. `formatting` and `metadata` are json, not jsonb, which keeps
 * what the client wrote as it was.
 */
export const messages = pgTable(
  'messages',
  {
    id: uuid().primaryKey(),
    chatId: uuid().notNull(),
    seq: seq().notNull(),
    changedSeq: seq().notNull(),
    senderId: uuid(),
    contentType: text().$type<ContentType>().notNull(),
    content: text().notNull(),
    formatting: json().$type<Formatting>(),
    metadata: json().$type<Metadata>(),
    mentions: uuid().array(),
    replyToId: uuid(),
    createdAt: time().notNull(),
    editedAt: time(),
    deletedAt: time(),
  },
  (table) => [
    uniqueIndex('messages_seq').on(table.chatId, table.seq),
    index('messages_changed')
      .on(table.chatId, table.changedSeq)
      .where(sql`${table.changedSeq} > ${table.seq}`),
  ],
)

/** What a message said before each edit: until the change `seq`. */
export const messageRevisions = pgTable(
  'message_revisions',
  {
    messageId: uuid()
      .notNull()
      .references(() => messages.id),
    seq: seq().notNull(),
    content: text().notNull(),
    formatting: json().$type<Formatting>(),
    at: time().notNull(),
  },
  (table) => [primaryKey({ columns: [table.messageId, table.seq] })],
)

/**
 * Reactions. `emojiSeq` is the change that brought the emoji to the message, and orders the emoji; `seq` is the
 * user's own change, and orders the users.
 */
export const messageReactions = pgTable(
  'message_reactions',
  {
    messageId: uuid()
      .notNull()
      .references(() => messages.id),
    userId: uuid()
      .notNull()
      .references(() => users.id),
    emoji: text().notNull(),
    emojiSeq: seq().notNull(),
    seq: seq().notNull(),
    createdAt: time().notNull(),
  },
  (table) => [primaryKey({ columns: [table.messageId, table.userId, table.emoji] })],
)

/** When each reader of a direct chat or a session got how far: the exact `readAt` of every message. */
export const readMarks = pgTable(
  'read_marks',
  {
    chatId: uuid().notNull(),
    userId: uuid().notNull(),
    seq: seq().notNull(),
    at: time().notNull(),
  },
  (table) => [primaryKey({ columns: [table.chatId, table.userId, table.seq] })],
)

/**
 * The text index, filled by the indexer a moment after the commit: a row for each message, without words where there
 * is nothing to find. `changedSeq` is the change of the message that the words are of.
 */
export const messageSearch = pgTable(
  'message_search',
  {
    messageId: uuid().primaryKey(),
    chatId: uuid().notNull(),
    seq: seq().notNull(),
    changedSeq: seq().notNull(),
    sentAt: time().notNull(),
    words: tsvector().notNull(),
  },
  (table) => [
    index('message_search_words').using('gin', table.chatId, table.words),
    index('message_search_sent').on(table.sentAt, table.messageId),
  ],
)

/**
 * How far each chat is in the text index, and in which text configuration. A chat whose `seq` is past its mark has
 * something to index; one in another configuration is indexed anew.
 */
export const searchMarks = pgTable('search_marks', {
  chatId: uuid().primaryKey(),
  seq: seq().notNull(),
  language: text().notNull(),
})

/** One row: the name of the history, for databases that do not tell which cluster they are. */
export const historyLog = pgTable('history_log', {
  only: smallint().primaryKey().default(1),
  id: uuid().notNull().defaultRandom(),
})
