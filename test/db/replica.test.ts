import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Committer, createCommitter } from '../../src/db/commit.ts'
import { connect, type Database, UnfitDatabaseError } from '../../src/db/connect.ts'
import { createIndexer } from '../../src/db/indexer.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createChangesReader } from '../../src/db/queries/changes.ts'
import { listMessages } from '../../src/db/queries/messages.ts'
import { searchMessages } from '../../src/db/queries/search.ts'
import { openReplica, type Replica, type ReplicaOptions } from '../../src/db/replica.ts'
import { createPostgresServer, type PostgresServer } from '../../src/hosts/node/faults/servers/postgres.ts'
import type { Message, User } from '../../src/protocol/model.ts'
import { freeze, thaw } from '../support/freeze.ts'
import { BUSY } from '../support/patience.ts'
import { createUser, Script } from '../support/script.ts'
import { addUsers } from '../support/store.ts'
import { createTestClock } from '../support/test-clock.ts'

const onFault = () => {}
/** Of which the replica has a quarter. */
const DEADLINE = 8_000
/** Milliseconds that the replica may be behind. */
const MOST_LAG = 1_500

let primary: PostgresServer
let standby: PostgresServer
let db: Database
let replica: Replica
let committer: Committer
/** Which statements were run since the test began, on which server. */
let asked: string[] = []

beforeAll(async () => {
  primary = await createPostgresServer()
  await migrate(primary.url('postgres'))
  standby = await createPostgresServer({}, primary)
  const onQuery = (type: string) => void (type !== 'wal-position' && asked.push(type))
  const plain = await connect({ url: primary.url('postgres'), deadline: DEADLINE, onQuery, onFault })
  replica = await open({ onQuery, primary: plain })
  db = { ...plain, replica }
  committer = createCommitter(db, { onFault })
})

afterAll(async () => {
  await committer?.close()
  await replica?.close()
  await db?.close()
  await standby?.remove()
  await primary?.remove()
})

const open = (options: Partial<ReplicaOptions> = {}) =>
  openReplica({
    ...{ url: standby.url('postgres'), poolSize: 4, mostLag: MOST_LAG, primary: db, onFault },
    deadline: DEADLINE,
    ...options,
  })

/** Over a connection of its own, as the superuser. */
async function on(server: PostgresServer, text: string): Promise<Record<string, unknown>[]> {
  const { pool, close } = await connect({ url: server.url('postgres'), onFault })
  const { rows } = await pool.query(text).finally(close)
  return rows
}

async function commit(...turns: Parameters<Committer['commit']>[0][]): Promise<void> {
  for (const turn of turns) expect(await committer.commit(turn)).toEqual({ status: 'committed' })
}

/** Resolves when the standby has all that the primary has now. */
async function replicated(): Promise<void> {
  const [row] = await on(primary, 'select pg_current_wal_lsn() as lsn')
  const has = async () =>
    (await on(standby, `select pg_last_wal_replay_lsn() >= '${row?.lsn}' as has`))[0]?.has
  await expect.poll(has).toBe(true)
}

/** A chat of ann and bob with ten messages, found by the word "plum", that the standby has. */
async function chatOfTen() {
  const [ann, bob] = [createUser(), createUser()]
  await addUsers(db, [ann, bob])
  const script = new Script([ann, bob])
  await commit(script.created())
  const messages = Array.from({ length: 10 }, (_, index) =>
    script.message(ann, { content: `plum ${index}` }, index + 1),
  )
  await commit(script.sent(ann, ...messages))
  const clock = createTestClock()
  const indexer = createIndexer(db, { clock, language: 'simple', onFault })
  clock.pass(0)
  await indexer.close()
  await replicated()
  await expect.poll(() => replica.state).toBe('ok')
  asked = []
  return { ann, bob, script, messages }
}

const page = (user: User, chatId: string, place: object) =>
  listMessages(db, { userId: user.id, chatId, limit: 5, ...place })
const contents = async (found: ReturnType<typeof page>) => (await found)?.data.map((it) => it.content)
const search = (user: User, q: string) => searchMessages(db, { userId: user.id, q, limit: 50 }, 'simple')

describe('a replica that stands well', () => {
  test('answers pages of old history, and the next ones by their cursor', async () => {
    const { bob, script } = await chatOfTen()
    const newest = await page(bob, script.chat.id, {})
    expect(asked).toEqual(['select'])
    asked = []
    const cursor = newest?.nextCursor
    expect(await contents(page(bob, script.chat.id, { cursor }))).toEqual([
      'plum 4',
      'plum 3',
      'plum 2',
      'plum 1',
      'plum 0',
    ])
    expect(asked).toEqual(['read-head', 'replica'])
    expect(await contents(page(bob, script.chat.id, { before: 4 }))).toEqual(['plum 1', 'plum 0'])
  })

  test('is not asked for the newest page, whatever it is called, nor for what came after', async () => {
    const { bob, script } = await chatOfTen()
    const { id } = script.chat
    expect((await page(bob, id, { before: 1_000 }))?.data).toHaveLength(5)
    for (const place of [{ after: 8 }, { around: 8 }]) await page(bob, id, place)
    const changes = createChangesReader(db)
    await changes.readChanges(bob.id, [{ chatId: id, since: 1 }])
    await changes.listHeads([bob.id])
    expect(asked).not.toContain('replica')
  })

  test('finds words, of which the primary says that they still stand', async () => {
    const { bob } = await chatOfTen()
    expect(await search(bob, 'plum')).toMatchObject({ total: 10, hasMore: false })
    expect(asked).toEqual(['select', 'replica', 'replica', 'hits-standing'])
    asked = []
    expect(await search(bob, 'nothing')).toMatchObject({ total: 0, results: [] })
    expect(asked).toEqual(['select', 'replica', 'replica'])
  })
})

describe('a replica that is behind', () => {
  beforeEach(() => on(standby, 'select pg_wal_replay_resume()').then(() => {}))
  const pause = () => on(standby, 'select pg_wal_replay_pause()')
  const resume = () => on(standby, 'select pg_wal_replay_resume()')

  const gone = async (script: Script, message: Message) => commit(script.deleted(message))
  const changed = async (script: Script, message: Message) => commit(script.edited(message, 'pear'))

  test.each([
    { name: 'deletions', change: gone, shows: '', hits: 9 },
    { name: 'edits', change: changed, shows: 'pear', hits: 10 },
  ])('hides no $name: the primary answers instead', async ({ change, shows, hits }) => {
    const { bob, script, messages } = await chatOfTen()
    const [first] = messages
    if (!first) throw new Error('There are ten')
    await pause()
    await change(script, first)
    expect(await contents(page(bob, script.chat.id, { before: 4 }))).toEqual(['plum 1', shows])
    expect(asked).toEqual(['read-head', 'replica', 'select'])
    const found = await search(bob, 'plum')
    expect(found.results.filter(({ content }) => content === '<mark>plum</mark> 0')).toEqual([])
    expect(found.results).toHaveLength(hits)
    await resume()
  })

  test('shortens no page', async () => {
    const { ann, bob, script } = await chatOfTen()
    await pause()
    await commit(script.sent(ann), script.sent(ann), script.sent(ann))
    expect((await page(bob, script.chat.id, { before: 14 }))?.data.map(({ seq }) => seq)).toEqual([
      ...[13, 12, 11, 10, 9],
    ])
    await resume()
  })

  test('shows nothing to who was removed', async () => {
    const { bob, script } = await chatOfTen()
    await pause()
    await commit(script.left(bob))
    expect(await page(bob, script.chat.id, { before: 4 })).toBeUndefined()
    expect(await search(bob, 'plum')).toMatchObject({ total: 0, results: [] })
    await resume()
  })

  test('shows nothing to who was removed from one of very many chats', async () => {
    const { bob, script } = await chatOfTen()
    const others = Array.from({ length: 201 }, () => new Script([bob]))
    await Promise.all(others.map((other) => commit(other.created())))
    await replicated()
    await expect.poll(() => replica.state).toBe('ok')
    expect((await search(bob, 'plum')).results).toHaveLength(10)
    await pause()
    await commit(script.left(bob))
    expect((await search(bob, 'plum')).results).toEqual([])
    await resume()
  })

  test('further than it may be is not asked until it has caught up', async () => {
    const { ann, bob, script } = await chatOfTen()
    await pause()
    await commit(script.sent(ann))
    await expect.poll(() => replica.state).toBe('lagging')
    asked = []
    expect(await contents(page(bob, script.chat.id, { before: 4 }))).toEqual(['plum 1', 'plum 0'])
    expect((await search(bob, 'plum')).results).toHaveLength(10)
    expect(asked).not.toContain('replica')
    await resume()
    await expect.poll(() => replica.state).toBe('ok')
  })
})

describe('a replica that does not answer', () => {
  test.each([
    { name: 'killed', away: () => standby.stop('immediate'), back: () => standby.start() },
    { name: 'frozen', away: () => freeze(standby.pid() ?? 0), back: () => thaw(standby.pid() ?? 0) },
  ])(
    'because it was $name is waited for shortly, and asked again when it is back',
    async ({ away, back }) => {
      const { bob, script } = await chatOfTen()
      await away()
      for (let read = 0; read < 5; read += 1) {
        const begin = performance.now()
        expect(await contents(page(bob, script.chat.id, { before: 4 }))).toEqual(['plum 1', 'plum 0'])
        expect(performance.now() - begin).toBeLessThan(DEADLINE + BUSY)
      }
      await expect.poll(() => replica.state).toBe('away')
      expect((await search(bob, 'plum')).results).toHaveLength(10)
      await back()
      await expect.poll(() => replica.state).toBe('ok')
      asked = []
      await page(bob, script.chat.id, { before: 4 })
      expect(asked).toEqual(['read-head', 'replica'])
    },
  )

  test('from the start on is no reason not to start', async () => {
    const states: string[] = []
    const nobody = await open({ url: 'postgres://nobody@%2Fnowhere/none', onState: (it) => states.push(it) })
    expect(nobody).toMatchObject({ state: 'away', connections: undefined })
    expect(await nobody.ask({ text: 'select 1', values: [] })).toBeUndefined()
    expect(states).toEqual(['away'])
    await nobody.close()
  })
})

test('a replica counts its connections, and one that has too few for this instance is refused', async () => {
  expect(replica.connections).toEqual({ needed: 4, available: 297 })
  await expect(open({ poolSize: 400 })).rejects.toThrow(
    new UnfitDatabaseError(
      'DATABASE_POOL is 400 connections, and the replica has 297 for this role: lower DATABASE_POOL or raise its max_connections',
    ),
  )
})

describe('what is no replica of this primary is not asked:', () => {
  test('the primary itself', async () => {
    const itself = await open({ url: primary.url('postgres') })
    expect(itself.state).toBe('foreign')
    await itself.close()
  })

  test('a standby of another cluster', async () => {
    const stranger = await createPostgresServer()
    const strangers = await createPostgresServer({}, stranger)
    const foreign = await open({ url: strangers.url('postgres') })
    expect(foreign.state).toBe('foreign')
    await foreign.close()
    await strangers.remove()
    await stranger.remove()
  })

  test('one that was promoted', async () => {
    const { bob, script } = await chatOfTen()
    await on(standby, 'select pg_promote()')
    await expect.poll(() => replica.state).toBe('foreign')
    asked = []
    expect(await contents(page(bob, script.chat.id, { before: 4 }))).toEqual(['plum 1', 'plum 0'])
    expect(asked).toEqual(['select'])
  })
})
