import type { DeadJob } from '../../protocol/rest.ts'
import type { Database } from '../connect.ts'

/** Dead letters in the order in which they were made; payloads hold ids alone, of which the chat's is shown. */
const LIST = `
select id, kind, attempts, run_at as "failedAt", coalesce(last_error, '') as "lastError", payload->>'chatId' as "chatId"
from jobs where state = 'dead' and ($1::uuid is null or id > $1) order by id limit $2`

/** Back with all tries, and under the same id: a claim from before is none of this life. */
const RETRY = `
update jobs set state = 'ready', attempts = 0, run_at = now(), last_error = null, key = null
where state = 'dead' and ($1::uuid is null or id = $1) and ($2::text is null or kind = $2) returning id`

const DISCARD = `delete from jobs where state = 'dead' and id = $1 returning id`

const COUNT = `
select kind, count(*) filter (where state = 'ready') as ready, count(*) filter (where state = 'dead') as dead,
  coalesce(extract(epoch from now() - min(run_at) filter (where state = 'ready' and run_at <= now())), 0)::float8 as age
from jobs group by kind`

/** JobCounts is how one kind of job stands. */
export interface JobCounts {
  readonly kind: string
  readonly ready: number
  readonly dead: number
  /** Seconds for which the oldest one has been due. */
  readonly age: number
}

type DeadRow = Omit<DeadJob, 'failedAt'> & { readonly failedAt: Date }

export async function listDeadJobs(
  db: Database,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<DeadJob[]> {
  const { rows } = await db.pool.query<DeadRow>(LIST, [after ?? null, limit])
  return rows.map(({ failedAt, ...row }) => ({ ...row, failedAt: failedAt.toISOString() }))
}

/** retryDeadJobs has one dead letter, those of a kind, or all tried again, and answers how many. */
export async function retryDeadJobs(
  db: Database,
  { id, kind }: { readonly id?: string; readonly kind?: string | undefined },
): Promise<number> {
  const { rows } = await db.pool.query(RETRY, [id ?? null, kind ?? null])
  return rows.length
}

/** discardDeadJob removes a dead letter for good; false when there is none of the id. */
export async function discardDeadJob(db: Database, id: string): Promise<boolean> {
  const { rows } = await db.pool.query(DISCARD, [id])
  return rows.length > 0
}

export async function countJobs(db: Database): Promise<JobCounts[]> {
  return db.ask<JobCounts>({ name: 'count-jobs', text: COUNT, values: [], isBackground: true })
}
