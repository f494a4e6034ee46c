import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Attachment, ChatKind } from '../../protocol/model.ts'
import { attachments } from '../attachment-schema.ts'
import type { Database } from '../connect.ts'
import { type AttachmentRow, attachmentJson, toAttachment } from '../rows.ts'

type Row = typeof attachments.$inferInsert
/** What is known of a file when its row is made. */
export type NewUpload = Omit<Row, 'status' | 'messageId' | 'place'>

/** StoredFile is an attachment with where its files are. */
export interface StoredFile {
  readonly attachment: Attachment
  readonly status: Row['status']
  readonly chatId: string | null
  readonly uploaderId: string
  readonly keys: {
    readonly original: string
    readonly medium: string | null
    readonly thumbnail: string | null
  }
}

interface StoredRow extends Omit<StoredFile, 'attachment'> {
  readonly attachment: AttachmentRow
}

const STORED = `${attachmentJson('a')} as attachment, a.status, a.chat_id as "chatId", a.uploader_id as "uploaderId",
  json_build_object('original', a.storage_key, 'medium', a.medium_key, 'thumbnail', a.thumbnail_key) as keys`

/** Who takes part in the chat now, where it is not deleted. */
const PLACE = `
select c.kind from chats c
join chat_participants me on me.chat_id = c.id and me.user_id = $1 and me.left_seq is null
where c.id = $2 and c.deleted_at is null`

/** A file whose message the reader may see, and whoever sent it also before it has a message. */
const VISIBLE = `
select ${STORED} from attachments a
left join messages m on m.id = a.message_id
left join chats c on c.id = a.chat_id and c.deleted_at is null
left join chat_participants me on me.chat_id = c.id and me.user_id = $1 and me.left_seq is null
where a.id = $2 and case a.status
  when 'claimed' then me.user_id is not null and (c.history = 'all' or m.seq >= me.joined_seq)
  when 'deleted' then false
  else a.uploader_id = $1 and (a.chat_id is null or me.user_id is not null)
end`

const AVATAR = `
select ${STORED} from attachments a where a.id = $1 and a.chat_id is null and a.status = 'claimed'`

const READY = `
update attachments a set status = 'ready' where id = $1 and status = 'pending'
returning ${attachmentJson('a')} as attachment`

/** The oldest first. Whoever else changes a row keeps it for now. */
const GARBAGE = `
update attachments a set status = 'deleted' from (
  select id from attachments where status = 'deleted' or (status in ('pending', 'ready') and created_at < $1)
  order by created_at limit $2 for no key update skip locked
) old where a.id = old.id
returning ${STORED}`

/** Uploads that are still on their way go by their age: nobody knows when the last of their files is written. */
const ABANDONED = `
update attachments set status = 'deleted', message_id = null where id in (
  select a.id from attachments a join chats c on c.id = a.chat_id
  where a.chat_id = $1 and a.status in ('ready', 'claimed') and c.deleted_at is not null
  limit $2 for no key update of a skip locked
) returning id`

const ABANDONED_AVATAR = `select avatar_url as "avatarUrl" from chats where id = $1 and deleted_at is not null`

/** findUploadPlace tells what kind of chat the user may send files to; undefined when it is none of the user's. */
export async function findUploadPlace(
  db: Database,
  { userId, chatId }: { readonly userId: string; readonly chatId: string },
): Promise<ChatKind | undefined> {
  const { rows } = await db.pool.query<{ kind: ChatKind }>(PLACE, [userId, chatId])
  return rows[0]?.kind
}

export async function insertUpload(db: Database, upload: NewUpload): Promise<void> {
  await db.orm.insert(attachments).values({ ...upload, status: 'pending' })
}

/** describeUpload says what a file turned out to be that a client put into the store itself. */
export async function describeUpload(db: Database, id: string, found: Partial<NewUpload>): Promise<void> {
  await db.orm.update(attachments).set(found).where(isPending(id))
}

/** setReady makes an upload one that a message may claim; undefined when it was given up meanwhile. */
export async function setReady(db: Database, id: string): Promise<Attachment | undefined> {
  const [row] = await db.ask<{ attachment: AttachmentRow }>({ name: 'set-ready', text: READY, values: [id] })
  return row && toAttachment(row.attachment)
}

/** findVisibleFile finds a file that the user may see. */
export async function findVisibleFile(
  db: Database,
  { userId, id }: { readonly userId: string; readonly id: string },
): Promise<StoredFile | undefined> {
  const [row] = await db.ask<StoredRow>({ name: 'find-file', text: VISIBLE, values: [userId, id] })
  return row && toStored(row)
}

/** findAvatar finds a picture of a user or a chat, which everybody may see who knows of it. */
export async function findAvatar(db: Database, id: string): Promise<StoredFile | undefined> {
  const [row] = await db.ask<StoredRow>({ name: 'find-avatar', text: AVATAR, values: [id] })
  return row && toStored(row)
}

/** claimAvatar makes an upload of the user's own that belongs to no chat a picture; false when it is none. */
export async function claimAvatar(
  db: Database,
  { userId, id }: { readonly userId: string; readonly id: string },
): Promise<boolean> {
  const rows = await db.orm
    .update(attachments)
    .set({ status: 'claimed' })
    .where(
      and(
        eq(attachments.id, id),
        eq(attachments.uploaderId, userId),
        eq(attachments.status, 'ready'),
        sql`${attachments.chatId} is null`,
      ),
    )
    .returning({ id: attachments.id })
  return rows.length > 0
}

/** releaseAvatar gives up what was a picture. */
export async function releaseAvatar(db: Database, id: string): Promise<void> {
  await db.orm
    .update(attachments)
    .set({ status: 'deleted' })
    .where(and(eq(attachments.id, id), eq(attachments.status, 'claimed'), sql`${attachments.chatId} is null`))
}

/** discardUploads gives up files that no message has, as they stand; answers which it gave up. */
export async function discardUploads(db: Database, ids: readonly string[]): Promise<readonly string[]> {
  if (ids.length === 0) return []
  const rows = await db.orm
    .update(attachments)
    .set({ status: 'deleted' })
    .where(and(inArray(attachments.id, [...ids]), inArray(attachments.status, ['pending', 'ready'])))
    .returning({ id: attachments.id })
  return rows.map(({ id }) => id)
}

/** abandonFiles gives up files of a chat that is deleted; answers how many. */
export async function abandonFiles(
  db: Database,
  { chatId, limit }: { readonly chatId: string; readonly limit: number },
): Promise<number> {
  const { rows } = await db.pool.query(ABANDONED, [chatId, limit])
  return rows.length
}

/** findAbandonedAvatar is the URL of the picture of a chat that is deleted, if it had one. */
export async function findAbandonedAvatar(db: Database, chatId: string): Promise<string | null | undefined> {
  const { rows } = await db.pool.query<{ avatarUrl: string | null }>(ABANDONED_AVATAR, [chatId])
  return rows[0]?.avatarUrl
}

/** takeGarbage marks what nobody needs any more and answers it; rows stay until `forgetFiles`. */
export async function takeGarbage(
  db: Database,
  { before, limit }: { readonly before: Date; readonly limit: number },
): Promise<StoredFile[]> {
  const { rows } = await db.pool.query<StoredRow>(GARBAGE, [before, limit])
  return rows.map(toStored)
}

/** forgetFiles removes the rows of files that the store has no more. */
export async function forgetFiles(db: Database, ids: readonly string[]): Promise<void> {
  await db.orm
    .delete(attachments)
    .where(and(inArray(attachments.id, [...ids]), eq(attachments.status, 'deleted')))
}

function isPending(id: string) {
  return and(eq(attachments.id, id), eq(attachments.status, 'pending'))
}

function toStored({ attachment, ...row }: StoredRow): StoredFile {
  return { ...row, attachment: toAttachment(attachment) }
}
