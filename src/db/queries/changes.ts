import type { ChangesRead, ChangesReader, ChangesWanted, UserHead } from '../../gateway/ports.ts'
import { LIMITS } from '../../protocol/limits.ts'
import type { Message, Participant } from '../../protocol/model.ts'
import type { Database } from '../connect.ts'
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
} from '../rows.ts'
import { locateMessage } from './messages.ts'

/**
 * The cluster, its timeline (a promoted replica or a restored backup begins another) and the database in it (a
 * restored dump is another).
 */
const CLUSTER_LOG = `
select (select system_identifier from pg_control_system()) || '-' ||
  substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) || '-' ||
  (select oid from pg_database where datname = current_database()) as id`
const STORED_LOG = 'select id from history_log'
/** Insufficient privilege; not supported. */
const NOT_TOLD = ['42501', '0A000']

/**
 * The list comes as JSON, here and below, because the planner expects the same of every list then and keeps its plan.
 * Of arrays it knows the length, finds each plan for a short one cheaper than the general one, and plans anew each
 * time: for the changes 1.1 of 1.4 ms. And what is looked up for one entry is kept apart by `offset 0`, or the general
 * plan, made for a hundred entries, would scan tables for one.
 */
const HEADS = `
select wanted.id as "userId", mine.chat_id as "chatId", mine.seq
from json_array_elements_text($1) as wanted(id) cross join lateral (
  select p.chat_id, c.seq from chat_participants p join chats c on c.id = p.chat_id
  where p.user_id = wanted.id::uuid and p.left_seq is null and c.deleted_at is null
  offset 0
) mine`

/**
 * All that changed in each wanted chat, for its reader, in one snapshot: nothing in it is newer than `head`. What
 * readers of one chat may see alike is read once, for the one among them who is furthest behind, and stands in the row
 * of the first; the others get theirs from it by `changed_seq`. Of more than may be sent it is the latest, and one row
 * more than that: who has that many after his own seq has too many, and nobody else lacks one. A message that was
 * never changed is found by its seq, another by the partial index over what was changed.
 */
const CHANGES = `
select r.place, r.source, r.head, r.former, r.me, r.chat, content.participants, content.messages
from (
  select w.place, mine.*, min(w.place) over alike as source, min(w.since) over alike as since
  from rows from (json_to_recordset($1) as (user_id uuid, chat_id uuid, since bigint))
    with ordinality as w(user_id, chat_id, since, place)
  cross join lateral (
    select c.id as chat_id, c.seq as head,
      case when own.left_seq is not null then ${participantJson('own', 'self')} end as former,
      ${membershipJson('me', 'c')} as me, case when c.changed_seq > w.since then ${chatJson('c')} end as chat,
      case when me.user_id is null then null when c.history = 'all' then 0 else me.joined_seq end as floor
    from chats c
    join chat_participants own on own.chat_id = c.id and own.user_id = w.user_id
    join users self on self.id = own.user_id
    left join chat_participants me on me.chat_id = c.id and me.user_id = w.user_id and me.left_seq is null and w.since <= c.seq
    where c.id = w.chat_id and c.deleted_at is null
    offset 0
  ) mine
  window alike as (partition by mine.chat_id, mine.floor)
) r left join lateral (
  select (
      select coalesce(json_agg(json_build_array(p.changed_seq, ${participantJson('p', 'u')}) order by p.changed_seq, p.user_id), '[]')
      from (
        select * from chat_participants where chat_id = r.chat_id and changed_seq > r.since
        order by changed_seq desc limit $2
      ) p join users u on u.id = p.user_id
    ) as participants, (
      select coalesce(json_agg(${messageJson('m')} order by m.seq), '[]')
      from (
        select distinct on (seq) * from (
          (select * from messages where chat_id = r.chat_id and seq > r.since and seq >= r.floor
           order by seq desc limit $2)
          union all
          (select * from messages where chat_id = r.chat_id and changed_seq > r.since and changed_seq > seq
             and seq >= r.floor order by changed_seq desc limit $2)
        ) changed order by seq
      ) m
    ) as messages
  where r.place = r.source and r.floor is not null
  offset 0
) content on true`

interface ChangesRow {
  /** Of the wanted chat among all, from 1. */
  readonly place: number
  /** The place whose row has what changed. */
  readonly source: number
  readonly head: number
  /** The reader who was removed. */
  readonly former: (ParticipantRow & { readonly left_seq: number }) | null
  readonly me: MembershipRow | null
  readonly chat: ChatRow | null
  readonly participants: readonly (readonly [changedSeq: number, row: ParticipantRow])[] | null
  readonly messages: readonly MessageRow[] | null
}

/** Content is what changed in a chat since the seq of its readers who is furthest behind. */
interface Content {
  readonly participants: readonly (readonly [changedSeq: number, participant: Participant])[]
  readonly messages: readonly Message[]
}

/** ChangesAsked is what one reader wants to know. */
export interface ChangesAsked {
  readonly userId: string
  readonly wanted: readonly ChangesWanted[]
}

/** createChangesReader reads what gateways must know, from the primary, each question by itself. */
export function createChangesReader(db: Database): ChangesReader {
  return {
    logId: () => readLogId(db),
    listHeads: (userIds) => listHeads(db, userIds),
    readChanges: async (userId, wanted) => (await readChanges(db, [{ userId, wanted }])).flat(),
    locate: (userId, messageId) => locateMessage(db, { userId, messageId }),
  }
}

export function listHeads(db: Database, userIds: readonly string[]): Promise<UserHead[]> {
  return db.ask<UserHead>({ name: 'list-heads', text: HEADS, values: [JSON.stringify(userIds)] })
}

/** readChanges answers many readers in one statement: one answer for each wanted chat, in their order. */
export async function readChanges(db: Database, asked: readonly ChangesAsked[]): Promise<ChangesRead[][]> {
  const all = asked.flatMap(({ userId, wanted }) =>
    wanted.map(({ chatId, since }) => ({ user_id: userId, chat_id: chatId, since })),
  )
  const values = [JSON.stringify(all), LIMITS.changesMost + 1]
  const rows = await db.ask<ChangesRow>({ name: 'read-changes', text: CHANGES, values })
  const found = new Map(rows.map((row) => [row.place, row]))
  const contents = new Map(rows.map((row) => [row.place, toContent(row)]))
  let place = 0
  return asked.map(({ wanted }) =>
    wanted.map((it) => {
      place += 1
      const row = found.get(place)
      return row ? toChanges(it, row, contents.get(row.source)) : { status: 'gone', chatId: it.chatId }
    }),
  )
}

/** readLogId names the history. Another process may have become the primary since, so it is asked for each time. */
export async function readLogId(db: Database): Promise<string> {
  const read = async (text: string) => {
    const [log] = await db.ask<{ id: string }>({
      name: text === STORED_LOG ? 'stored-log' : 'cluster-log',
      text,
      values: [],
    })
    if (!log) throw new Error('The database does not name its history')
    return log.id
  }
  if (db.isEmbedded) return read(STORED_LOG)
  return read(CLUSTER_LOG).catch((error) => {
    if (NOT_TOLD.includes(error.code)) return read(STORED_LOG)
    throw error
  })
}

function toContent({ participants, messages }: ChangesRow): Content {
  return {
    participants: participants?.map(([changedSeq, row]) => [changedSeq, toParticipant(row)]) ?? [],
    messages: messages?.map(toMessage) ?? [],
  }
}

function toChanges({ chatId, since }: ChangesWanted, row: ChangesRow, content?: Content): ChangesRead {
  if (row.former) {
    const nothing = { chatId, from: since, chat: null, me: null, messages: [] }
    const { left_seq: to } = row.former
    return { status: 'left', changes: { ...nothing, to, participants: [toParticipant(row.former)] } }
  }
  const participants = content?.participants.filter(([changedSeq]) => changedSeq > since) ?? []
  const messages = content?.messages.filter(({ changedSeq }) => changedSeq > since) ?? []
  if (since > row.head || participants.length + messages.length > LIMITS.changesMost) {
    return { status: 'reset', chatId, head: row.head }
  }
  return {
    status: 'changes',
    changes: {
      ...{ chatId, from: since, to: row.head },
      chat: row.chat && toChatInfo(row.chat),
      me: row.me && toMembership(row.me),
      participants: participants.map(([, participant]) => participant),
      messages,
    },
  }
}
