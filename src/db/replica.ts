import type pg from 'pg'
import { TIMES } from '../protocol/limits.ts'
import type { Clock } from '../rooms/ports.ts'
import { createBreaker, isAnswer, within } from './breaker.ts'
import {
  createPool,
  type Database,
  type DatabaseOptions,
  readAvailable,
  UnfitDatabaseError,
} from './connect.ts'
import { steadyClock } from './steady-clock.ts'

/** Milliseconds between two looks at how the replica stands. */
const LOOK = 1_000
/**
 * Of the deadline of a commit: in which the replica answers, or the primary is asked; both together keep within what a
 * request may take. And after which the replica itself ends what is no longer waited for. At 2 s: 0.5 and 1 s.
 */
const PATIENCE = 0.25
const STATEMENT = 0.5
const GRACE = 500
/** Positions of the primary that are remembered: at one a second, so many seconds of lag are told exactly. */
const MOST_SAMPLES = 600

/**
 * `lagging`: further behind than is allowed. `foreign`: no standby (any more), or of another history than the primary,
 * or cut off from whom it copies. Only one that is `ok` is asked.
 */
export type ReplicaState = 'ok' | 'lagging' | 'foreign' | 'away'

export interface ReplicaOptions extends Pick<DatabaseOptions, 'url' | 'deadline' | 'onQuery' | 'onFault'> {
  readonly primary: Pick<Database, 'ask'>
  readonly poolSize: number
  /** Milliseconds that it may be behind. */
  readonly mostLag: number
  readonly onState?: (state: ReplicaState) => void
  readonly clock?: Clock
}

export interface ReplicaStatement {
  /** Prepared under this name once per connection; planned for its values each time when left out. */
  readonly name?: string
  readonly text: string
  readonly values: readonly unknown[]
}

/** Replica is a streaming standby that is asked where its lag does no harm. Nothing depends on it. */
export interface Replica {
  /** As of the last look. */
  readonly state: ReplicaState
  /** The most that this instance opens there, and how many it has for this role; undefined until it has answered. */
  readonly connections: { readonly needed: number; readonly available: number } | undefined
  /** The rows, as of some moment of the past; undefined when the primary has to be asked. Never rejects. */
  ask<T extends object>(statement: ReplicaStatement): Promise<T[] | undefined>
  close(): Promise<void>
}

/** Named as `logId` names a history, so that a standby of a primary before the last failover is told from one of this. */
const PRIMARY = `
select (select system_identifier from pg_control_system()) || '-' ||
  substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as history, pg_current_wal_lsn() - '0/0'::pg_lsn as position`

/** A receiver that is not there copies nothing. Its timeline is told to monitors only; that of the last restart point to all. */
const STANDBY = `
select pg_is_in_recovery() as is_standby, exists (select from pg_stat_wal_receiver) as is_fed,
  (select system_identifier from pg_control_system()) || '-' || lpad(upper(to_hex(
    coalesce((select received_tli from pg_stat_wal_receiver), (select timeline_id from pg_control_checkpoint()))
  )), 8, '0') as history, pg_last_wal_replay_lsn() - '0/0'::pg_lsn as position`

interface PrimaryRow {
  readonly history: string
  readonly position: string
}

interface StandbyRow extends PrimaryRow {
  readonly is_standby: boolean
  readonly is_fed: boolean
}

/**
 * openReplica looks at the replica every second and asks it only while it stands well. It may be away, at the start as
 * well. Rejects with an UnfitDatabaseError when it answers and has too few connections for this instance.
 */
export async function openReplica(options: ReplicaOptions): Promise<Replica> {
  const { primary, poolSize, mostLag, onQuery = () => {}, onState = () => {}, clock = steadyClock } = options
  const deadline = options.deadline ?? TIMES.commitDeadline
  const pool = openPool(options, deadline)
  const breaker = createBreaker(clock)
  const lag = createLag(clock)
  let state: ReplicaState = 'away'
  let available: number | undefined
  let isClosed = false
  let cancelLook = () => {}

  async function run<T extends object>(statement: ReplicaStatement): Promise<T[]> {
    const query = () => pool.query<T>({ ...statement, values: [...statement.values] })
    return (await breaker.run(() => within(PATIENCE * deadline, query(), clock))).rows
  }

  /** The primary is read first: a standby that has this position has all that was committed before the look. */
  async function look(): Promise<void> {
    const [wanted] = await primary.ask<PrimaryRow>({ name: 'wal-position', text: PRIMARY, values: [] })
    const found = await run<StandbyRow>({ name: 'standby', text: STANDBY, values: [] }).catch(() => [])
    set(wanted ? judge(wanted, found[0]) : 'away')
  }

  function judge(wanted: PrimaryRow, found: StandbyRow | undefined): ReplicaState {
    lag.primaryAt(Number(wanted.position))
    if (!found) return 'away'
    if (!found.is_standby || !found.is_fed || found.history !== wanted.history) return 'foreign'
    return lag.behind(Number(found.position)) > mostLag ? 'lagging' : 'ok'
  }

  function set(next: ReplicaState): void {
    if (next === state || isClosed) return
    state = next
    onState(state)
  }

  /** While the primary is away nobody knows how far behind the replica is: it stays as it was found last. */
  async function lookOn(): Promise<void> {
    await look().catch((error: unknown) => {
      if (isAnswer(error)) set('foreign')
    })
    if (!isClosed) cancelLook = clock.after(LOOK, () => void lookOn())
  }

  available = await readAvailable(pool).catch(() => undefined)
  if (available !== undefined && available < poolSize) {
    await pool.end()
    throw new UnfitDatabaseError(
      `DATABASE_POOL is ${poolSize} connections, and the replica has ${available} for this role: lower DATABASE_POOL or raise its max_connections`,
    )
  }
  await lookOn()
  if (state === 'away') onState(state)

  return {
    get state() {
      return state
    },
    get connections() {
      return available === undefined ? undefined : { needed: poolSize, available }
    },
    async ask<T extends object>(statement: ReplicaStatement) {
      if (state !== 'ok') return undefined
      const begin = performance.now()
      const rows = await run<T>(statement).catch(() => undefined)
      onQuery('replica', performance.now() - begin)
      return rows
    },
    async close() {
      isClosed = true
      cancelLook()
      await pool.end()
    },
  }
}

function openPool({ url, onFault, poolSize }: ReplicaOptions, deadline: number): pg.Pool {
  return createPool(
    { url, onFault },
    {
      max: poolSize,
      connectionTimeoutMillis: PATIENCE * deadline,
      statement_timeout: STATEMENT * deadline,
      query_timeout: STATEMENT * deadline + GRACE,
      options: '-c jit=off',
    },
  )
}

/**
 * createLag tells by this clock alone how long ago the primary was where the standby is now: clocks of servers differ,
 * and the time of the last commit says nothing while nobody commits.
 */
function createLag(clock: Pick<Clock, 'now'>) {
  /** Positions of the primary that the standby did not have at the last look, the oldest first. */
  let missing: { readonly at: number; position: number }[] = []

  return {
    primaryAt(position: number): void {
      const last = missing.at(-1)
      if (last?.position === position) return
      // Of one that is far behind, the last sample stands for all later ones: the lag is then told too long, never too short.
      if (last && missing.length === MOST_SAMPLES) last.position = position
      else missing.push({ at: clock.now(), position })
    },
    behind(position: number): number {
      missing = missing.filter((sample) => sample.position > position)
      const [oldest] = missing
      return oldest ? clock.now() - oldest.at : 0
    },
  }
}
