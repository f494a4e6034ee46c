import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { createPushStore } from '../../src/db/queries/push.ts'
import { createMemoryPresence } from '../../src/gateway/memory.ts'
import type { User } from '../../src/protocol/model.ts'
import type { Delivery, NewJob, PushTokens, Sent } from '../../src/workers/ports.ts'
import { createPush } from '../../src/workers/push.ts'
import { createUser, Script } from '../support/script.ts'
import { openPostgresStore, type StoreOnDatabase } from '../support/store.ts'

const SETTINGS = {
  ONESIGNAL_APP_ID: 'app',
  ONESIGNAL_API_KEY: 'key',
  VAPID_PUBLIC_KEY: 'x'.repeat(87),
  VAPID_PRIVATE_KEY: 'y'.repeat(43),
  VAPID_SUBJECT: 'mailto:ops@example.org',
}

describe('a push', () => {
  let it: StoreOnDatabase
  let ann: User
  let bob: User
  let script: Script
  let answer: Sent | Promise<Sent>
  const deliveries: Delivery[] = []
  const presence = createMemoryPresence()

  beforeAll(async () => {
    it = await openPostgresStore()
  })
  beforeEach(async () => {
    deliveries.splice(0)
    answer = { status: 'sent' }
    ann = createUser()
    bob = createUser()
    await it.addUsers([ann, bob])
    script = new Script([ann, bob], { kind: 'direct' })
    for (const turn of [script.created(), script.sent(ann)]) await it.committer.commit(turn)
  })
  afterAll(() => it.close())

  async function addDevice(provider: 'onesignal' | 'webpush'): Promise<string> {
    const token = provider === 'webpush' ? `https://push.example.org/${uuidv7()}` : uuidv7()
    const keys = provider === 'webpush' ? '{"p256dh": "p", "auth": "a"}' : null
    await it.db.pool.query(
      `insert into push_devices (id, user_id, provider, token, keys, created_at) values ($1, $2, $3, $4, $5, now())`,
      [uuidv7(), bob.id, provider, token, keys],
    )
    return token
  }

  /** Runs both steps, the second as this job; answers what is left to do. */
  async function run(pushTokens?: PushTokens, jobId = uuidv7()): Promise<readonly NewJob[]> {
    const handlers = createPush({
      config: parseConfig(SETTINGS),
      pushes: createPushStore(it.db),
      presence,
      pushTokens,
      async send(delivery) {
        deliveries.push(delivery)
        return answer
      },
    })
    const job = (kind: string, payload: object) =>
      handlers[kind]?.run({ id: jobId, kind, payload, attempts: 1 }) ?? []
    const next = await job('push', { chatId: script.chat.id, from: 2, to: script.seq })
    return (await Promise.all(next.map(({ kind, payload }) => job(kind, payload)))).flat()
  }

  test('goes to each browser by itself, and to all phones at once', async () => {
    const browsers = [await addDevice('webpush'), await addDevice('webpush')]
    const phones = [await addDevice('onesignal'), await addDevice('onesignal')]
    await run()
    const endpoints = deliveries.flatMap((it) => (it.via === 'webpush' ? it.subscription.endpoint : []))
    const tokens = deliveries.flatMap((it) => (it.via === 'onesignal' ? [it.tokens] : []))
    expect(endpoints.sort()).toEqual(browsers.sort())
    expect(tokens.map((all) => all.toSorted())).toEqual([phones.sort()])
  })

  test('is not told twice, and waits while another one was just told', async () => {
    await addDevice('onesignal')
    await run()
    expect(await run()).toEqual([])
    expect(deliveries).toHaveLength(1)
    await it.committer.commit(script.sent(ann))
    const [later] = await run()
    expect(later).toMatchObject({ kind: 'push-send' })
    expect(later?.delay).toBeGreaterThan(20_000)
    expect(deliveries).toHaveLength(1)
  })

  test('ends a subscription that is gone', async () => {
    await addDevice('webpush')
    answer = { status: 'gone' }
    await run()
    await run()
    expect(deliveries).toHaveLength(1)
  })

  test('fails with what the provider asks for, and is due again', async () => {
    await addDevice('onesignal')
    answer = { status: 'failed', error: 'busy', retryIn: 9_000 }
    const jobId = uuidv7()
    await expect(run(undefined, jobId)).rejects.toMatchObject({ message: 'busy', retryIn: 9_000 })
    answer = { status: 'sent' }
    await run(undefined, jobId)
    expect(deliveries).toHaveLength(2)
  })

  test('that is on its way is waited for by the next one, which then keeps its distance', async () => {
    await addDevice('onesignal')
    const answered = Promise.withResolvers<Sent>()
    answer = answered.promise
    const first = run()
    await expect.poll(() => deliveries).toHaveLength(1)
    await it.committer.commit(script.sent(ann))
    const [waiting, ...others] = await run()
    expect(others).toEqual([])
    expect(waiting?.delay).toBeGreaterThan(1_000)
    expect(waiting?.delay).toBeLessThanOrEqual(20_000)
    answered.resolve({ status: 'sent' })
    await first
    const [later] = await run()
    expect(later?.delay).toBeGreaterThan(20_000)
    expect(deliveries).toHaveLength(1)
  })

  test('is one, however many jobs tell it at the same moment', async () => {
    await addDevice('onesignal')
    await Promise.all(Array.from({ length: 8 }, () => run()))
    expect(deliveries).toHaveLength(1)
  })

  test('is spared who has a connection that got it, and not who has one that got nothing', async () => {
    await addDevice('onesignal')
    await presence.set(bob.id, 'away')
    await run()
    expect(deliveries).toHaveLength(1)
    await it.committer.commit(script.sent(ann))
    await it.db.pool.query(`update push_marks set sent_at = now() - interval '1 hour'`)
    await it.db.pool.query(`update chat_participants set delivered_seq = $2 where user_id = $1`, [
      bob.id,
      script.seq,
    ])
    await run()
    expect(deliveries).toHaveLength(1)
  })

  test('reaches devices that an older system has registered, and one’s own while that is away', async () => {
    await it.db.pool.query(`update users set issuer = 'cognito' where id = $1`, [bob.id])
    const older: PushTokens = {
      hasTokensOf: (issuer) => issuer === 'cognito',
      listTokens: async () => ['old-phone'],
    }
    const away: PushTokens = { ...older, listTokens: () => Promise.reject(new Error('MySQL is away')) }
    const jobId = uuidv7()
    await expect(run(away, jobId)).rejects.toThrow('MySQL is away')
    await run(older, jobId)
    expect(deliveries).toMatchObject([{ tokens: ['old-phone'] }])
    await it.db.pool.query('delete from push_marks')
    const own = await addDevice('onesignal')
    await run(away)
    expect(deliveries.at(-1)).toMatchObject({ tokens: [own] })
  })
})
