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
 * - Receipts, uploads that messages claim, and jobs are parts that only those statements have which need them: what
 *   Postgres sets up before it runs is most of the price of a message that comes alone.
 */
const TURNS = `
with turns as materialized (
  select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::timestamptz[])
    as t(chat_id, prev_seq, next_seq, message_seq, message_at)
), sends as materialized (
  select * from unnest($6::uuid[], $7::uuid[], $8::bigint[], $9::uuid[], $10::text[], $11::text[], $12::text[],
                       $13::text[], $14::text[], $15::uuid[], $16::timestamptz[])
    as s(chat_id, id, seq, sender_id, content_type, content, formatting, metadata, mentions, reply_to_id, created_at)
), replayed as materialized (
  select s.chat_id from sends s cross join lateral (select from messages m where m.id = s.id limit 1) known
)`
const FENCE = `, fenced as materialized (
  select t.*, c.row from turns t cross join lateral (
    select ctid as row from chats where id = t.chat_id and seq = t.prev_seq and deleted_at is null
    for no key update skip locked
  ) c
  where t.chat_id not in (select chat_id from replayed)`
const SENDS = `
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
/**
 * The uploads that messages take along, given as the value of that number. One that is gone, or has a message already,
 * leaves its turn out. Whoever else changes an upload holds its row, and is not waited for.
 */
function claimsAt(value: number): string {
  return `, claims as materialized (
  select c.chat_id, c.message_id, c.place, free.row
  from json_to_recordset($${value}) as c(id uuid, chat_id uuid, message_id uuid, place int) left join lateral (
    select ctid as row from attachments a where a.id = c.id and a.chat_id = c.chat_id and a.status = 'ready'
    for no key update skip locked
  ) free on true
)`
}
const WHOLE = `
    and t.chat_id not in (select chat_id from claims where row is null)`
const CLAIMED = `, claimed as (
  update attachments a set status = 'claimed', message_id = c.message_id, place = c.place
  from claims c join head on head.id = c.chat_id where a.ctid = c.row
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

/** Which parts a statement has beside turns and messages. */
interface Parts {
  readonly marks: boolean
  readonly claims: boolean
  readonly jobs: boolean
}

/** Made once for each choice of parts: a prepared statement is its text. */
const texts = new Map<string, string>()

/**
 * hotStatement commits turns of the hot path together, with the uploads that they claim and the jobs that they cause.
 * At most one turn a chat. A statement has no part for what there is none of, and costs nothing for it.
 */
export function hotStatement(turns: readonly HotTurn[], jobs: readonly OutboxJob[], name: string): Statement {
  const ordered = turns.length === 1 ? turns : [...turns].sort((a, b) => (a.chatId < b.chatId ? -1 : 1))
  const events = ordered.flatMap((turn) => turn.events)
  const marks = events.some(({ type }) => type === 'receipts')
  const claims = claimsOf(events)
  const values = [...turnColumns(ordered), ...sendColumns(events), ...(marks ? markColumns(events) : [])]
  if (claims.length > 0) values.push(JSON.stringify(claims))
  if (jobs.length > 0) values.push(...jobColumns(jobs), toArray(jobs.map(({ chatId }) => chatId)))
  const { suffix, text } = textOf({ marks, claims: claims.length > 0, jobs: jobs.length > 0 })
  return { name: name + suffix, text, values }
}

function textOf({ marks, claims, jobs }: Parts): { readonly suffix: string; readonly text: string } {
  const suffix = `${marks ? '-marks' : ''}${claims ? '-claims' : ''}${jobs ? '-jobs' : ''}`
  let text = texts.get(suffix)
  if (text === undefined) {
    const before = marks ? 22 : 16
    const fence = claims ? `${claimsAt(before + 1)}${FENCE}${WHOLE}` : FENCE
    const queue = jobs ? outboxAfter(claims ? before + 1 : before) : ''
    text = `${TURNS}${fence}${SENDS}${marks ? MARKS : ''}${claims ? CLAIMED : ''}${queue}${ANSWER}`
    texts.set(suffix, text)
  }
  return { suffix, text }
}

function claimsOf(events: HotTurn['events']): object[] {
  return events.flatMap((event) => {
    if (event.type !== 'message:new') return []
    const { id: message_id, chatId: chat_id, attachments } = event.data.message
    return attachments.map(({ id }, place) => ({ id, chat_id, message_id, place }))
  })
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
