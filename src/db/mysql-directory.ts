import { createPool, type Pool, type RowDataPacket } from 'mysql2'
import type { DirectoryEntry, UserDirectory, Wanted } from '../auth/ports.ts'
import type { PushTable, UserTable } from '../settings/directory.ts'
import type { PushTokens } from '../workers/ports.ts'
import { createBatch } from './batch.ts'
import { createBreaker, within } from './breaker.ts'
import { steadyClock } from './steady-clock.ts'

/** Milliseconds until an attempt to connect, and until anything at all, is given up. */
const CONNECT_TIMEOUT = 1_500
const PATIENCE = 2_000
const CONNECTIONS = 2
/** Names of one statement. Only so many lengths of a list are asked for, as each is prepared by every connection. */
const LENGTHS = [1, 10, 100]
const MOST = 100

export interface MysqlOptions {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password?: string | undefined
  /** Encrypts, and takes a certificate of these authorities (PEM), or of the well-known ones, for `host` alone. */
  readonly tls?: { readonly ca?: string } | undefined
  readonly tables: readonly UserTable[]
  readonly pushTable?: PushTable | undefined
}

/** Of old tables, many are in an encoding in which any other character is an error, for the whole statement. */
const ASCII = /^[\x20-\x7e]*$/

/** MysqlDirectory is a directory with connections, which are made when they are needed. */
export interface MysqlDirectory extends UserDirectory, PushTokens {
  close(): Promise<void>
}

/**
 * createMysqlDirectory reads names out of tables that somebody else keeps. Its sessions are read-only, and it sends
 * nothing but prepared SELECTs; names of tables and columns have been checked with the settings. While the server is
 * away, everybody is told so at once but one every quarter of a second.
 */
export function createMysqlDirectory(options: MysqlOptions): MysqlDirectory {
  const { tables, pushTable, password = '', tls, ...server } = options
  const pool = createPool({
    ...server,
    password,
    ...(tls && { ssl: { ...tls, minVersion: 'TLSv1.2', verifyIdentity: true } }),
    connectionLimit: CONNECTIONS,
    connectTimeout: CONNECT_TIMEOUT,
    enableKeepAlive: true,
    // Without it, statements are made by eval, which some hosts forbid.
    disableEval: true,
  })
  pool.on('connection', (connection) => {
    connection.query('set session transaction read only', (error) => {
      if (error) connection.destroy()
    })
  })
  const breaker = createBreaker(steadyClock, isAnswer)
  const directories = tables.map((table) => ({
    table,
    find: createBatch((ids: readonly string[]) => read(pool, table, ids), { atOnce: 1, most: MOST }),
  }))

  return {
    async find({ issuer, subject, type }: Wanted) {
      if (!ASCII.test(subject)) return undefined
      const directory = directories.find(({ table }) => table.issuer === issuer && table.type === type)
      return directory && breaker.run(() => within(PATIENCE, directory.find(subject)))
    },
    hasTokensOf: (issuer) => pushTable?.issuer === issuer,
    async listTokens({ issuer, subject }) {
      if (pushTable?.issuer !== issuer || !ASCII.test(subject)) return []
      return breaker.run(() => within(PATIENCE, readTokens(pool, pushTable, subject)))
    },
    close: () => pool.promise().end(),
  }
}

async function read(
  pool: Pool,
  table: UserTable,
  ids: readonly string[],
): Promise<(DirectoryEntry | undefined)[]> {
  const length = LENGTHS.find((it) => it >= ids.length) ?? MOST
  const values = Array.from({ length }, (_, index) => ids[Math.min(index, ids.length - 1)] ?? '')
  const sql = toSelect(table, length)
  const [rows] = await pool
    .promise()
    .execute<RowDataPacket[][]>({ sql, values, rowsAsArray: true, timeout: PATIENCE })
  const found = new Map(rows.map((row) => [String(row[0]), toEntry(table, row)]))
  // By the id as it is spelled: the server would take "42x" for 42, and "ann" for "Ann".
  return ids.map((id) => found.get(id))
}

async function readTokens(pool: Pool, { table, id, token }: PushTable, subject: string): Promise<string[]> {
  const from = table.split('.').map(quote).join('.')
  const sql = `select cast(${quote(id)} as char), cast(${quote(token)} as char) from ${from} where ${quote(id)} = ? limit ${MOST}`
  const [rows] = await pool
    .promise()
    .execute<RowDataPacket[][]>({ sql, values: [subject], rowsAsArray: true, timeout: PATIENCE })
  return rows.flatMap(([owner, found]) => (String(owner) === subject && found ? [String(found)] : []))
}

function toSelect({ table, id, name, picture }: UserTable, length: number): string {
  const columns = [...name, ...(picture === undefined ? [] : [picture])].map(quote)
  const places = Array.from({ length }, () => '?').join(', ')
  const from = table.split('.').map(quote).join('.')
  return `select cast(${quote(id)} as char), ${columns.join(', ')} from ${from} where ${quote(id)} in (${places})`
}

function toEntry({ name }: UserTable, [, ...columns]: readonly unknown[]): DirectoryEntry {
  const parts = columns.slice(0, name.length).filter((part) => part !== null)
  return { name: parts.join(' '), picture: columns[name.length] }
}

function quote(name: string): string {
  return `\`${name}\``
}

/** Whether the server refused the statement: it is there, and what fails is this one. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && 'sqlState' in error && !('fatal' in error && error.fatal === true)
}
