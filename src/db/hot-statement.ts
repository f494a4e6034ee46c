import type { ChatEvent, ChatEventOf } from '../protocol/events.ts'
import type { ReceiptMark } from '../protocol/model.ts'
import type { Turn } from '../rooms/ports.ts'
import type { NewJob } from '../workers/ports.ts'
import { type Plain, toArray, toTextArray } from './array-literal.ts'
import { ADD_JOBS, JOB_COLUMNS, jobArrays, jobColumns } from './jobs.ts'

/** Statement is what goes to the driver. With a name, each connection parses and plans it once. */
export interface Statement {
  readonly name?: string
  readonly text: string
  readonly values: unknown[]
}

/** A turn of the hot path: new messages and receipts, and nothing else. */
export interface HotTurn extends Turn {
  readonly events: readonly ChatEventOf<'message:new' | 'receipts'>[]
}

/** A job that a turn of the chat causes. */
export interface OutboxJob extends NewJob {
  readonly chatId: string
}

export function isHot(turn: Turn): turn is HotTurn {
  return turn.mutes.length === 0 && turn.events.every(isHotEvent)
}

/**
 * The commit of the turns of many rooms, in one round trip. Answers the chats whose turn was committed; every other
 * turn was stale and did nothing.
 *
 * - `turns` come ordered by chat. A turn that names a message id that is there already is left out as a whole.
 * - `fenced` is the compare-and-set. `skip locked`: whoever holds the row is about to change it, or is stuck; either
 *   way nobody waits here, so a locked chat cannot hold up the others of its batch, and no two batches deadlock.
 * - The lookups are lateral and bounded, and the updates go by ctid, so that the order of the joins is fixed and the
 *   plan, made once and for tables of any size, cannot scan a table. Each ctid is good: its row is locked (a chat) or
 *   is changed only under that lock (a participant).
 * - The updates of chats and participants change no indexed column (HOT, see the schema).
 * - Without receipts there is a statement of its own, for a message that comes alone: what Postgres sets up before it
 *   runs is most of its price then.
 */
const SENDS = `
with turns as materialized (
  select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[])
    as t(chat_id, prev_seq, next_seq, message_seq, message_at)
), sends as materialized (
  select * from unnest($6::uuid[], $7::uuid[], $8::bigint[], $9::uuid[], $10::text[], $11::text[], $12::text[],
                       $13::text[], $14::text[], $15::uuid[], $16::timestamptz[])
    as s(chat_id, id, seq, sender_id, content_type, content, formatting, metadata, mentions, reply_to_id, created_at)
), replayed as materialized (
  select s.chat_id from sends s cross join lateral (select from messages m where m.id = s.id limit 1) known
), fenced as materialized (
  select t.*, c.row from turns t cross join lateral (
    select ctid as row from chats where id = t.chat_id and seq = t.prev_seq and deleted_at is null
    for no key update skip locked
  ) c
  where t.chat_id not in (select chat_id from replayed)
), head as (
  update chats c set
    seq = f.next_seq,
    last_message_seq = coalesce(f.message_seq, c.last_message_seq),
    last_message_at = coalesce(f.message_at, c.last_message_at)
  from fenced f where c.ctid = f.row
  returning c.id, c.seq, c.kind
), sent as (
  insert into messages (id, chat_id, seq, changed_seq, sender_id, content_type, content, formatting, metadata,
                        mentions, reply_to_id, created_at)
  select s.id, s.chat_id, s.seq, s.seq, s.sender_id, s.content_type, s.content, s.formatting::json, s.metadata::json,
         s.mentions::uuid[], s.reply_to_id, s.created_at
  from sends s join head on head.id = s.chat_id
)`
const MARKS = `, marks as materialized (
  select r.chat_id, r.user_id, r.at, r.changed_seq, head.kind, p.row, p.read_seq as old_read_seq,
    greatest(p.read_seq, least(r.read_seq, head.seq)) as read_seq,
    greatest(p.delivered_seq, least(r.delivered_seq, head.seq)) as delivered_seq
  from unnest($17::uuid[], $18::uuid[], $19::bigint[], $20::bigint[], $21::timestamptz[], $22::bigint[])
    as r(chat_id, user_id, read_seq, delivered_seq, at, changed_seq)
  join head on head.id = r.chat_id
  cross join lateral (
    select ctid as row, read_seq, delivered_seq from chat_participants p
    where p.chat_id = r.chat_id and p.user_id = r.user_id and p.left_seq is null limit 1
  ) p
), marked as (
  update chat_participants p set
    read_seq = m.read_seq, delivered_seq = m.delivered_seq, changed_seq = m.changed_seq,
    read_at = case when m.read_seq > m.old_read_seq then m.at else p.read_at end
  from marks m where p.ctid = m.row
), noted as (
  insert into read_marks (chat_id, user_id, seq, at)
  select chat_id, user_id, read_seq, at from marks
  where kind in ('direct', 'session') and read_seq > old_read_seq
)`
/** The jobs of the turns that were committed, after so many values. */
function outboxAfter(values: number): string {
  return `, queued as (
  ${ADD_JOBS}
  from unnest(${jobArrays(values + 1)}, $${values + 5}::uuid[]) as j(${JOB_COLUMNS}, chat_id)
  join head on head.id = j.chat_id
)`
}
const ANSWER = `
select id from head`
const WITH_MARKS = `${SENDS}${MARKS}${ANSWER}`
const WITHOUT_MARKS = `${SENDS}${ANSWER}`
const WITH_MARKS_AND_JOBS = `${SENDS}${MARKS}${outboxAfter(22)}${ANSWER}`
const WITH_JOBS = `${SENDS}${outboxAfter(16)}${ANSWER}`

/**
 * hotStatement commits turns of the hot path together, with the jobs that they cause. At most one turn a chat. Where
 * there are no jobs it has no part for them, and costs what it did.
 */
export function hotStatement(turns: readonly HotTurn[], jobs: readonly OutboxJob[], name: string): Statement {
  const ordered = turns.length === 1 ? turns : [...turns].sort((a, b) => (a.chatId < b.chatId ? -1 : 1))
  const events = ordered.flatMap((turn) => turn.events)
  const hasMarks = events.some(({ type }) => type === 'receipts')
  const values = [...turnColumns(ordered), ...sendColumns(events), ...(hasMarks ? markColumns(events) : [])]
  if (jobs.length === 0) {
    return hasMarks
      ? { name: `${name}-marks`, text: WITH_MARKS, values }
      : { name, text: WITHOUT_MARKS, values }
  }
  values.push(...jobColumns(jobs), toArray(jobs.map(({ chatId }) => chatId)))
  return hasMarks
    ? { name: `${name}-marks-jobs`, text: WITH_MARKS_AND_JOBS, values }
    : { name: `${name}-jobs`, text: WITH_JOBS, values }
}

function turnColumns(turns: readonly HotTurn[]): string[] {
  const last = turns.map(({ events }) => events.findLast((event) => event.type === 'message:new'))
  return [
    toArray(turns.map(({ chatId }) => chatId)),
    toArray(turns.map(({ prevSeq }) => prevSeq)),
    toArray(turns.map(({ prevSeq, events }) => prevSeq + events.length)),
    toArray(last.map((event) => event?.seq ?? null)),
    toArray(last.map((event) => event?.at ?? null)),
  ]
}

function sendColumns(events: HotTurn['events']): string[] {
  const sends = events.flatMap((event) => (event.type === 'message:new' ? [event.data.message] : []))
  const plain = (of: (message: (typeof sends)[number]) => Plain) => toArray(sends.map(of))
  const text = (of: (message: (typeof sends)[number]) => string | null) => toTextArray(sends.map(of))
  return [
    plain(({ chatId }) => chatId),
    plain(({ id }) => id),
    plain(({ seq }) => seq),
    plain(({ senderId }) => senderId),
    plain(({ contentType }) => contentType),
    text(({ content }) => content),
    text(({ formatting }) => toJson(formatting)),
    text(({ metadata }) => toJson(metadata)),
    text(({ mentions }) => (mentions.length === 0 ? null : toArray(mentions))),
    plain(({ replyToId }) => replyToId),
    plain(({ createdAt }) => createdAt),
  ]
}

function markColumns(events: HotTurn['events']): string[] {
  const marks: (ReceiptMark & { chatId: string; seq: number })[] = []
  for (const event of events) {
    if (event.type !== 'receipts') continue
    for (const mark of event.data.marks) marks.push({ ...mark, chatId: event.chatId, seq: event.seq })
  }
  return [
    toArray(marks.map(({ chatId }) => chatId)),
    toArray(marks.map(({ userId }) => userId)),
    toArray(marks.map(({ readSeq }) => readSeq)),
    toArray(marks.map(({ deliveredSeq }) => deliveredSeq)),
    toArray(marks.map(({ at }) => at)),
    toArray(marks.map(({ seq }) => seq)),
  ]
}

export function toJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value)
}

function isHotEvent({ type }: ChatEvent): boolean {
  return type === 'message:new' || type === 'receipts'
}
