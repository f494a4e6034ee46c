import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { TIMES } from '../protocol/limits.ts'
import { createBreaker, within } from './breaker.ts'
import type { Replica } from './replica.ts'

/** The oldest Postgres that the statements are tested on. */
const OLDEST_VERSION = 150_000
/**
 * Of the deadline of a commit: in which a statement of a request is answered, with its wait for a connection, or the
 * request is refused; what Postgres itself bounds, for locks and for statements. At 2 s these are 1.8, 3 and 5 s.
 */
const PATIENCE = 0.9
const LOCK = 1.5
const STATEMENT = 2.5
/** The same for the one connection to PGlite. */
const EMBEDDED_WAIT = 5
/** No code of ours opens a transaction and then thinks. */
const IDLE_IN_TRANSACTION_TIMEOUT = 2_000
/** An unused connection ends after this: making one costs more than ten statements, so not after every lull. */
const IDLE_TIMEOUT = 300_000
/** What the client waits beyond a server-side timeout before it calls the connection dead. */
const GRACE = 500
/** Connections for everything but commits, where nobody says how many. */
const POOL_SIZE = 10
/** One for what is committed in batches, one for what takes a statement each. */
const COMMIT_SIZE = 2
/**
 * The commit's plan is made once per connection, maybe on empty tables, and must be good for ever: nested loops over
 * indexes. Without these a plan made for ten rows scans whole tables until the next ANALYZE.
 */
const COMMIT_PLANNER = [
  ['plan_cache_mode', 'force_generic_plan'],
  ['enable_seqscan', 'off'],
  ['enable_mergejoin', 'off'],
  ['jit', 'off'],
]

/**
 * The one connection to PGlite: whoever waits for it, waits for the others' statements, for which PGlite keeps no
 * timeouts. Its session is the commit's as well, and must not give every read a generic plan.
 */
const EMBEDDED: pg.PoolConfig = {
  max: 1,
  idleTimeoutMillis: 0,
  onConnect: (client) => client.query('set enable_seqscan = off; set enable_mergejoin = off'),
}

const READS: pg.PoolConfig = { idleTimeoutMillis: IDLE_TIMEOUT, options: '-c jit=off' }

const COMMITS: pg.PoolConfig = {
  idleTimeoutMillis: 0,
  options: COMMIT_PLANNER.map(([name, value]) => `-c ${name}=${value}`).join(' '),
}

/** Over a pooler: without settings of the session, and with no connection that outlives its use by much. */
const POOLED: pg.PoolConfig = {
  idleTimeoutMillis: 1_000,
  statement_timeout: undefined,
  lock_timeout: undefined,
  idle_in_transaction_session_timeout: undefined,
  options: undefined,
}

// For all of this process, because drizzle reads the driver's global parsers: counts and seqs are far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

export interface DatabaseOptions {
  readonly url: string
  /** PGlite behind its socket: one real session, which all connections would share, so there is one connection. */
  readonly isEmbedded?: boolean
  /** Connections for everything but commits. */
  readonly poolSize?: number
  /** Connections for commits. */
  readonly commitSize?: number
  /**
   * Behind a pooler, whose sessions take no settings: they have to be those of the role. To connect costs little there,
   * so that what is not used is soon given up.
   */
  readonly isPooled?: boolean
  /**
   * Milliseconds in which a commit is done or given up; `TIMES.commitDeadline` when left out. The other bounds of time
   * follow from it.
   */
  readonly deadline?: number
  /** Where the driver's own socket is not the best. */
  readonly createStream?: NonNullable<pg.ClientConfig['stream']>
  /** Told how long each statement took that is no commit, by its name or else its first word. */
  readonly onQuery?: (type: string, milliseconds: number) => void
  /** Told of connections that break while nobody uses them. */
  readonly onFault: (error: Error) => void
}

/** Database is a connected, checked and migrated Postgres or PGlite. */
export interface Database {
  readonly pool: pg.Pool
  /** Drizzle over `pool`. */
  readonly orm: NodePgDatabase
  /** The connections of the committer, apart from `pool`, so that reads cannot hold commits up. */
  readonly commits: pg.Pool
  readonly isEmbedded: boolean
  /** Asked for what may be of the past: search and old history, and nothing else. */
  readonly replica?: Replica
  /** The most that this instance opens, and how many Postgres has for its role; null for PGlite. */
  readonly connections: { readonly needed: number; readonly available: number } | null
  /**
   * Answers the rows of a statement that is asked often: each connection parses it once, under its name. Not in
   * PGlite, whose one session would still know the name when the connection is another.
   */
  ask<T extends object>(statement: Asked): Promise<T[]>
  close(): Promise<void>
}

export interface Asked {
  readonly name: string
  readonly text: string
  readonly values: unknown[]
  /** Nobody waits for it: it may take as long as Postgres lets it, and says nothing about who is away. */
  readonly isBackground?: boolean
}

/** UnfitDatabaseError says in one line why this database must not be used, and what to change. */
export class UnfitDatabaseError extends Error {
  override readonly name = 'UnfitDatabaseError'
}

/**
 * connect opens the pools. Rejects with an UnfitDatabaseError when the server is too old, or would acknowledge what
 * it has not flushed (`synchronous_commit` or `fsync` off), or has too few connections, and with the driver's error
 * when it cannot be reached.
 * PGlite has no fsync: it survives a crash of the process, not of the machine.
 */
export async function connect(options: DatabaseOptions): Promise<Database> {
  const pools = createPools(options)
  const { poolSize = POOL_SIZE, commitSize = COMMIT_SIZE, isEmbedded = false } = options
  const needed = poolSize + commitSize
  let available: number
  try {
    available = await check(pools.pool, isEmbedded ? 0 : needed)
  } catch (error) {
    await close(pools)
    throw error
  }
  // From here on: a start may take as long as it takes.
  return createDatabase(pools, options, isEmbedded ? null : { needed, available })
}

/**
 * open gives the database without a connection: it connects when it is asked. For whoever cannot wait, and makes sure
 * by `checkFlushes` before the first commit.
 */
export function open(options: DatabaseOptions): Database {
  return createDatabase(createPools(options), options, null)
}

/** checkFlushes rejects as `connect` does when the server must not be used. How many connections there are, a pooler knows. */
export async function checkFlushes(db: Database): Promise<void> {
  await check(db.pool, 1)
}

type Pools = Pick<Database, 'pool' | 'commits'>

function createPools({
  isEmbedded,
  isPooled = false,
  poolSize = POOL_SIZE,
  commitSize = COMMIT_SIZE,
  deadline = TIMES.commitDeadline,
  ...to
}: DatabaseOptions): Pools {
  const all = { connectionTimeoutMillis: deadline, lock_timeout: LOCK * deadline }
  if (isEmbedded) {
    const pool = createPool(to, { ...all, ...EMBEDDED, connectionTimeoutMillis: EMBEDDED_WAIT * deadline })
    return { pool, commits: pool }
  }
  const pooled = isPooled && POOLED
  const reads = { ...all, ...bounded(STATEMENT * deadline), ...READS, max: poolSize, ...pooled }
  const commits = { ...all, ...bounded(deadline), ...COMMITS, max: commitSize, ...pooled }
  return { pool: createPool(to, reads), commits: createPool(to, commits) }
}

/** Postgres gives a statement up; the client's side of it waits a little longer for Postgres's own word. */
function bounded(milliseconds: number): pg.PoolConfig {
  return { statement_timeout: milliseconds, query_timeout: milliseconds + GRACE }
}

function createDatabase(
  pools: Pools,
  { isEmbedded = false, deadline = TIMES.commitDeadline, onQuery = () => {} }: DatabaseOptions,
  connections: Database['connections'],
): Database {
  const { pool, commits } = pools
  const unbounded = measured(pool, onQuery)
  const breaker = createBreaker()
  // PGlite is never away, and whoever waits for it waits for others.
  const query: Query = isEmbedded
    ? unbounded
    : (...given) => breaker.run(() => within(PATIENCE * deadline, unbounded(...given)))
  pool.query = query as typeof pool.query
  return {
    pool,
    orm: drizzle(pool, { casing: 'snake_case' }),
    commits,
    isEmbedded,
    connections,
    async ask<T extends object>({ name, isBackground = false, ...statement }: Asked) {
      const run = isBackground ? unbounded : query
      const { rows } = await run(isEmbedded ? statement : { name, ...statement })
      return rows as T[]
    },
    close: () => close(pools),
  }
}

async function close({ pool, commits }: Pools): Promise<void> {
  await Promise.all([...new Set([pool, commits])].map((it) => it.end()))
}

/** createPool opens connections when they are needed; every statement on them is bounded. */
export function createPool(
  { url, createStream, onFault }: Pick<DatabaseOptions, 'url' | 'createStream' | 'onFault'>,
  config: pg.PoolConfig,
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    ...(createStream && { stream: createStream }),
    application_name: 'parley',
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT,
    keepAlive: true,
    ...config,
  })
  pool.on('error', onFault)
  // Whoever has the client hears of its end by the query that fails; without a listener it would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

/** `pool.query` in its one form that is used: with promises. */
type Query = (...given: readonly unknown[]) => Promise<pg.QueryResult>

function measured(pool: pg.Pool, onQuery: (type: string, milliseconds: number) => void): Query {
  const query = pool.query.bind(pool) as unknown as Query
  return async (...given) => {
    const begin = performance.now()
    try {
      return await query(...given)
    } finally {
      onQuery(typeOf(given[0]), performance.now() - begin)
    }
  }
}

/** All statements are written here, so that there are few names and few first words. */
function typeOf(statement: unknown): string {
  const { name, text } = typeof statement === 'string' ? { text: statement } : (statement as Partial<Asked>)
  return name ?? /\w+/.exec(text ?? '')?.[0]?.toLowerCase() ?? 'none'
}

interface ServerSettings {
  readonly version: number
  readonly commit: string
  readonly fsync: string
  readonly available: number
}

/** Some connections are left to superusers and, from Postgres 16 on, to chosen roles; a role and a database may have fewer. */
const AVAILABLE = `
  least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
      - coalesce(current_setting('reserved_connections', true)::int, 0),
    (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user),
    (select nullif(datconnlimit, -1) from pg_database where datname = current_database())
  ) as available`

const SETTINGS = `
select current_setting('server_version_num')::int as version,
  current_setting('synchronous_commit') as commit, current_setting('fsync') as fsync, ${AVAILABLE}`

/** readAvailable tells how many connections a server has for this role. */
export async function readAvailable(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<Pick<ServerSettings, 'available'>>(`select ${AVAILABLE}`)
  return rows[0]?.available ?? 0
}

/** Answers how many connections there are for this role. PGlite has one, is asked for none, and does not flush. */
async function check(pool: pg.Pool, needed: number): Promise<number> {
  const { rows } = await pool.query<ServerSettings>(SETTINGS)
  const [settings] = rows
  if (!settings) throw new UnfitDatabaseError('The database does not tell its settings')
  const { version, available } = settings
  if (version < OLDEST_VERSION) {
    throw new UnfitDatabaseError(`Postgres 15 or later is needed; this one says ${version}`)
  }
  if (needed === 0) return available
  for (const name of ['commit', 'fsync'] as const) {
    if (settings[name] !== 'off') continue
    const setting = name === 'commit' ? 'synchronous_commit' : name
    throw new UnfitDatabaseError(
      `${setting} is off: acknowledged messages could be lost. Turn it on for this database and user`,
    )
  }
  if (needed > available) {
    throw new UnfitDatabaseError(
      `DATABASE_POOL and ${COMMIT_SIZE} for commits are ${needed} connections, and Postgres has ${available} for this role: lower DATABASE_POOL or raise max_connections`,
    )
  }
  return available
}
