import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, createClient } from '../../src/client/client.ts'
import { createPostgresServer, type PostgresServer } from '../../src/hosts/node/faults/servers/postgres.ts'
import { Health } from '../../src/protocol/rest.ts'
import { type Server, startServer } from '../support/server.ts'

const PASSWORD = 'Tea-at-4!'

let primary: PostgresServer
let standby: PostgresServer
let server: Server
let client: Client
let chatId: string

beforeAll(async () => {
  primary = await createPostgresServer()
  standby = await createPostgresServer({}, primary)
  server = await startServer({
    databaseUrl: primary.url('postgres'),
    env: { DATABASE_REPLICA_URL: standby.url('postgres'), DATABASE_REPLICA_LAG: '1' },
  })
  client = createClient({ url: server.url })
  await client.register({ username: 'ann', password: PASSWORD })
  client.connect()
  chatId = (await client.createGroup('Tea', [])).id
  await client.send(chatId, { content: 'kept' })
})

afterAll(async () => {
  client?.disconnect()
  await server?.stop()
  await standby?.remove()
  await primary?.remove()
})

async function health() {
  const { status, services } = Health.parse(await (await fetch(`${server.url}/health`)).json())
  return { status, ...services }
}

const contents = (of: Client) => {
  const chat = of.findChat(chatId)
  return chat && [...chat.messages].map(({ content }) => content)
}

/** Resolves when the standby has all that the primary has now. */
async function replicated(): Promise<void> {
  const [row] = await run(primary.url('postgres'), 'select pg_current_wal_lsn() as lsn')
  const text = `select pg_last_wal_replay_lsn() >= '${row?.lsn}' as has`
  const has = async () => (await run(standby.url('postgres'), text))[0]?.has
  await expect.poll(has).toBe(true)
}

test('health tells of a replica that lags or is away, and the instance goes on to get requests', async () => {
  await expect.poll(health).toMatchObject({ status: 'ok', database: 'ok', replica: 'ok', redis: 'off' })
  await run(standby.url('postgres'), 'select pg_wal_replay_pause()')
  await client.send(chatId, { content: 'not replayed' })
  await expect.poll(health).toMatchObject({ status: 'degraded', replica: 'degraded' })
  await standby.stop('immediate')
  await expect.poll(health).toMatchObject({ status: 'degraded', database: 'ok', replica: 'down' })
  for (const path of ['live', 'ready']) {
    const answer = await fetch(`${server.url}/health/${path}`)
    expect(answer.status, path).toBe(200)
  }
  expect(await client.search('nothing')).toEqual([])
  await standby.start()
  await expect.poll(health).toMatchObject({ status: 'ok', replica: 'ok' })
})

test('F14: on a stale replica that was promoted the history has another name, and clients begin afresh', async () => {
  await replicated()
  await standby.stop()
  for (const content of ['lost 1', 'lost 2', 'lost 3']) await client.send(chatId, { content })
  expect(contents(client)).toContain('lost 3')
  const before = client.account.logId
  await primary.stop('immediate')
  await standby.start()
  await run(standby.url('postgres'), 'select pg_promote()')
  await server.restart({ DATABASE_URL: standby.url('postgres'), DATABASE_REPLICA_URL: '' })

  await expect.poll(() => client.status.state).toBe('live')
  await expect.poll(() => contents(client)).toEqual(['not replayed'])
  await client.loadOlder(chatId)
  expect(contents(client)).toEqual(['kept', 'not replayed'])
  expect(client.account.logId).not.toBe(before)
  // The seqs of what was lost are taken by others now: nobody may take one for the other.
  await client.send(chatId, { content: 'after' })
  const fresh = createClient({ url: server.url })
  await fresh.login('ann', PASSWORD)
  fresh.connect()
  await expect.poll(() => fresh.findChat(chatId)).toBeDefined()
  await fresh.loadOlder(chatId)
  expect(contents(fresh)).toEqual(['kept', 'not replayed', 'after'])
  expect(contents(client)).toEqual(contents(fresh))
  fresh.disconnect()
})

async function run(url: string, text: string): Promise<Record<string, unknown>[]> {
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  try {
    return (await admin.query(text)).rows
  } finally {
    await admin.end()
  }
}
