import { z } from 'zod'
import { MessageId, Time } from '../../protocol/ids.ts'
import type { SearchHit } from '../../protocol/rest.ts'
import type { Database } from '../connect.ts'
import { fromCursor, toCursor } from '../cursor.ts'

/** Up to here a reader's chats are few: the price of each is a look into the index. */
const FEW_CHATS = 200
/** Hits are counted up to here: counting those of a common word would cost more than finding them. */
const MOST_COUNTED = 1_000
/**
 * What stands for `<mark>`, `</mark>` and `<` until everything else is escaped: control characters, which the
 * headline's text loses before. `<` is hidden because the headline would drop what looks like a tag.
 */
const BEGIN = '\u0001'
const END = '\u0002'
const LESS = '\u0003'
const HIDDEN = { from: `<${BEGIN}${END}${LESS}`, to: LESS }
const HEADLINE = `StartSel="${BEGIN}", StopSel="${END}", HighlightAll=true`
/** Characters of a message that a hit shows, and of those before the first found word. */
const SHOWN = 300
const LEAD_IN = 100

/** Later than every message. */
const NOW: HitPlace = { at: '9999-12-31T00:00:00.000Z', id: 'ffffffff-ffff-7fff-bfff-ffffffffffff' }

const HitPlace = z.object({ at: Time, id: MessageId })
type HitPlace = z.infer<typeof HitPlace>

/** What the reader ($1) takes part in, one chat ($2) or all, and from which seq on its messages may be read. */
const CHATS = `
select c.id, case c.history when 'all' then 0 else me.joined_seq end as floor
from chat_participants me join chats c on c.id = me.chat_id
where me.user_id = $1 and me.left_seq is null and c.deleted_at is null and ($2::uuid is null or c.id = $2) limit $3`

/** In few chats, named by $3 and $4: the index over chat and words finds the word in each chat by itself. */
const IN_FEW = `
  from message_search s join unnest($3::uuid[], $4::bigint[]) as mine(chat_id, floor) on mine.chat_id = s.chat_id
  where s.words @@ websearch_to_tsquery($1::regconfig, $2) and s.seq >= mine.floor`

/**
 * In many chats of the reader $3 ($4 is not used): a rare word by the index, a common one by walking back in time
 * until a page is full, which the planner tells apart by its statistics. Whether a message is the reader's is asked
 * of those that match; as a join, the planner might take the chats one by one.
 */
const IN_MANY = `
  from message_search s
  where s.words @@ websearch_to_tsquery($1::regconfig, $2) and $4::bigint[] is null and s.seq >= (
    select case c.history when 'all' then 0 else me.joined_seq end
    from chat_participants me join chats c on c.id = me.chat_id
    where me.chat_id = s.chat_id and me.user_id = $3::uuid and me.left_seq is null and c.deleted_at is null
  )`

const countOf = (matches: string) =>
  `select count(*) as total from (select ${matches} limit ${MOST_COUNTED}) matches`

const pageOf = (matches: string) => `
with page as materialized (
  select s.message_id, s.sent_at, s.chat_id, s.seq ${matches} and (s.sent_at, s.message_id) < ($5::timestamptz, $6::uuid)
  order by s.sent_at desc, s.message_id desc limit $7
)
select page.message_id as id, page.chat_id, c.name as chat_name, page.seq, page.sent_at, m.sender_id, u.username,
  m.changed_seq,
  cut.start > 1 as has_before, length(m.content) >= cut.start + ${SHOWN} as has_after,
  ts_headline($1::regconfig, translate(substr(m.content, cut.start, ${SHOWN}), $8, $9),
              websearch_to_tsquery($1::regconfig, $2), $10) as headline
from page join chats c on c.id = page.chat_id
left join messages m on m.id = page.message_id and m.deleted_at is null
left join users u on u.id = m.sender_id
cross join lateral (
  select greatest(1, min(nullif(strpos(lower(m.content), word), 0)) - ${LEAD_IN}) as start
  from unnest(tsvector_to_array(to_tsvector($1::regconfig, $2))) as word
) cut
order by page.sent_at desc, page.message_id desc`

/** How many of the hits $2, as they were when they had their last change $3, the reader $1 may still see so. */
const STANDING = `
select count(*) as count from unnest($2::uuid[], $3::bigint[]) as hit(id, changed_seq)
join messages m on m.id = hit.id and m.changed_seq = hit.changed_seq and m.deleted_at is null
join chats c on c.id = m.chat_id and c.deleted_at is null
join chat_participants me on me.chat_id = c.id and me.user_id = $1 and me.left_seq is null
where c.history = 'all' or m.seq >= me.joined_seq`

interface HitRow {
  readonly id: string
  readonly chat_id: string
  readonly chat_name: string | null
  readonly seq: number
  readonly sender_id: string | null
  readonly username: string | null
  readonly sent_at: Date
  readonly has_before: boolean
  readonly has_after: boolean
  /**
   * Cut before it was marked, because marking costs by the length of the text. null when the message was deleted and
   * the index does not know yet.
   */
  readonly headline: string | null
  readonly changed_seq: number | null
}

export interface SearchWanted {
  readonly userId: string
  readonly q: string
  readonly chatId?: string | undefined
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface Found {
  readonly results: SearchHit[]
  readonly total: number
  readonly nextCursor: string | null
  readonly hasMore: boolean
}

/** Searched is what one server answers: of one more hit than was asked for, all, and how many there are. */
interface Searched {
  readonly rows: readonly HitRow[]
  readonly total: number
}

/** Asks one server; undefined when another has to be asked. */
type Ask = <T extends object>(text: string, values: readonly unknown[]) => Promise<T[] | undefined>

/**
 * searchMessages finds words in the messages of the chats that the user takes part in, the newest first. What was
 * sent within the last second may be missing: the index follows the commits. Nothing is found by a text that is no
 * word. Where there is a replica, it finds, and the primary says of each hit that it still stands.
 */
export async function searchMessages(db: Database, wanted: SearchWanted, language: string): Promise<Found> {
  const { userId, chatId, limit } = wanted
  const chats = await db.pool.query<{ id: string; floor: number }>(CHATS, [userId, chatId, FEW_CHATS + 1])
  const search = (ask: Ask) => searchIn(ask, chats.rows, wanted, language)
  const found = (await searchReplica(db, userId, search)) ?? (await search(askPrimary(db)))
  if (!found) throw new Error('The primary has answered nothing')
  const shown = found.rows.slice(0, limit)
  const last = shown.at(-1)
  const hasMore = found.rows.length > limit
  return {
    results: shown.flatMap(toHits),
    total: found.total,
    nextCursor: hasMore && last ? toCursor({ at: last.sent_at.toISOString(), id: last.id }) : null,
    hasMore,
  }
}

async function searchReplica(
  db: Database,
  userId: string,
  search: (ask: Ask) => Promise<Searched | undefined>,
): Promise<Searched | undefined> {
  const { replica } = db
  if (replica?.state !== 'ok') return undefined
  const found = await search((text, values) => replica.ask({ text, values }))
  const hits = found?.rows.filter(({ headline }) => headline !== null) ?? []
  if (hits.length === 0) return found
  const values = [userId, hits.map(({ id }) => id), hits.map((hit) => hit.changed_seq)]
  const [standing] = await db.ask<{ count: number }>({ name: 'hits-standing', text: STANDING, values })
  return standing?.count === hits.length ? found : undefined
}

const askPrimary =
  (db: Database): Ask =>
  async <T extends object>(text: string, values: readonly unknown[]) =>
    (await db.pool.query<T>(text, [...values])).rows

/** In the given chats of the reader's, or, when they are many, in all that the server knows to be his. */
async function searchIn(
  ask: Ask,
  chats: readonly { readonly id: string; readonly floor: number }[],
  { userId, q, cursor, limit }: SearchWanted,
  language: string,
): Promise<Searched | undefined> {
  const { at, id } = cursor === undefined ? NOW : fromCursor(cursor, HitPlace)
  const isFew = chats.length <= FEW_CHATS
  const matches = isFew ? IN_FEW : IN_MANY
  const mine = isFew ? [chats.map((chat) => chat.id), chats.map(({ floor }) => floor)] : [userId, null]
  const values = [language, q, ...mine]
  const page = [...[...values, at, id, limit + 1], ...[HIDDEN.from, HIDDEN.to, HEADLINE]]
  const [counted, rows] = await Promise.all([
    ask<{ total: number }>(countOf(matches), values),
    ask<HitRow>(pageOf(matches), page),
  ])
  // The index may have learnt of a hit between the two.
  return counted && rows && { rows, total: Math.max(counted[0]?.total ?? 0, rows.length) }
}

function toHits(row: HitRow): SearchHit[] {
  if (row.headline === null) return []
  return [
    {
      id: row.id,
      chatId: row.chat_id,
      chatName: row.chat_name,
      seq: row.seq,
      content: `${row.has_before ? '…' : ''}${toMarked(row.headline)}${row.has_after ? '…' : ''}`,
      senderId: row.sender_id,
      senderUsername: row.username,
      createdAt: row.sent_at.toISOString(),
    },
  ]
}

/** Escapes everything, and only then marks the hits. */
function toMarked(headline: string): string {
  return headline
    .replaceAll('&', '&amp;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
    .replaceAll(LESS, '&lt;')
    .replaceAll(BEGIN, '<mark>')
    .replaceAll(END, '</mark>')
}
