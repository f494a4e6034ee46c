import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { type BadNetwork, createBadNetwork } from '../../src/hosts/node/faults/bad-network.ts'
import { TEMPLATE } from './global-setup.ts'

/** TestDatabase is a migrated database of one test file's own, on the real Postgres that all files share. */
export interface TestDatabase {
  readonly url: string
  /** Runs SQL as the superuser, over a connection of its own. */
  query(text: string, values?: unknown[]): Promise<pg.QueryResult>
  drop(): Promise<void>
}

export async function createTestDatabase(): Promise<TestDatabase> {
  const adminUrl = await askShared('/postgres')
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await once(adminUrl, `create database ${name} template ${TEMPLATE}`)
  const url = adminUrl.replace(/postgres$/, name)
  return {
    url,
    query: (text, values) => once(url, text, values),
    drop: async () => void (await once(adminUrl, `drop database ${name} with (force)`)),
  }
}

/** reachByTcp puts a network between a database and what reaches it by TCP alone, and answers its URL over that. */
export async function reachByTcp({ url }: TestDatabase): Promise<{ network: BadNetwork; url: string }> {
  const { hostname, pathname } = new URL(url)
  const path = join(decodeURIComponent(hostname), '.s.PGSQL.5432')
  const network = await createBadNetwork(() => [{ path }])
  return { network, url: `postgres://postgres:none@127.0.0.1:${network.port}${pathname}` }
}

/** What the whole run shares: made by whoever asks first. */
export async function askShared(path: '/postgres' | '/pglite'): Promise<string> {
  const response = await fetch(inject('sharedServers') + path)
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  return text
}

async function once(url: string, text: string, values?: unknown[]): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await client.query(text, values)
  } finally {
    await client.end()
  }
}
