import type { ReceiptMark } from '../../protocol/model.ts'
import type { Database } from '../connect.ts'

/** A message once, as it is now: under the number of its creation, or of its last change once it was changed. */
const MESSAGES = `
select id as "messageId",
  case when deleted_at is not null then 'message:deleted' when edited_at is not null then 'message:edited'
    else 'message:new' end as type,
  case when deleted_at is null and edited_at is null then seq else changed_seq end as seq,
  coalesce(deleted_at, edited_at, created_at) as at,
  case when content_type = 'system' then metadata->>'session' end as step
from messages
where chat_id = $1 and (seq > $2 or (changed_seq > $2 and (deleted_at is not null or edited_at is not null)))
order by seq limit $3`

const MARKS = `
select user_id as "userId", read_seq as "readSeq", delivered_seq as "deliveredSeq", changed_seq as seq,
  coalesce(read_at, now()) as at
from chat_participants where chat_id = $1 and changed_seq > $2 and left_seq is null order by changed_seq`

/** PastEvent is what an endpoint that was away is told again. */
export interface PastEvent {
  readonly type: string
  readonly seq: number
  readonly at: string
  readonly messageId?: string
  readonly marks?: readonly ReceiptMark[]
}

interface MessageRow {
  readonly messageId: string
  readonly type: string
  readonly seq: number
  readonly at: Date
  /** What became of a session, where the message tells of it: see SystemNote. */
  readonly step: string | null
}
/** A message, and what became of the session if it tells of that. */
type PastMessage = PastEvent & Pick<MessageRow, 'step'>
interface MarkRow extends Omit<ReceiptMark, 'at'> {
  readonly seq: number
  readonly at: Date
}

/** listPastMessages lists what became of messages after a seq, oldest first. */
export async function listPastMessages(
  db: Database,
  { chatId, since, limit }: { readonly chatId: string; readonly since: number; readonly limit: number },
): Promise<PastMessage[]> {
  const { rows } = await db.pool.query<MessageRow>(MESSAGES, [chatId, since, limit])
  return rows.map(({ at, ...row }) => ({ ...row, at: at.toISOString() }))
}

/** stepBefore is the event that a message tells of: a session's own stands right before its message. */
export function stepBefore({ step, seq, at }: PastMessage): PastEvent[] {
  if (step === null) return []
  return [{ type: step === 'opened' ? 'chat:created' : `session:${step}`, seq: seq - 1, at }]
}

/** listPastMarks lists the watermarks that have moved since, each where it stands now. */
export async function listPastMarks(db: Database, chatId: string, since: number): Promise<PastEvent[]> {
  const { rows } = await db.pool.query<MarkRow>(MARKS, [chatId, since])
  return rows.map(({ seq, at, ...mark }) => {
    const time = at.toISOString()
    return { type: 'receipts', seq, at: time, marks: [{ ...mark, at: time }] }
  })
}
