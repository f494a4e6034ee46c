import type { KnownUser, RoomStore, Upload } from '../rooms/ports.ts'
import type { Committer } from './commit.ts'
import type { Database } from './connect.ts'
import { knowSessions } from './known-sessions.ts'
import {
  type AttachmentRow,
  attachmentJson,
  type ChatRow,
  chatJson,
  type MessageRow,
  messageJson,
  type ParticipantRow,
  participantJson,
  toAttachment,
  toChatInfo,
  toMessage,
  toParticipant,
  toUser,
  type UserRow,
  userJson,
} from './rows.ts'

interface LoadRow {
  readonly chat: ChatRow
  readonly seq: number
  readonly is_deleted: boolean
  readonly is_blocked: boolean
  readonly participants: readonly ParticipantRow[] | null
}

const LOAD = `
  select ${chatJson('c')} as chat, c.seq, c.deleted_at is not null as is_deleted,
    c.kind = 'direct' and exists (
      select from chat_participants a
      join chat_participants b on b.chat_id = a.chat_id
      join contacts k on k.user_id = a.user_id and k.contact_id = b.user_id and k.status = 'blocked'
      where a.chat_id = c.id
    ) as is_blocked,
    (
      select json_agg(${participantJson('p', 'u')} order by p.joined_seq, p.user_id)
      from chat_participants p join users u on u.id = p.user_id
      where p.chat_id = c.id and p.left_seq is null
    ) as participants
  from chats c where c.id = $1`

const READ_MESSAGES = `select ${messageJson('m')} as message from messages m where m.id = any($1::uuid[])`

const READ_USERS = `
  select ${userJson('u')} as "user", array(
    select contact_id from contacts where user_id = u.id and contact_id = any($1::uuid[]) and status = 'blocked'
  ) as blocked
  from users u where u.id = any($1::uuid[]) and u.disabled_at is null`

const READ_UPLOADS = `
  select a.chat_id as "chatId", a.uploader_id as "uploaderId", ${attachmentJson('a')} as attachment
  from attachments a where a.id = any($1::uuid[]) and a.status = 'ready' and a.chat_id is not null`

interface UploadRow extends Omit<Upload, 'attachment'> {
  readonly attachment: AttachmentRow
}

/** createRoomStore keeps chats in Postgres. It reads the primary. */
export function createRoomStore(db: Database, committer: Pick<Committer, 'commit'>): RoomStore {
  async function list<T extends object>(name: string, text: string, ids: readonly string[]): Promise<T[]> {
    return ids.length === 0 ? [] : db.ask<T>({ name, text, values: [ids] })
  }

  const store: RoomStore = {
    async load(chatId) {
      const [row] = await db.ask<LoadRow>({ name: 'load-room', text: LOAD, values: [chatId] })
      if (!row) return undefined
      const participants = (row.participants ?? []).map(toParticipant)
      return {
        chat: toChatInfo(row.chat),
        seq: row.seq,
        isDeleted: row.is_deleted,
        isBlocked: row.is_blocked,
        participants: new Map(participants.map((participant) => [participant.userId, participant])),
      }
    },

    async read({ messageIds, userIds, uploadIds, sessions }) {
      const [messages, users, uploads, known] = await Promise.all([
        list<{ message: MessageRow }>('read-messages', READ_MESSAGES, messageIds),
        list<{ user: UserRow; blocked: string[] }>('read-users', READ_USERS, userIds),
        list<UploadRow>('read-uploads', READ_UPLOADS, uploadIds),
        sessions && knowSessions(db, sessions, store.load),
      ])
      return {
        messages: new Map(messages.map(({ message }) => [message.id, toMessage(message)])),
        users: new Map(
          users.map(({ user, blocked }): [string, KnownUser] => [user.id, { user: toUser(user), blocked }]),
        ),
        uploads: new Map(
          uploads.map(({ attachment, ...of }): [string, Upload] => [
            attachment.id,
            { ...of, attachment: toAttachment(attachment) },
          ]),
        ),
        ...(known && { sessions: known }),
      }
    },

    commit: (turn) => committer.commit(turn),
  }
  return store
}
