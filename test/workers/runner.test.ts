import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createJobStore } from '../../src/db/jobs.ts'
import { clock } from '../../src/hosts/shared/clock.ts'
import type { Clock } from '../../src/rooms/ports.ts'
import { JobError, type JobHandler, type NewJob } from '../../src/workers/ports.ts'
import { createRunner, type Runner } from '../../src/workers/runner.ts'
import { WAIT } from '../support/patience.ts'
import { openPostgresStore, type StoreOnDatabase } from '../support/store.ts'

const FIRST_PAUSE = 5

describe('a runner', () => {
  let it: StoreOnDatabase
  const open: Runner[] = []
  beforeAll(async () => {
    it = await openPostgresStore()
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((runner) => runner.close()))
    await it.db.pool.query('delete from jobs')
  })
  afterAll(() => it.close())

  /** An instance's runner, which is told of what it adds itself. */
  function start(run: JobHandler['run'], atOnce = 4, firstPause = FIRST_PAUSE, by: Clock = clock) {
    let wake = (_: number) => {}
    const store = createJobStore(it.db, { onAdded: (delay) => wake(delay) })
    const faults: unknown[] = []
    const runner = createRunner({
      store,
      handlers: { work: { atOnce, run } },
      clock: by,
      random: Math.random,
      firstPause,
      onFault: ({ error }) => void faults.push(error),
    })
    wake = runner.wake
    open.push(runner)
    const add = (...payloads: object[]) =>
      store.add(payloads.map((payload): NewJob => ({ kind: 'work', payload })))
    return { runner, store, faults, add }
  }

  async function stored() {
    const { rows } = await it.db.pool.query('select kind, attempts, state, last_error from jobs')
    return rows
  }

  test('does a job at once when it is told of it, and what follows from it', async () => {
    const done = Promise.withResolvers<unknown>()
    const unasked: Clock = { ...clock, after: (wait, run) => (wait > 0 ? () => {} : clock.after(0, run)) }
    const run: JobHandler['run'] = async ({ payload }) => {
      if ('isLast' in (payload as object)) done.resolve(payload)
      return 'isLast' in (payload as object) ? [] : [{ kind: 'work', payload: { isLast: true } }]
    }
    const { add } = start(run, 4, FIRST_PAUSE, unasked)
    await add({})
    expect(await done.promise).toEqual({ isLast: true })
  })

  test('tries what failed again, and keeps it as a dead letter after eight tries', async () => {
    const attempts: number[] = []
    const ended = Promise.withResolvers<void>()
    const { add, runner } = start(
      async (job) => {
        attempts.push(job.attempts)
        if (job.attempts === 8) ended.resolve()
        throw new Error('the provider is down')
      },
      1,
      0.01,
    )
    await add({})
    await ended.promise
    await runner.close()
    expect(attempts).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect(await stored()).toEqual([
      { kind: 'work', attempts: 8, state: 'dead', last_error: 'Error: the provider is down' },
    ])
  })

  test('gives up at once what never can succeed', async () => {
    const tried = Promise.withResolvers<void>()
    const { add, runner } = start(async () => {
      tried.resolve()
      throw new JobError('no such device', null)
    })
    await add({})
    await tried.promise
    await runner.close()
    expect(await stored()).toMatchObject([{ attempts: 1, state: 'dead' }])
  })

  test('waits as long as the other side asks for', async () => {
    const times: number[] = []
    const again = Promise.withResolvers<void>()
    const { add } = start(async ({ attempts }) => {
      times.push(performance.now())
      if (attempts === 1) throw new JobError('too many', 700)
      again.resolve()
      return []
    })
    await add({})
    await again.promise
    const [first = 0, second = 0] = times
    // The database counts from when it was told.
    expect(second - first).toBeGreaterThanOrEqual(700)
  })

  test('runs no more at once than it has hands', async () => {
    let running = 0
    let most = 0
    let left = 12
    const all = Promise.withResolvers<void>()
    const { add } = start(async () => {
      running += 1
      most = Math.max(most, running)
      await it.db.pool.query('select pg_sleep(0.02)')
      running -= 1
      left -= 1
      if (left === 0) all.resolve()
      return []
    }, 3)
    await add(...Array.from({ length: 12 }, () => ({})))
    await all.promise
    expect(most).toBe(3)
  })

  test('shares the work with other instances, each job once', async () => {
    const seen: unknown[] = []
    const all = Promise.withResolvers<void>()
    const run: JobHandler['run'] = async ({ payload }) => {
      seen.push((payload as { n: number }).n)
      if (seen.length === 100) all.resolve()
      return []
    }
    const [one, , three] = [start(run), start(run), start(run)]
    await one.add(...Array.from({ length: 100 }, (_, n) => ({ n })))
    three.runner.wake(0)
    await all.promise
    await Promise.all(open.map((runner) => runner.close()))
    expect(new Set(seen).size).toBe(100)
    expect(await stored()).toEqual([])
  })

  test('goes on when the database has ended its connections', async () => {
    let done = 0
    const all = Promise.withResolvers<void>()
    const { add } = start(async () => {
      done += 1
      if (done === 2) all.resolve()
      return []
    })
    await add({})
    await it.db.pool
      .query('select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()')
      .catch(() => {})
    await vi.waitFor(() => add({}), WAIT)
    await all.promise
    expect(done).toBeGreaterThanOrEqual(2)
  })

  test('finishes what it has begun when it is closed, and begins nothing more', async () => {
    const begun = Promise.withResolvers<void>()
    let finished = 0
    const { add, runner } = start(async () => {
      begun.resolve()
      await it.db.pool.query('select pg_sleep(0.2)')
      finished += 1
      return []
    }, 1)
    await add({}, {})
    await begun.promise
    await runner.close()
    expect(finished).toBe(1)
    expect(await stored()).toMatchObject([{ attempts: 0, state: 'ready' }])
  })
})
