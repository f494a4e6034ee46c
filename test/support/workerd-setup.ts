import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { migrate } from '../../src/db/migrate.ts'
import { keepSettings } from '../../src/db/pooled-role.ts'
import { createBadNetwork } from '../../src/hosts/node/faults/bad-network.ts'
import { createPostgresServer } from '../../src/hosts/node/faults/servers/postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The database as the service reaches it, over a network that can be stalled. */
    hyperdriveUrl: string
    /**
     * `POST /stall` has the service's connections pass nothing on any more, `POST /reset` ends them. `POST /look` and
     * `POST /lock` run the SQL of their body, each in a session of its own that lasts, and answer its rows.
     */
    controlUrl: string
  }
}

/** While a session has lock 1, a statement that stores a message waits in its middle, and keeps what it has locked. */
const HOLD = `
  create function hold() returns trigger language plpgsql as
    'begin perform pg_advisory_xact_lock_shared(1); return new; end';
  create trigger hold before insert on messages for each row execute function hold()`

/** A real Postgres for tests that run in the platform's runtime, which can start no process. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await createPostgresServer()
  await migrate(postgres.url('postgres'))
  const network = await createBadNetwork(() => [{ path: postgres.socketPath }])
  const url = `postgres://postgres:none@127.0.0.1:${network.port}/postgres`
  // They begin before the role gets what bounds the service's own sessions.
  const [look, lock] = [await connect(), await connect()]
  await look.query(HOLD)
  await keepSettings(url)
  // What a test holds back waits until it is let go, on a slow machine, too.
  for (const name of ['lock_timeout', 'statement_timeout'])
    await look.query(`alter role postgres in database postgres set ${name} = 0`)
  const actions: Record<string, (body: string) => Promise<unknown>> = {
    '/stall': async () => {
      for (const connection of network.connections) connection.stall()
    },
    '/reset': async () => network.reset(),
    '/look': async (sql) => (await look.query(sql)).rows,
    '/lock': async (sql) => (await lock.query(sql)).rows,
  }
  const control = createServer((request, response) => {
    const answer = async () => actions[request.url ?? '']?.(await text(request))
    answer().then(
      (rows) => response.end(JSON.stringify(rows ?? [])),
      (error: Error) => response.writeHead(500).end(error.message),
    )
  })
  await new Promise<void>((resolve) => control.listen(0, '127.0.0.1', resolve))
  project.provide('hyperdriveUrl', url)
  project.provide('controlUrl', `http://127.0.0.1:${(control.address() as AddressInfo).port}`)
  return async () => {
    control.closeAllConnections()
    control.close()
    for (const client of [look, lock]) await client.end()
    await network.close()
    await postgres.remove()
  }

  async function connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: postgres.url('postgres') })
    await client.connect()
    return client
  }
}
