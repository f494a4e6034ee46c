import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../src/db/migrate.ts'
import { createPostgresServer, type PostgresServer } from '../../src/hosts/node/faults/servers/postgres.ts'
import { startPglite } from '../../src/hosts/node/pglite.ts'

/** The migrated database that every test database is a copy of. */
export const TEMPLATE = 'parley_template'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where test files ask for what they share; it is made when the first of them asks. */
    sharedServers: string
  }
}

/** One Postgres and one migrated PGlite folder for the whole run, made only if a test file asks for them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let postgres: Promise<PostgresServer> | undefined
  let pglite: Promise<string> | undefined
  const server = createServer((request, response) => {
    const answer = async () => {
      if (request.url === '/pglite') {
        pglite ??= createPgliteFolder()
        return pglite
      }
      postgres ??= createMigratedServer()
      return (await postgres).url('postgres')
    }
    answer().then(
      (text) => response.end(text),
      (error: Error) => response.writeHead(500).end(error.message),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  project.provide('sharedServers', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return async () => {
    server.closeAllConnections()
    server.close()
    await (await postgres)?.remove()
    const folder = await pglite
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

async function createMigratedServer(): Promise<PostgresServer> {
  const server = await createPostgresServer()
  const client = new pg.Client({ connectionString: server.url('postgres') })
  await client.connect()
  await client.query(`create database ${TEMPLATE}`)
  await client.end()
  await migrate(server.url(TEMPLATE))
  return server
}

async function createPgliteFolder(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-pglite-'))
  const pglite = startPglite(folder)
  await pglite.ready
  await migrate(pglite.url)
  await pglite.close()
  return folder
}
