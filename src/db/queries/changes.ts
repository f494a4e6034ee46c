import type { ChangesRead, ChangesReader, ChangesWanted, UserHead } from '../../gateway/ports.ts'
import { LIMITS } from '../../protocol/limits.ts'
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
 * All that changed in each wanted chat, for its reader, in one snapshot: nothing in it is newer than `head`. One more
 * row than may be sent tells that there are too many. A message that was never changed is found by its seq, another
 * by the partial index over what was changed.
 */
const CHANGES = `
select w.place, mine.*
from rows from (json_to_recordset($1) as (user_id uuid, chat_id uuid, since bigint))
  with ordinality as w(user_id, chat_id, since, place)
cross join lateral (
  select c.seq as head, own.left_seq, ${participantJson('own', 'self')} as own,
    ${membershipJson('me', 'c')} as me, case when c.changed_seq > w.since then ${chatJson('c')} end as chat, (
      select coalesce(json_agg(${participantJson('p', 'u')} order by p.changed_seq), '[]')
      from (
        select * from chat_participants where chat_id = me.chat_id and changed_seq > w.since limit $2
      ) p join users u on u.id = p.user_id
    ) as participants, (
      select coalesce(json_agg(${messageJson('m')} order by m.seq), '[]')
      from (
        (select * from messages where chat_id = me.chat_id and seq > w.since and seq >= floor.seq limit $2)
        union all
        (select * from messages where chat_id = me.chat_id and changed_seq > w.since and changed_seq > seq
           and seq <= w.since and seq >= floor.seq limit $2)
      ) m
    ) as messages
  from chats c
  join chat_participants own on own.chat_id = c.id and own.user_id = w.user_id
  join users self on self.id = own.user_id
  left join chat_participants me on me.chat_id = c.id and me.user_id = w.user_id and me.left_seq is null and w.since <= c.seq
  cross join lateral (select case c.history when 'all' then 0 else own.joined_seq end as seq) floor
  where c.id = w.chat_id and c.deleted_at is null
  offset 0
) mine`

interface ChangesRow {
  /** Of the wanted chat among all, from 1. */
  readonly place: number
  readonly head: number
  readonly left_seq: number | null
  readonly own: ParticipantRow
  readonly me: MembershipRow | null
  readonly chat: ChatRow | null
  readonly participants: readonly ParticipantRow[]
  readonly messages: readonly MessageRow[]
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
  let place = 0
  return asked.map(({ wanted }) =>
    wanted.map((it) => {
      place += 1
      return toChanges(it, found.get(place))
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

function toChanges({ chatId, since }: ChangesWanted, row: ChangesRow | undefined): ChangesRead {
  if (!row) return { status: 'gone', chatId }
  const nothing = { chatId, from: since, chat: null, me: null, participants: [], messages: [] }
  if (row.left_seq !== null) {
    return {
      status: 'left',
      changes: { ...nothing, to: row.left_seq, participants: [toParticipant(row.own)] },
    }
  }
  if (since > row.head || row.participants.length + row.messages.length > LIMITS.changesMost) {
    return { status: 'reset', chatId, head: row.head }
  }
  return {
    status: 'changes',
    changes: {
      ...{ chatId, from: since, to: row.head },
      chat: row.chat && toChatInfo(row.chat),
      me: row.me && toMembership(row.me),
      participants: row.participants.map(toParticipant),
      messages: row.messages.map(toMessage),
    },
  }
}
