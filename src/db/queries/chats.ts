import { z } from 'zod'
import { Time, Uuid } from '../../protocol/ids.ts'
import type { Chat } from '../../protocol/model.ts'
import type { Database } from '../connect.ts'
import { fromCursor, toCursor } from '../cursor.ts'
import {
  type ChatRow,
  chatJson,
  type MembershipRow,
  type MessageRow,
  membershipJson,
  messageJson,
  type ParticipantRow,
  participantJson,
  toChatInfo,
  toMembership,
  toMessage,
  toParticipant,
  toTime,
} from '../rows.ts'

/** Later than any time that a chat can have. */
const END: ChatPlace = { at: '9999-12-31T00:00:00.000Z', id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' }

/** Where a chat stands in the list: activity can be the same for two, so the id decides. */
const ChatPlace = z.object({ at: Time, id: Uuid })
type ChatPlace = z.infer<typeof ChatPlace>

/** What of a chat `c` a reader `me` sees; a reader who takes no part (all of `me` null) sees a preview. */
function chatColumns(participants: 'all' | 'of direct chats'): string {
  const isListed = participants === 'all' ? 'true' : `c.kind = 'direct'`
  return `${chatJson('c')} as chat, c.seq, c.last_message_at, ${membershipJson('me', 'c')} as me,
    (select count(*) from chat_participants p where p.chat_id = c.id and p.left_seq is null) as participant_count,
    case when me.user_id is not null and ${isListed} then (
      select json_agg(${participantJson('p', 'u')} order by p.joined_seq, p.user_id)
      from chat_participants p join users u on u.id = p.user_id where p.chat_id = c.id and p.left_seq is null
    ) end as participants,
    case when me.user_id is not null then (
      select ${messageJson('m')} from messages m where m.chat_id = c.id and m.seq = c.last_message_seq
        and (c.history = 'all' or m.seq >= me.joined_seq)
    ) end as last_message`
}

const LIST = `
with page as materialized (
  select c.id, coalesce(c.last_message_at, c.created_at) as active_at
  from chat_participants me join chats c on c.id = me.chat_id
  where me.user_id = $1 and me.left_seq is null and c.deleted_at is null
    and (coalesce(c.last_message_at, c.created_at), c.id) < ($2::timestamptz, $3::uuid)
  order by active_at desc, c.id desc limit $4
)
select ${chatColumns('of direct chats')}, to_json(page.active_at) as active_at
from page join chats c on c.id = page.id join chat_participants me on me.chat_id = c.id and me.user_id = $1
order by page.active_at desc, c.id desc`

const FIND = `
select ${chatColumns('all')} from chats c
join chat_participants me on me.chat_id = c.id and me.user_id = $1 and me.left_seq is null
where c.id = $2 and c.deleted_at is null`

const FIND_BY_SLUG = `
select ${chatColumns('all')} from chats c
left join chat_participants me on me.chat_id = c.id and me.user_id = $1 and me.left_seq is null
where c.slug = $2 and c.deleted_at is null and (me.user_id is not null or (c.kind = 'group' and c.is_open))`

interface FoundRow {
  readonly chat: ChatRow
  readonly seq: number
  readonly last_message_at: Date | null
  readonly last_message: MessageRow | null
  readonly participant_count: number
  readonly participants: readonly ParticipantRow[] | null
  readonly me: MembershipRow | null
}

export interface ChatsWanted {
  readonly userId: string
  readonly limit: number
  readonly cursor?: string | undefined
}

export interface Page<T> {
  readonly data: T[]
  readonly nextCursor: string | null
  readonly hasMore: boolean
}

/**
 * listChats pages through the chats that the user takes part in, the last active first, each with its last message
 * and the exact number of unread ones; one query a page. A chat that becomes active between two pages is missed by
 * the second: clients hear of it by its event.
 */
export async function listChats(db: Database, { userId, limit, cursor }: ChatsWanted): Promise<Page<Chat>> {
  const { at, id } = cursor === undefined ? END : fromCursor(cursor, ChatPlace)
  const { rows } = await db.pool.query<FoundRow & { active_at: string }>(LIST, [userId, at, id, limit + 1])
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const hasMore = rows.length > limit
  return {
    data: shown.map(toChat),
    nextCursor: hasMore && last ? toCursor({ at: toTime(last.active_at), id: last.chat.id }) : null,
    hasMore,
  }
}

/** findChat finds a chat that the user takes part in, with all its participants. */
export async function findChat(
  db: Database,
  { userId, chatId }: { readonly userId: string; readonly chatId: string },
): Promise<Chat | undefined> {
  const { rows } = await db.pool.query<FoundRow>(FIND, [userId, chatId])
  return rows[0] && toChat(rows[0])
}

/** findChatBySlug finds a chat that the user takes part in, or the preview of an open group. */
export async function findChatBySlug(
  db: Database,
  { userId, slug }: { readonly userId: string; readonly slug: string },
): Promise<Chat | undefined> {
  const { rows } = await db.pool.query<FoundRow>(FIND_BY_SLUG, [userId, slug])
  return rows[0] && toChat(rows[0])
}

function toChat(row: FoundRow): Chat {
  return {
    ...toChatInfo(row.chat),
    seq: row.seq,
    lastMessage: row.last_message && toMessage(row.last_message),
    lastMessageAt: row.last_message_at?.toISOString() ?? null,
    participantCount: row.participant_count,
    participants: row.participants?.map(toParticipant) ?? null,
    me: row.me && toMembership(row.me),
  }
}
