import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Committer, createCommitter } from '../../src/db/commit.ts'
import { createJobStore } from '../../src/db/jobs.ts'
import { countJobs, discardDeadJob, listDeadJobs, retryDeadJobs } from '../../src/db/queries/jobs.ts'
import type { User } from '../../src/protocol/model.ts'
import type { Turn } from '../../src/rooms/ports.ts'
import type { Job, JobStore } from '../../src/workers/ports.ts'
import { createUser, Script } from '../support/script.ts'
import { openPgliteStore, openPostgresStore, type StoreOnDatabase } from '../support/store.ts'

const LEASE = 60_000
/** A lease that has run out when it is given. */
const PAST = -1_000
const TRIES = 8

/** A job for every message, due at once, and one for every other change. */
function outbox({ events }: Turn) {
  return events.map(({ type, seq, chatId }) => ({ kind: type, payload: { chatId, seq } }))
}

describe.each([
  ['Postgres', openPostgresStore],
  ['PGlite', openPgliteStore],
])('jobs, on %s', (_, open) => {
  let it: StoreOnDatabase
  let committer: Committer
  let jobs: JobStore
  const wakes: number[] = []
  let ann: User
  let bob: User

  beforeAll(async () => {
    it = await open()
    ann = createUser()
    bob = createUser()
    await it.addUsers([ann, bob])
    const onFault = (error: unknown) => void it.faults.push(error)
    committer = createCommitter(it.db, { outbox, onJobs: (delay) => wakes.push(delay), onFault })
    jobs = createJobStore(it.db, { onAdded: (delay) => wakes.push(delay) })
  })
  beforeEach(async () => {
    wakes.splice(0)
    await it.db.pool.query('delete from jobs')
  })
  afterAll(async () => {
    await committer.close()
    expect(it.faults).toEqual([])
    await it.close()
  })

  const claim = async (free: Record<string, number>, with_ = {}) =>
    jobs.claim({ free: new Map(Object.entries(free)), lease: LEASE, mostAttempts: TRIES, ...with_ })

  async function claimOne(kind: string, with_ = {}): Promise<Job> {
    const { jobs: found } = await claim({ [kind]: 1 }, with_)
    const [job] = found
    if (!job) throw new Error('A job was wanted')
    return job
  }

  async function stored() {
    const { rows } = await it.db.pool.query(
      'select kind, payload, attempts, state from jobs order by kind, id',
    )
    return rows
  }

  test('are stored by the commit of the turn that causes them', async () => {
    const script = new Script([ann, bob], { kind: 'direct' })
    const chatId = script.chat.id
    for (const turn of [script.created(), script.sent(ann), script.read(bob, 2)]) {
      expect(await committer.commit(turn)).toEqual({ status: 'committed' })
    }
    expect(await stored()).toEqual([
      { kind: 'chat:created', payload: { chatId, seq: 1 }, attempts: 0, state: 'ready' },
      { kind: 'message:new', payload: { chatId, seq: 2 }, attempts: 0, state: 'ready' },
      { kind: 'receipts', payload: { chatId, seq: 3 }, attempts: 0, state: 'ready' },
    ])
    expect(wakes).toEqual([0, 0, 0])
  })

  test('of a turn that is stale are not stored', async () => {
    const script = new Script([ann, bob])
    await committer.commit(script.created())
    const rival = new Script(script.users, script.chat)
    rival.seq = script.seq
    await committer.commit(script.sent(ann))
    await it.db.pool.query('delete from jobs')
    expect(await committer.commit(rival.sent(bob))).toEqual({ status: 'stale' })
    expect(await stored()).toEqual([])
  })

  test('of many chats go in one statement, each to its own', async () => {
    const scripts = Array.from({ length: 20 }, () => new Script([ann, bob]))
    await Promise.all(scripts.map((script) => committer.commit(script.created())))
    await it.db.pool.query('delete from jobs')
    const turns = scripts.map((script, index) => (index % 2 === 0 ? script.sent(ann) : script.read(bob, 1)))
    await Promise.all(turns.map((turn) => committer.commit(turn)))
    const chatIds = (await stored()).map(({ payload }) => payload.chatId)
    expect(chatIds.sort()).toEqual(scripts.map(({ chat }) => chat.id).sort())
  })

  test('are claimed when they are due, of each kind no more than asked for', async () => {
    await jobs.add([
      ...[1, 2, 3].map((n) => ({ kind: 'a', payload: { n } })),
      { kind: 'b', payload: {}, delay: 50_000 },
      { kind: 'c', payload: {} },
    ])
    expect(wakes).toEqual([0])
    const first = await claim({ a: 2, b: 5 })
    expect(first.jobs.map(({ kind, attempts }) => [kind, attempts])).toEqual([
      ['a', 1],
      ['a', 1],
    ])
    expect(first.nextIn).toBeGreaterThan(40_000)
    expect(first.nextIn).toBeLessThanOrEqual(50_000)
    expect((await claim({ a: 2, b: 5 })).jobs).toMatchObject([{ kind: 'a', payload: { n: 3 } }])
  })

  test('are claimed by one of many that ask at once', async () => {
    await jobs.add(Array.from({ length: 40 }, (_, n) => ({ kind: 'a', payload: { n } })))
    const claims = await Promise.all(Array.from({ length: 10 }, () => claim({ a: 10 })))
    const ids = claims.flatMap((it) => it.jobs.map(({ id }) => id))
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('that are done are gone, and what follows is there', async () => {
    await jobs.add([{ kind: 'a', payload: {} }])
    await jobs.finish(await claimOne('a'), [{ kind: 'b', payload: { after: 'a' }, delay: 7_000 }])
    expect(await stored()).toEqual([{ kind: 'b', payload: { after: 'a' }, attempts: 0, state: 'ready' }])
    expect(wakes).toEqual([0, 7_000])
  })

  test('are due again when the lease of whoever is gone has run out', async () => {
    await jobs.add([{ kind: 'a', payload: {} }])
    const lost = await claimOne('a', { lease: PAST })
    const again = await claimOne('a')
    expect(again).toMatchObject({ id: lost.id, attempts: 2 })
    // Whoever was thought to be gone has no say any more.
    await jobs.finish(lost, [{ kind: 'b', payload: {} }])
    await jobs.fail(lost, { error: 'late', retryIn: null })
    expect(await stored()).toMatchObject([{ kind: 'a', attempts: 2, state: 'ready' }])
  })

  test('that never came to an end are dead letters, not tried for ever', async () => {
    await jobs.add([{ kind: 'a', payload: {} }])
    for (let n = 1; n <= TRIES; n += 1) await claimOne('a', { lease: PAST })
    expect(await claim({ a: 1 })).toEqual({ jobs: [], nextIn: null })
    expect(await listDeadJobs(it.db, { after: undefined, limit: 10 })).toMatchObject([
      { kind: 'a', lastError: 'It never came to an end: whoever ran it was gone' },
    ])
  })

  test('that failed for good can be listed, tried again with all tries, and thrown away', async () => {
    await jobs.add(['a', 'a', 'b'].map((kind) => ({ kind, payload: { chatId: 'some chat' } })))
    for (const job of (await claim({ a: 5, b: 5 })).jobs) {
      await jobs.fail(job, { error: 'no such thing', retryIn: null })
    }
    const dead = await listDeadJobs(it.db, { after: undefined, limit: 10 })
    expect(dead.map(({ kind }) => kind).sort()).toEqual(['a', 'a', 'b'])
    expect(dead[0]).toMatchObject({ attempts: 1, lastError: 'no such thing', chatId: 'some chat' })
    const counts = await countJobs(it.db)
    expect(counts.sort((x, y) => (x.kind < y.kind ? -1 : 1))).toEqual([
      { kind: 'a', ready: 0, dead: 2, age: 0 },
      { kind: 'b', ready: 0, dead: 1, age: 0 },
    ])
    expect(await retryDeadJobs(it.db, { kind: 'a' })).toBe(2)
    expect((await claim({ a: 5 })).jobs).toMatchObject([{ attempts: 1 }, { attempts: 1 }])
    const [last] = await listDeadJobs(it.db, { after: undefined, limit: 10 })
    expect(await discardDeadJob(it.db, last?.id ?? '')).toBe(true)
    expect(await discardDeadJob(it.db, last?.id ?? '')).toBe(false)
  })
})
