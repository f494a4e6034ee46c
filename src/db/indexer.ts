import type { Clock } from '../rooms/ports.ts'
import type { Database } from './connect.ts'

/** Milliseconds in which changes gather before they are indexed together. */
const DELAY = 700
/** Before the next try after a fault. */
const RETRY_DELAY = 1_000
/** How often chats are looked for that were missed: by a crash, by another instance's crash, by a fault. */
const SWEEP_INTERVAL = 60_000
const SWEEP_CHATS = 1_000
/** Of one statement: together at most 1,000 messages, or 100 in PGlite, where everybody waits meanwhile. */
const BATCH = { chats: 50, messages: 20 }
const EMBEDDED_BATCH = { chats: 10, messages: 10 }
/** PGlite has nobody else who counts words for the planner: after this many rows. */
const ANALYZE_EVERY = 20_000

/**
 * Indexes what changed in each chat since its mark, in the order of the changes, up to $3 of each, and moves the
 * marks there. Answers the chats that are not yet at their head. Two instances may index a chat at the same time: the
 * later state of a message stays, whoever writes last, and marks only rise within a configuration.
 */
const INDEX = `
with due as materialized (
  select c.id, c.seq as head, coalesce(k.seq, 0) as since
  from chats c left join search_marks k on k.chat_id = c.id and k.language = $2
  where c.id = any($1::uuid[])
), changed as materialized (
  select due.head, due.since, m.* from due cross join lateral (
    (select * from messages where chat_id = due.id and seq > due.since and changed_seq = seq order by seq limit $3)
    union all
    (select * from messages where chat_id = due.id and changed_seq > due.since and changed_seq > seq
     order by changed_seq limit $3)
    order by changed_seq limit $3
  ) m
), indexed as (
  insert into message_search (message_id, chat_id, seq, changed_seq, sent_at, words)
  select id, chat_id, seq, changed_seq, created_at,
    case when content_type = 'system' then '' else to_tsvector($2::regconfig, content) end
  from changed
  on conflict (message_id) do update set changed_seq = excluded.changed_seq, words = excluded.words
    where message_search.changed_seq <= excluded.changed_seq
), marks as materialized (
  select due.id, due.head, case when count(c.id) < $3 then due.head else max(c.changed_seq) end as seq
  from due left join changed c on c.chat_id = due.id group by due.id, due.head
), marked as (
  insert into search_marks (chat_id, seq, language) select id, seq, $2 from marks
  on conflict (chat_id) do update set language = excluded.language,
    seq = case when search_marks.language = excluded.language
      then greatest(search_marks.seq, excluded.seq) else excluded.seq end
)
select (select count(*) from changed) as indexed,
  (select coalesce(array_agg(id), '{}') from marks where seq < head) as behind`

const BEHIND = `
select c.id from chats c left join search_marks k on k.chat_id = c.id and k.language = $1
where c.deleted_at is null and c.seq > coalesce(k.seq, 0) limit $2`

/**
 * Words wait in a list beside the index, where a thousand messages are sorted in at a third of the price of each by
 * itself; but every search reads the list too, once for each chat. So it is emptied whenever there is time.
 */
const TIDY = `select gin_clean_pending_list('message_search_words')`

export interface IndexerOptions {
  readonly clock: Clock
  /** A text search configuration of Postgres. */
  readonly language: string
  /** Whether it looks by itself for what was missed; one that does not leaves that to whoever calls `sweep`. */
  readonly isSweeping?: boolean
  readonly onFault: (error: unknown) => void
}

/** Indexer fills the text index behind the commits. What it loses in a crash it finds again by the marks. */
export interface Indexer {
  /** The chat has new, edited or deleted messages. */
  changed(chatId: string): void
  /** Looks for chats that were missed, and indexes some of each. Never rejects. */
  sweep(): Promise<void>
  /** Ends it; resolves when everything that changed so far is indexed, or could not be. */
  close(): Promise<void>
}

/**
 * createIndexer begins with a sweep, if it sweeps. One statement at a time, and after each a pause as long as it took, so that the
 * index takes no more than half of one of Postgres's processors from the commits: it falls behind under full load,
 * and catches up.
 */
export function createIndexer(
  db: Database,
  { clock, language, isSweeping = true, onFault }: IndexerOptions,
): Indexer {
  const batch = db.isEmbedded ? EMBEDDED_BATCH : BATCH
  const dirty = new Set<string>()
  let running: Promise<void> | undefined
  let sweepAt = isSweeping ? clock.now() : Number.POSITIVE_INFINITY
  let dueAt = Number.POSITIVE_INFINITY
  let cancel = () => {}
  let isClosed = false
  let uncounted = 0
  if (isSweeping) wake(0)

  /** Runs within the delay, or sooner when that was planned before. */
  function wake(delay: number): void {
    const at = clock.now() + delay
    if (isClosed || running || at >= dueAt) return
    cancel()
    dueAt = at
    cancel = clock.after(delay, () => {
      running = run().then((pause) => {
        running = undefined
        dueAt = Number.POSITIVE_INFINITY
        const delay = Math.max(pause, dirty.size > 0 ? 0 : sweepAt - clock.now())
        if (Number.isFinite(delay)) wake(delay)
      })
    })
  }

  /** One statement, and how long to wait for the next. */
  async function run(): Promise<number> {
    const begin = clock.now()
    try {
      if (begin >= sweepAt) await sweep()
      else await indexSome()
      return clock.now() - begin
    } catch (error) {
      onFault(error)
      return RETRY_DELAY
    }
  }

  async function sweep(): Promise<void> {
    const rows = await db.ask<{ id: string }>({
      name: 'behind',
      text: BEHIND,
      values: [language, SWEEP_CHATS],
      isBackground: true,
    })
    for (const { id } of rows) dirty.add(id)
    if (rows.length === SWEEP_CHATS) await indexSome()
    else if (isSweeping) sweepAt = clock.now() + SWEEP_INTERVAL
  }

  async function indexSome(): Promise<void> {
    const chatIds = [...dirty].slice(0, batch.chats)
    for (const id of chatIds) dirty.delete(id)
    try {
      const values = [chatIds, language, batch.messages]
      const rows = await db.ask<{ indexed: number; behind: string[] }>({
        name: 'index',
        text: INDEX,
        values,
        isBackground: true,
      })
      for (const { indexed, behind } of rows) {
        for (const id of behind) dirty.add(id)
        uncounted += indexed
      }
    } catch (error) {
      for (const id of chatIds) dirty.add(id)
      throw error
    }
    if (dirty.size === 0) await db.ask({ name: 'tidy', text: TIDY, values: [], isBackground: true })
    if (!db.isEmbedded || uncounted < ANALYZE_EVERY) return
    uncounted = 0
    await db.pool.query('analyze message_search')
  }

  return {
    changed(chatId) {
      dirty.add(chatId)
      wake(DELAY)
    },
    async sweep() {
      await sweep().catch(onFault)
      wake(0)
    },
    async close() {
      isClosed = true
      cancel()
      await running
      try {
        while (dirty.size > 0) await indexSome()
      } catch (error) {
        onFault(error)
      }
    },
  }
}
