import { z } from 'zod'
import { Time, Uuid } from '../../protocol/ids.ts'
import type { SessionStatus } from '../../protocol/model.ts'
import type { ListedSession } from '../../protocol/sessions.ts'
import type { Database } from '../connect.ts'
import { fromCursor, toCursor } from '../cursor.ts'
import { type ChatRow, chatJson, toChatInfo, toSummary, toTime, type UserRow, userJson } from '../rows.ts'
import type { Page } from './chats.ts'

const SessionPlace = z.object({ at: Time, id: Uuid })

/** Which sessions somebody may know of. `queues`: those he takes part in, and what waits for these teams or for all. */
export type Sight =
  | { readonly sees: 'all' }
  | { readonly sees: 'own'; readonly userId: string }
  | { readonly sees: 'queues'; readonly userId: string; readonly teams: readonly string[] }

export interface SessionsWanted {
  readonly sight: Sight
  /** For how long each waits. */
  readonly now: number
  readonly limit: number
  readonly cursor?: string | undefined
  readonly status?: SessionStatus | undefined
  readonly assigneeId?: string | undefined
  readonly customerId?: string | undefined
  readonly team?: string | undefined
  readonly externalId?: string | undefined
}

interface SessionRow {
  readonly chat: ChatRow
  readonly seq: number
  readonly last_message_at: Date | null
  readonly customer: UserRow | null
  readonly assignee: UserRow | null
  readonly place: string
}

/** listSessions pages through sessions: those that wait, the longest first; any others, the newest first. */
export async function listSessions(db: Database, wanted: SessionsWanted): Promise<Page<ListedSession>> {
  const { limit } = wanted
  const values: unknown[] = []
  const param = (value: unknown) => `$${values.push(value)}`
  const isQueue = wanted.status === 'waiting'
  const place = isQueue ? 'c.queued_at' : 'c.created_at'
  const conditions = [`c.kind = 'session'`, 'c.deleted_at is null', ...conditionsOf(wanted, param)]
  if (wanted.cursor !== undefined) {
    const { at, id } = fromCursor(wanted.cursor, SessionPlace)
    const isAfter = isQueue ? '>' : '<'
    conditions.push(`(${place}, c.id) ${isAfter} (${param(at)}::timestamptz, ${param(id)}::uuid)`)
  }
  const direction = isQueue ? 'asc' : 'desc'
  const text = `
    select ${chatJson('c')} as chat, c.seq, c.last_message_at, to_json(${place}) as place,
      case when customer.id is not null then ${userJson('customer')} end as customer,
      case when assignee.id is not null then ${userJson('assignee')} end as assignee
    from chats c
    left join users customer on customer.id = c.owner_id
    left join users assignee on assignee.id = c.assignee_id
    where ${conditions.join(' and ')}
    order by ${place} ${direction}, c.id ${direction} limit ${param(limit + 1)}`
  const { rows } = await db.pool.query<SessionRow>(text, values)
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const hasMore = rows.length > limit
  return {
    data: shown.map((row) => toListed(row, wanted.now)),
    nextCursor: hasMore && last ? toCursor({ at: toTime(last.place), id: last.chat.id }) : null,
    hasMore,
  }
}

function conditionsOf(wanted: SessionsWanted, param: (value: unknown) => string): string[] {
  const equal = {
    status: wanted.status,
    assignee_id: wanted.assigneeId,
    owner_id: wanted.customerId,
    team: wanted.team,
    external_id: wanted.externalId,
  }
  const conditions = Object.entries(equal).flatMap(([column, value]) =>
    value === undefined ? [] : [`c.${column} = ${param(value)}`],
  )
  const { sight } = wanted
  if (sight.sees === 'all') return conditions
  const own = () =>
    `c.id in (select chat_id from chat_participants where user_id = ${param(sight.userId)} and left_seq is null)`
  if (sight.sees === 'own') return [...conditions, own()]
  const queued = `c.status = 'waiting' and (c.team is null or c.team = any(${param(sight.teams)}::text[]))`
  return [...conditions, wanted.status === 'waiting' ? queued : `(${own()} or (${queued}))`]
}

function toListed(
  { chat, seq, last_message_at, customer, assignee }: SessionRow,
  now: number,
): ListedSession {
  const info = toChatInfo(chat)
  const since = info.session?.queuedAt
  return {
    ...info,
    seq,
    lastMessageAt: last_message_at?.toISOString() ?? null,
    customer: customer && toSummary(customer),
    assignee: assignee && toSummary(assignee),
    waitingSeconds: since == null ? null : Math.max(0, Math.floor((now - Date.parse(since)) / 1_000)),
  }
}
