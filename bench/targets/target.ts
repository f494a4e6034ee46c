import type { Plan } from '../generator/load.ts'
import type { LoadUser } from '../generator/load-client.ts'
import type { Stored } from '../generator/verdict.ts'
import type { Child } from '../machine/child.ts'
import type { Redis } from '../machine/redis.ts'
import type { People } from '../people.ts'

export interface Server extends Pick<Child, 'stop'> {
  /** Where it takes connections; clients are shared out over them in turn. */
  readonly ports: readonly number[]
  readonly pids: readonly number[]
}

/** Target is a chat server that the bench can measure. */
export interface Target {
  readonly speaks: Plan['speaks']
  /** Makes the tables and the people in an empty database, and signs everybody in. */
  prepare(databaseUrl: string, people: People): Promise<LoadUser[]>
  /** Starts the server and resolves when it takes connections. On the same ports when it is started again. */
  start(databaseUrl: string, ports?: readonly number[]): Promise<Server>
  /** What the database holds of the load's messages, in stored order. */
  readStored(databaseUrl: string, people: People): Promise<Stored>
  /** Processes besides the server and Postgres that work for it. */
  readonly otherPids: readonly number[]
  /** Between its instances, where it has several. */
  readonly redis?: Pick<Redis, 'pid' | 'count'>
  close(): Promise<void>
}

export const NODE = process.execPath
export const ROOT = new URL('../../', import.meta.url).pathname

/** The rows of `select index, "order", chat ...` as columns. */
export function toStored(rows: readonly Record<string, unknown>[], heads: readonly number[] = []): Stored {
  return {
    index: Uint32Array.from(rows, (row) => Number(row.index)),
    order: Float64Array.from(rows, (row) => Number(row.order)),
    chat: Uint32Array.from(rows, (row) => Number(row.chat)),
    heads,
  }
}

/** Whether a port answers HTTP at this path with success. */
export async function answers(port: number, path: string): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}${path}`)).ok
}
