import { z } from 'zod'
import { Seq, Time } from '../../protocol/ids.ts'
import type { Chat } from '../../protocol/model.ts'
import type { ListedMessage } from '../../protocol/rest.ts'
import type { Database } from '../connect.ts'
import { fromCursor, toCursor } from '../cursor.ts'
import { type MessageRow, messageJson, toMessage, toTime } from '../rows.ts'
import { findChat, type Page } from './chats.ts'

/** Neighbours on each side of a deep-linked message. */
const NEIGHBOURS = 10
/** Past every seq. */
const END = Number.MAX_SAFE_INTEGER

/**
 * Messages of a chat on both sides of a place, as one statement: up to $4 with seq < $3, and up to $6 with seq > $5.
 * No row when the reader takes no part in the chat now.
 */
const WINDOW = `
select c.seq as head, (
  select coalesce(json_agg(json_build_object('message', ${messageJson('m')}, 'username', u.username) order by m.seq), '[]')
  from (
    (select * from messages where chat_id = c.id and seq < $3 and seq >= floor.seq order by seq desc limit $4)
    union all
    (select * from messages where chat_id = c.id and seq > $5 and seq >= floor.seq order by seq limit $6)
  ) m left join users u on u.id = m.sender_id
) as messages
from chats c
join chat_participants me on me.chat_id = c.id and me.user_id = $1 and me.left_seq is null
cross join lateral (select case c.history when 'all' then 0 else me.joined_seq end as seq) floor
where c.id = $2 and c.deleted_at is null`

const HEAD = `
select c.seq as head from chats c
join chat_participants me on me.chat_id = c.id and me.user_id = $1 and me.left_seq is null
where c.id = $2 and c.deleted_at is null`

/** A message that the reader may see. */
const PLACE = `
select m.chat_id as "chatId", m.seq from messages m
join chats c on c.id = m.chat_id and c.deleted_at is null
join chat_participants me on me.chat_id = c.id and me.user_id = $1 and me.left_seq is null
where m.id = $2 and (c.history = 'all' or m.seq >= me.joined_seq)`

const AT_TIME = `select coalesce(min(seq), $3) as seq from messages where chat_id = $1 and created_at >= $2`

const RECEIPTS = `
select m.id as message_id, p.user_id, p.read_seq >= m.seq as is_read, p.delivered_seq >= m.seq as is_delivered,
  to_json(coalesce(mark.at, p.read_at)) as read_at
from messages m
join chat_participants p on p.chat_id = m.chat_id and p.left_seq is null and p.joined_seq <= m.seq
  and p.user_id is distinct from m.sender_id
left join lateral (
  select at from read_marks r where r.chat_id = m.chat_id and r.user_id = p.user_id and r.seq >= m.seq
  order by r.seq limit 1
) mark on true
where m.id = any($1::uuid[]) order by m.seq, p.user_id`

export interface Reading {
  readonly userId: string
  readonly messageId: string
}

export interface MessagePlace {
  readonly chatId: string
  readonly seq: number
}

/** locateMessage finds where a message stands that the user may see. */
export async function locateMessage(
  db: Database,
  { userId, messageId }: Reading,
): Promise<MessagePlace | undefined> {
  const { rows } = await db.pool.query<MessagePlace>(PLACE, [userId, messageId])
  return rows[0]
}

export interface MessagesWanted {
  readonly userId: string
  readonly chatId: string
  readonly limit: number
  readonly cursor?: string | undefined
  readonly before?: number | undefined
  readonly after?: number | undefined
  readonly around?: number | undefined
}

/** Where a page ended, and so on which side of it the next one lies. */
const MessageCursor = z.union([z.object({ before: Seq }), z.object({ after: Seq })])

/**
 * listMessages gives a page of a chat's messages, the newest first: the latest, those right before or right after a
 * seq, or those around one. The cursor goes on in the direction of the page; around a seq, that is back in time. An
 * ISO time as cursor means before that time. undefined when the user takes no part in the chat.
 */
export async function listMessages(
  db: Database,
  wanted: MessagesWanted,
): Promise<Page<ListedMessage> | undefined> {
  const { limit, around } = wanted
  if (around !== undefined) {
    const newer = limit >> 1
    const found = await readWindow(db, wanted, {
      below: around + 1,
      older: limit - newer + 1,
      above: around,
      newer,
    })
    return found && toPage(found, limit - newer + found.filter(({ seq }) => seq > around).length, 'before')
  }
  const from = wanted.cursor === undefined ? wanted : await placeOf(db, wanted.chatId, wanted.cursor)
  if ('after' in from && from.after !== undefined) {
    const found = await readWindow(db, wanted, { below: 0, older: 0, above: from.after, newer: limit + 1 })
    return found && toPage(found, limit, 'after')
  }
  const below = ('before' in from ? from.before : undefined) ?? END
  const found = await readBefore(db, wanted, { below, older: limit + 1 })
  return found && toPage(found, limit, 'before')
}

/** findMessageInContext finds a message that the user may see, with its chat and its neighbours, oldest first. */
export async function findMessageInContext(
  db: Database,
  reading: Reading,
): Promise<
  { message: ListedMessage; chat: Chat; before: ListedMessage[]; after: ListedMessage[] } | undefined
> {
  const place = await locateMessage(db, reading)
  if (!place) return undefined
  const inChat = { userId: reading.userId, chatId: place.chatId }
  const [chat, found] = await Promise.all([
    findChat(db, inChat),
    readWindow(db, inChat, {
      below: place.seq + 1,
      older: NEIGHBOURS + 1,
      above: place.seq,
      newer: NEIGHBOURS,
    }),
  ])
  const message = found?.find(({ seq }) => seq === place.seq)
  if (!chat || !found || !message) return undefined
  return {
    message,
    chat,
    before: found.filter(({ seq }) => seq < place.seq),
    after: found.filter(({ seq }) => seq > place.seq),
  }
}

interface ReceiptRow {
  readonly message_id: string
  readonly user_id: string
  readonly is_read: boolean
  readonly is_delivered: boolean
  readonly read_at: string | null
}

/**
 * findReceipts tells whom of the present participants a message has reached, and who has read it: since exactly when
 * in direct chats and sessions, in groups since when the reader's watermark last moved. The sender is left out, and
 * so is who joined later. undefined when the user may not see the message.
 */
export async function findReceipts(db: Database, reading: Reading) {
  if (!(await locateMessage(db, reading))) return undefined
  const { rows } = await db.pool.query<ReceiptRow>(RECEIPTS, [[reading.messageId]])
  return {
    messageId: reading.messageId,
    readBy: rows.filter(({ is_read }) => is_read).map(toReceipt),
    deliveredTo: rows.filter((row) => row.is_delivered && !row.is_read).map(({ user_id }) => user_id),
  }
}

/** listReceipts tells who has read which of these messages, as `findReceipts` does; the reader must see them. */
export async function listReceipts(db: Database, messageIds: readonly string[]) {
  const { rows } = await db.pool.query<ReceiptRow>(RECEIPTS, [messageIds])
  return rows
    .filter(({ is_read }) => is_read)
    .map((row) => ({ messageId: row.message_id, ...toReceipt(row) }))
}

function toReceipt({ user_id: userId, read_at }: ReceiptRow) {
  return { userId, readAt: toTime(read_at) }
}

interface Window {
  readonly below: number
  readonly older: number
  readonly above: number
  readonly newer: number
}

interface WindowRow {
  readonly head: number
  readonly messages: readonly { readonly message: MessageRow; readonly username: string | null }[]
}

interface Reader {
  readonly userId: string
  readonly chatId: string
}

/** Oldest first. */
async function readWindow(
  db: Database,
  { userId, chatId }: Reader,
  { below, older, above, newer }: Window,
): Promise<ListedMessage[] | undefined> {
  const values = [...[userId, chatId], ...[below, older, above, newer]]
  const { rows } = await db.pool.query<WindowRow>(WINDOW, values)
  return rows[0] && toListed(rows[0])
}

/**
 * What lies before a place, as the primary has it: the replica's answer counts only if its copy of the chat has every
 * change that the primary had when it was asked, edits, deletions and memberships included. The newest page and the
 * reader's membership are the primary's in any case.
 */
async function readBefore(
  db: Database,
  reader: Reader,
  { below, older }: Pick<Window, 'below' | 'older'>,
): Promise<ListedMessage[] | undefined> {
  const window = { below, older, above: END, newer: 0 }
  if (db.replica?.state !== 'ok' || below === END) return readWindow(db, reader, window)
  const { userId, chatId } = reader
  const [chat] = await db.ask<{ head: number }>({ name: 'read-head', text: HEAD, values: [userId, chatId] })
  if (!chat) return undefined
  if (below > chat.head) return readWindow(db, reader, window)
  const values = [...[userId, chatId], ...[below, older, END, 0]]
  const rows = await db.replica.ask<WindowRow>({ name: 'read-before', text: WINDOW, values })
  const found = rows?.[0]
  return found && found.head >= chat.head ? toListed(found) : readWindow(db, reader, window)
}

function toListed({ messages }: WindowRow): ListedMessage[] {
  return messages.map(({ message, username }) => ({ ...toMessage(message), senderUsername: username }))
}

/** Of one more message than was asked for, the page; the one too many tells that there are more. */
function toPage(
  found: readonly ListedMessage[],
  limit: number,
  next: 'before' | 'after',
): Page<ListedMessage> {
  const hasMore = found.length > limit
  const shown = next === 'before' ? found.slice(-limit) : found.slice(0, limit)
  const end = next === 'before' ? shown[0] : shown.at(-1)
  return {
    data: shown.toReversed(),
    nextCursor: hasMore && end ? toCursor({ [next]: end.seq }) : null,
    hasMore,
  }
}

async function placeOf(db: Database, chatId: string, cursor: string): Promise<z.infer<typeof MessageCursor>> {
  const time = Time.safeParse(cursor)
  if (!time.success) return fromCursor(cursor, MessageCursor)
  const { rows } = await db.pool.query<{ seq: number }>(AT_TIME, [chatId, time.data, END])
  return { before: rows[0]?.seq ?? END }
}
