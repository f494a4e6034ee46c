import { v7 as uuidv7 } from 'uuid'
import type { Job, JobStore, NewJob } from '../workers/ports.ts'
import { toArray, toTextArray } from './array-literal.ts'
import { createBatch } from './batch.ts'
import type { Asked, Database } from './connect.ts'

/** Statements that finish jobs, and what one of them removes and adds at most. */
const FINISHES_AT_ONCE = 2
const FINISH_WEIGHT = 500

/** Jobs come in as arrays, which begin at this placeholder, and are rows `j` of these columns. */
export const JOB_COLUMNS = 'id, kind, payload, delay'
export function jobArrays(first: number): string {
  return `$${first}::uuid[], $${first + 1}::text[], $${first + 2}::text[], $${first + 3}::bigint[]`
}

/** Times are the database's own, so that no instance's wrong clock counts. */
export const ADD_JOBS = `insert into jobs (id, kind, payload, run_at)
  select j.id, j.kind, j.payload::json, now() + j.delay * interval '1 millisecond'`

/** jobColumns is what fills the arrays. */
export function jobColumns(jobs: readonly NewJob[]): string[] {
  return [
    toArray(jobs.map(() => uuidv7())),
    toTextArray(jobs.map(({ kind }) => kind)),
    toTextArray(jobs.map(({ payload }) => JSON.stringify(payload))),
    toArray(jobs.map(({ delay = 0 }) => Math.round(delay))),
  ]
}

/**
 * Not for commits: a job that is claimed just now might not see what the commit is about to make visible. What follows
 * from a job, or from a request, is there already.
 */
const ADD_KEYED = `insert into jobs (id, kind, payload, run_at, key)
  select j.id, j.kind, j.payload::json, now() + j.delay * interval '1 millisecond', j.key`
const ONCE_A_KEY = `
  on conflict (key) where key is not null and state = 'ready' and attempts = 0 do nothing`

function keyedColumns(jobs: readonly NewJob[]): string[] {
  return [...jobColumns(jobs), toTextArray(jobs.map(({ key = null }) => key))]
}

const ADD = `${ADD_KEYED} from unnest(${jobArrays(1)}, $5::text[]) as j(${JOB_COLUMNS}, key) ${ONCE_A_KEY}`

/** Two instances never get the same job: the rows that one takes are locked, and passed over by the other. */
const CLAIM = `
with due as materialized (
  select j.row from unnest($1::text[], $2::int[]) as k(kind, free) cross join lateral (
    select ctid as row from jobs
    where state = 'ready' and kind = k.kind and run_at <= now()
    order by run_at limit k.free for update skip locked
  ) j
), claimed as (
  update jobs set
    attempts = attempts + 1,
    run_at = now() + $3 * interval '1 millisecond',
    state = case when attempts >= $4 then 'dead' else state end,
    last_error = case when attempts >= $4 then 'It never came to an end: whoever ran it was gone' else last_error end
  from due where jobs.ctid = due.row
  returning id, kind, payload, attempts, state
)
select
  (select json_agg(c) from claimed c where state = 'ready') as jobs,
  (select extract(epoch from min(run_at) - now())::float8 * 1000 from jobs
   where state = 'ready' and kind = any($1) and run_at > now()) as next_in`

/** What follows from a job (`by`) is stored if the job was still held by whoever finishes it. */
const FINISH = `
with done as (
  delete from jobs using unnest($7::uuid[], $8::int[]) as f(id, attempts)
  where jobs.id = f.id and jobs.attempts = f.attempts and jobs.state = 'ready' returning jobs.id
)
${ADD_KEYED} from unnest(${jobArrays(1)}, $5::text[], $6::uuid[]) as j(${JOB_COLUMNS}, key, by)
join done on done.id = j.by ${ONCE_A_KEY}`

const FAIL = `
update jobs set
  state = case when $3::bigint is null then 'dead' else 'ready' end,
  run_at = now() + coalesce($3::bigint, 0) * interval '1 millisecond',
  last_error = $4
where id = $1 and attempts = $2 and state = 'ready'`

interface Finished {
  readonly job: Job
  readonly next: readonly NewJob[]
}

/** In one order everywhere: two statements that wait for each other's keys would wait for ever. */
function byKey({ key: a = '' }: NewJob, { key: b = '' }: NewJob): number {
  return a < b ? -1 : a > b ? 1 : 0
}

interface ClaimRow {
  readonly jobs: readonly Job[] | null
  readonly next_in: number | null
}

/** createJobStore keeps jobs in Postgres: the outbox, and whatever else has to be done later. */
export function createJobStore(db: Database, { onAdded }: { onAdded: (delay: number) => void }): JobStore {
  const ask = <T extends object>(name: string, text: string, values: unknown[]) =>
    db.ask<T>({ name, text, values, isBackground: true } satisfies Asked)

  /** Many jobs are done in the time of a statement; the next one takes them all. */
  const finish = createBatch<Finished, undefined>(
    async (all) => {
      const next = all.flatMap(({ job, next }) => next.map((it) => ({ ...it, by: job.id }))).sort(byKey)
      const by = toArray(next.map((it) => it.by))
      const ids = toArray(all.map(({ job }) => job.id))
      const attempts = toArray(all.map(({ job }) => job.attempts))
      await ask('finish-jobs', FINISH, [...keyedColumns(next), by, ids, attempts])
      return []
    },
    { atOnce: FINISHES_AT_ONCE, most: FINISH_WEIGHT, weigh: ({ next }) => 1 + next.length },
  )

  function told(jobs: readonly NewJob[]): void {
    if (jobs.length > 0) onAdded(Math.min(...jobs.map(({ delay = 0 }) => delay)))
  }

  return {
    async add(jobs) {
      if (jobs.length === 0) return
      await db.ask({ name: 'add-jobs', text: ADD, values: keyedColumns(jobs) })
      told(jobs)
    },

    async claim({ free, lease, mostAttempts }) {
      const values = [[...free.keys()], [...free.values()], lease, mostAttempts]
      const [row] = await ask<ClaimRow>('claim-jobs', CLAIM, values)
      return { jobs: row?.jobs ?? [], nextIn: row?.next_in ?? null }
    },

    async finish(job, next) {
      await finish({ job, next })
      told(next)
    },

    async fail({ id, attempts }, { error, retryIn }) {
      await ask('fail-job', FAIL, [id, attempts, retryIn, error])
      if (retryIn !== null) onAdded(retryIn)
    },
  }
}
