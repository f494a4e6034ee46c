import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createCommitter } from '../../src/db/commit.ts'
import { connect } from '../../src/db/connect.ts'
import { migrate } from '../../src/db/migrate.ts'
import { createPostgresServer, type PostgresServer } from '../../src/hosts/node/faults/servers/postgres.ts'
import { TIMES } from '../../src/protocol/limits.ts'
import type { User } from '../../src/protocol/model.ts'
import type { CommitResult } from '../../src/rooms/ports.ts'
import { BUSY, COMMIT_DEADLINE_SECONDS } from '../support/patience.ts'
import { createUser, Script } from '../support/script.ts'
import { openPgliteStore, openPostgresStore, type StoreOnDatabase } from '../support/store.ts'

const COMMITTED = { status: 'committed' }
const WORDS = 'Not to be stored'

describe.each([
  ['Postgres', openPostgresStore],
  ['PGlite', openPgliteStore],
])('the commit, on %s', (_, open) => {
  let it: StoreOnDatabase
  let ann: User
  let bob: User
  beforeAll(async () => {
    it = await open()
    ann = createUser()
    bob = createUser()
    await it.addUsers([ann, bob])
    // A message that the database itself refuses, as a bug of ours might send one.
    await it.db.pool.query(`alter table messages add constraint poison check (content <> '${WORDS}')`)
  })
  beforeEach(() => it.faults.splice(0))
  afterAll(() => it.close())

  async function createScripts(count: number): Promise<Script[]> {
    const scripts = Array.from({ length: count }, () => new Script([ann, bob], { kind: 'direct' }))
    await Promise.all(scripts.map((script) => it.committer.commit(script.created())))
    return scripts
  }

  test('refuses one poison turn among fifty, and commits the others', async () => {
    const scripts = await createScripts(50)
    const results = await Promise.all(
      scripts.map((script, index) =>
        it.committer.commit(script.sent(ann, script.message(ann, index === 37 ? { content: WORDS } : {}))),
      ),
    )
    expect(results.filter(({ status }) => status === 'committed')).toHaveLength(49)
    // Not to be tried again: a client would hold back all that it has to say after it.
    expect(results[37]).toMatchObject({ status: 'refused', refusal: { code: 'VALIDATION_ERROR' } })
    expect(it.faults).toMatchObject([{ constraint: 'poison' }])
    const { rows } = await it.db.pool.query('select seq, count(*) from chats group by seq order by seq')
    expect(rows).toEqual([
      { seq: 1, count: 1 },
      { seq: 2, count: 49 },
    ])
  })

  test('gives one id that two chats send at once to one of them', async () => {
    const [a, b] = await createScripts(2)
    if (!a || !b) throw new Error('Two chats were wanted')
    const message = a.message(ann)
    const results = await Promise.all([
      it.committer.commit(a.sent(ann, message)),
      it.committer.commit(b.sent(ann, b.message(ann, { id: message.id }))),
    ])
    expect(results.map(({ status }) => status).sort()).toEqual(['committed', 'stale'])
    expect(it.faults).toEqual([])
  })

  test('lets one of two rooms of the same chat win each seq', async () => {
    const [script] = await createScripts(1)
    if (!script) throw new Error('A chat was wanted')
    for (let round = 0; round < 20; round += 1) {
      const results = await Promise.all(
        [ann, bob, ann].map((sender) => {
          const rival = new Script(script.users, script.chat)
          rival.seq = script.seq
          return it.committer.commit(rival.sent(sender))
        }),
      )
      expect(results.map(({ status }) => status).sort()).toEqual(['committed', 'stale', 'stale'])
      script.seq += 1
    }
    expect(it.faults).toEqual([])
  })

  test('moves watermarks forward only, never past the head, and notes when in a direct chat', async () => {
    const [script] = await createScripts(1)
    if (!script) throw new Error('A chat was wanted')
    const turns = [
      script.sent(ann),
      script.sent(ann),
      script.read(bob, 3),
      script.read(bob, 2),
      script.read(bob, 99),
    ]
    for (const turn of turns) expect(await it.committer.commit(turn)).toEqual(COMMITTED)
    const state = await it.store.load(script.chat.id)
    expect(state?.participants.get(bob.id)).toMatchObject({ readSeq: 6, deliveredSeq: 6 })
    const { rows } = await it.db.pool.query(
      'select user_id, seq from read_marks where chat_id = $1 order by seq',
      [script.chat.id],
    )
    expect(rows).toEqual([
      { user_id: bob.id, seq: 3 },
      { user_id: bob.id, seq: 6 },
    ])
  })

  test('notes no reads of groups', async () => {
    const script = new Script([ann, bob])
    for (const turn of [script.created(), script.sent(ann), script.read(bob, 2)]) {
      expect(await it.committer.commit(turn)).toEqual(COMMITTED)
    }
    const { rows } = await it.db.pool.query('select from read_marks where chat_id = $1', [script.chat.id])
    expect(rows).toEqual([])
  })

  test('stamps the row of a chat with the last change of its public fields alone', async () => {
    const script = new Script([ann, bob])
    const turns = [script.created(), script.updated({ name: 'New' }), script.sent(ann), script.read(bob, 3)]
    for (const turn of turns) expect(await it.committer.commit(turn)).toEqual(COMMITTED)
    const { rows } = await it.db.pool.query(
      'select seq, changed_seq, last_message_seq from chats where id = $1',
      [script.chat.id],
    )
    expect(rows).toEqual([{ seq: 4, changed_seq: 2, last_message_seq: 3 }])
  })

  test('keeps what an edited message said before', async () => {
    const script = new Script([ann, bob])
    const message = script.message(ann, { content: 'First' }, 2)
    const turns = [script.created(), script.sent(ann, message), script.edited(message, 'Second')]
    for (const turn of [...turns, script.edited(message, 'Third')]) {
      expect(await it.committer.commit(turn)).toEqual(COMMITTED)
    }
    const { rows } = await it.db.pool.query(
      'select seq, content from message_revisions where message_id = $1 order by seq',
      [message.id],
    )
    expect(rows).toEqual([
      { seq: 3, content: 'First' },
      { seq: 4, content: 'Second' },
    ])
  })
})

describe('the commit, on Postgres', () => {
  let it: StoreOnDatabase
  let ann: User
  beforeAll(async () => {
    it = await openPostgresStore()
    ann = createUser()
    await it.addUsers([ann])
  })
  afterAll(() => it.close())

  test('numbers without hole or double while six writers fight over two chats', async () => {
    const scripts = [new Script([ann]), new Script([ann])]
    for (const script of scripts) expect(await it.committer.commit(script.created())).toEqual(COMMITTED)
    const won: CommitResult['status'][] = []
    const faults: unknown[] = []
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const db = await connect({
          url: it.url,
          deadline: COMMIT_DEADLINE_SECONDS * 1_000,
          onFault: () => {},
        })
        const committer = createCommitter(db, { onFault: (error) => faults.push(error) })
        for (let round = 0; round < 40; round += 1) {
          await Promise.all(
            scripts.map(async ({ chat }) => {
              const own = new Script([ann], chat)
              own.seq = (await db.pool.query('select seq from chats where id = $1', [chat.id])).rows[0].seq
              const turn = round % 4 === 0 ? own.updated({ name: `Name ${round}` }) : own.sent(ann)
              won.push((await committer.commit(turn)).status)
            }),
          )
        }
        await committer.close()
        await db.close()
      }),
    )
    expect(faults).toEqual([])
    expect([...new Set(won)].sort()).toEqual(['committed', 'stale'])
    const heads = await it.db.pool.query('select id, seq from chats where id = any($1)', [
      scripts.map(({ chat }) => chat.id),
    ])
    const total = heads.rows.reduce((sum, { seq }) => sum + seq - 1, 0)
    expect(total).toBe(won.filter((status) => status === 'committed').length)
    const { rows } = await it.db.pool.query(
      `select count(*) - count(distinct (chat_id, seq)) as doubles from messages where chat_id = any($1)`,
      [scripts.map(({ chat }) => chat.id)],
    )
    expect(rows).toEqual([{ doubles: 0 }])
  })

  test('is not held up in one chat by a lock on another', async () => {
    const [locked, free] = [new Script([ann]), new Script([ann])]
    for (const script of [locked, free])
      expect(await it.committer.commit(script.created())).toEqual(COMMITTED)
    const blocker = new pg.Client({ connectionString: it.url })
    await blocker.connect()
    await blocker.query('begin')
    await blocker.query('select from chats where id = $1 for update', [locked.chat.id])
    const results = await Promise.all([
      it.committer.commit(locked.sent(ann)),
      it.committer.commit(free.sent(ann)),
    ])
    expect(results).toEqual([{ status: 'stale' }, COMMITTED])
    await blocker.end()
    locked.seq = 1
    expect(await it.committer.commit(locked.sent(ann))).toEqual(COMMITTED)
  })

  test('says unknown when the connection is lost under the statement, and goes on with another', async () => {
    const script = new Script([ann])
    expect(await it.committer.commit(script.created())).toEqual(COMMITTED)
    const blocker = new pg.Client({ connectionString: it.url })
    await blocker.connect()
    await blocker.query('begin')
    await blocker.query('lock table messages in exclusive mode')
    const result = it.committer.commit(script.sent(ann))
    for (let isKilled = false; !isKilled; ) {
      const { rows } = await blocker.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      )
      isKilled = rows.length > 0
    }
    expect(await result).toEqual({ status: 'unknown' })
    await blocker.end()
    script.seq = 1
    expect(await it.committer.commit(script.sent(ann))).toEqual(COMMITTED)
  })

  test('gives a stuck statement up within its time, and has done nothing', async () => {
    const script = new Script([ann])
    expect(await it.committer.commit(script.created())).toEqual(COMMITTED)
    const blocker = new pg.Client({ connectionString: it.url })
    await blocker.connect()
    await blocker.query('begin')
    await blocker.query('lock table messages in exclusive mode')
    const db = await connect({ url: it.url, onFault: () => {} })
    const committer = createCommitter(db, { onFault: () => {} })
    const begin = performance.now()
    expect(await committer.commit(script.sent(ann))).toEqual({ status: 'unavailable' })
    expect(performance.now() - begin).toBeLessThan(TIMES.commitDeadline + BUSY)
    await blocker.end()
    await committer.close()
    await db.close()
    expect((await it.store.load(script.chat.id))?.seq).toBe(1)
  })

  test('keeps the rows of chats and participants in their pages while messages and receipts come', async () => {
    const script = new Script([ann])
    expect(await it.committer.commit(script.created())).toEqual(COMMITTED)
    const count = async () => {
      const flush = () => it.db.commits.query('select pg_stat_force_next_flush(), pg_sleep(0.05)')
      await Promise.all([flush(), flush()])
      const { rows } = await it.db.pool.query(
        `select sum(n_tup_upd - n_tup_hot_upd) as cold, sum(n_tup_upd) as all from pg_stat_user_tables
         where relname in ('chats', 'chat_participants')`,
      )
      return rows[0]
    }
    const before = await count()
    for (let round = 0; round < 100; round += 1) {
      const turn = script.turn(
        { type: 'message:new', data: { message: script.message(ann), sender: ann } },
        {
          type: 'receipts',
          data: {
            marks: [
              { userId: ann.id, readSeq: script.seq, deliveredSeq: script.seq, at: script.chat.createdAt },
            ],
          },
        },
      )
      expect(await it.committer.commit(turn)).toEqual(COMMITTED)
    }
    await expect.poll(async () => (await count()).all - before.all).toBeGreaterThanOrEqual(200)
    // Old versions cannot be cleared away while somebody else's snapshot (autovacuum's) may still want them.
    expect((await count()).cold - before.cold).toBeLessThan(20)
  })
})

describe('the commit, on a Postgres that goes away', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await createPostgresServer()
  })
  afterAll(() => server.remove())

  test('answers unavailable while it is gone, and commits when it is back', async () => {
    await migrate(server.url('postgres'))
    const db = await connect({ url: server.url('postgres'), onFault: () => {} })
    const faults: unknown[] = []
    const committer = createCommitter(db, { onFault: (error) => void faults.push(error) })
    const script = new Script([])
    expect(await committer.commit(script.created())).toEqual(COMMITTED)
    await server.stop('immediate')
    const results = await Promise.all(
      Array.from({ length: 20 }, () => committer.commit(new Script([]).created())),
    )
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['unavailable']))
    for (let retry = 0; retry < 100; retry += 1) await committer.commit(new Script([]).created())
    expect(faults.length).toBeLessThan(10)
    await server.start()
    const back = script.updated({ name: 'Back' })
    await expect.poll(() => committer.commit(back)).toEqual(COMMITTED)
    await committer.close()
    expect(await committer.commit(script.updated({ name: 'Late' }))).toEqual({ status: 'unavailable' })
    await db.close()
  })
})
