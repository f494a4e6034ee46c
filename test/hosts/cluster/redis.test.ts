import { v7 } from 'uuid'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createMemoryTickets } from '../../../src/auth/tickets.ts'
import { parseConfig } from '../../../src/config.ts'
import type { Authenticated } from '../../../src/gateway/ports.ts'
import { createClusterPresence } from '../../../src/hosts/node/cluster/presence.ts'
import type { PubSub } from '../../../src/hosts/node/cluster/pubsub.ts'
import { connectRedis, type RedisLink } from '../../../src/hosts/node/cluster/redis.ts'
import { createRedisPubSub } from '../../../src/hosts/node/cluster/redis-pubsub.ts'
import { createRedisTickets } from '../../../src/hosts/node/cluster/tickets.ts'
import { createRedisServer, type RedisServer } from '../../../src/hosts/node/faults/servers/redis.ts'
import { createRedisCounters } from '../../../src/hosts/node/limiter.ts'
import { clock } from '../../../src/hosts/shared/clock.ts'
import { createLimiter } from '../../../src/hosts/shared/limiter.ts'
import { createTestClock } from '../../support/test-clock.ts'

let redis: RedisServer
const links: RedisLink[] = []

beforeAll(async () => {
  redis = await createRedisServer()
})
afterEach(() => {
  for (const link of links.splice(0)) link.close()
})
afterAll(() => redis?.remove())

/** The connections of one instance, ready. */
async function connect(): Promise<RedisLink> {
  const config = parseConfig({
    REDIS_URL: redis.url,
    DATABASE_URL: 'postgres://nobody@127.0.0.1/none',
    JWT_SECRET: 'a-secret-that-guards-nothing-in-the-tests',
    JWT_REFRESH_SECRET: 'another-secret-that-guards-nothing-here',
  })
  const link = connectRedis(config, () => {})
  if (!link) throw new Error('No Redis is configured')
  links.push(link)
  const isReady = (client: RedisLink['commands']) =>
    client.status === 'ready' || new Promise<void>((resolve) => client.once('ready', () => resolve()))
  await Promise.all([link.commands, link.publisher, link.subscriber].map(isReady))
  return link
}

/** Subscribes, and gives what the channel brings next. */
async function listen(pubsub: PubSub, channel: string): Promise<{ readonly next: Promise<string> }> {
  let hear = (_: string) => {}
  const next = new Promise<string>((resolve) => {
    hear = resolve
  })
  await pubsub.subscribe(channel, hear)
  return { next }
}

describe('what is published', () => {
  const options = () => ({ prefix: `${v7()}:`, onDown: () => {}, onFault: () => {} })

  test('is heard by every instance that listens, its own included', async () => {
    const shared = options()
    const [one, two] = [
      createRedisPubSub(await connect(), shared),
      createRedisPubSub(await connect(), shared),
    ]
    const heard = await Promise.all([one, two].map((it) => listen(it, 'tea')))
    one.publish('tea', 'is ready')
    expect(await Promise.all(heard.map(({ next }) => next))).toEqual(['is ready', 'is ready'])
  })

  test('is heard by nobody under another prefix, nor by who has ended it', async () => {
    const [one, two] = [
      createRedisPubSub(await connect(), options()),
      createRedisPubSub(await connect(), options()),
    ]
    const heard: string[] = []
    await two.subscribe('tea', (text) => heard.push(text))
    const end = await one.subscribe('tea', (text) => heard.push(text))
    end()
    const last = await listen(one, 'last')
    one.publish('tea', 'is ready')
    one.publish('last', 'done')
    await last.next
    expect(heard).toEqual([])
  })

  test('is heard again after Redis was killed and started, with what was subscribed meanwhile', async () => {
    const link = await connect()
    let onDown = () => {}
    const isDown = new Promise<void>((resolve) => {
      onDown = resolve
    })
    const pubsub = createRedisPubSub(link, { ...options(), onDown })
    const before = await listen(pubsub, 'before')
    await redis.stop()
    await isDown
    expect(pubsub.isDown).toBe(true)
    const meanwhile = await listen(pubsub, 'meanwhile')
    pubsub.publish('before', 'is lost')
    const isReady = [link.publisher, link.subscriber].map(
      (client) => new Promise<void>((resolve) => client.once('ready', () => resolve())),
    )
    await redis.start()
    await Promise.all(isReady)
    // Subscriptions are made again behind `ready`, in order; a later one on the same connection shows the end of it.
    await pubsub.subscribe('after', () => {})
    for (const channel of ['before', 'meanwhile']) pubsub.publish(channel, `${channel} works`)
    expect(await Promise.all([before.next, meanwhile.next])).toEqual(['before works', 'meanwhile works'])
    expect(pubsub.isDown).toBe(false)
  })

  test('that nobody hears is said to be so, and only then', async () => {
    const pubsub = createRedisPubSub(await connect(), options())
    await pubsub.subscribe('tea', () => {})
    const unheard: string[] = []
    pubsub.publish('tea', 'is ready', () => unheard.push('tea'))
    await new Promise<void>((resolve) => {
      pubsub.publish('coffee', 'is ready', () => resolve(void unheard.push('coffee')))
    })
    expect(unheard).toEqual(['coffee'])
  })

  test('survives a listener that throws', async () => {
    const faults: unknown[] = []
    const pubsub = createRedisPubSub(await connect(), {
      ...options(),
      onFault: (error) => faults.push(error),
    })
    await pubsub.subscribe('tea', () => {
      throw new Error('spilt')
    })
    const heard = await listen(pubsub, 'tea')
    pubsub.publish('tea', 'is ready')
    expect(await heard.next).toBe('is ready')
    expect(faults).toEqual([new Error('spilt')])
  })
})

describe('presence over instances', () => {
  async function stage() {
    const prefix = `${v7()}:`
    const there = new Set(['one', 'two'])
    const clock = createTestClock()
    const start = async (self: string) => {
      const { commands } = await connect()
      const members = { self, isThere: (id: string) => there.has(id) }
      return createClusterPresence({ redis: commands, prefix, members, clock })
    }
    return { prefix, there, clock, one: await start('one'), two: await start('two') }
  }

  test('a user is seen as his most present connection anywhere', async () => {
    const { one, two } = await stage()
    expect(await one.set('ann', 'away')).toBe('away')
    expect(await two.set('ann', 'online')).toBe('online')
    expect(await one.list(['ann', 'ben'])).toEqual(new Map([['ann', 'online']]))
    expect(await two.set('ann', 'offline')).toBe('away')
    expect(await one.set('ann', 'offline')).toBe('offline')
    expect(await two.list(['ann'])).toEqual(new Map())
  })

  test('what an instance said that is gone counts no longer, and its users are known', async () => {
    const { there, one, two } = await stage()
    await one.set('ann', 'online')
    await two.set('ann', 'away')
    await one.set('ben', 'busy')
    there.delete('one')
    expect(await two.list(['ann', 'ben'])).toEqual(new Map([['ann', 'away']]))
    expect(await two.forget('one')).toEqual(
      new Map([
        ['ann', 'away'],
        ['ben', 'offline'],
      ]),
    )
    there.add('one')
    expect(await two.list(['ann', 'ben'])).toEqual(new Map([['ann', 'away']]))
  })

  test('an emptied Redis is filled again', async () => {
    const { one, two, clock } = await stage()
    await one.set('ann', 'online')
    const { commands } = await connect()
    await commands.flushall()
    expect(await two.list(['ann'])).toEqual(new Map())
    clock.pass(2_000)
    await expect.poll(() => two.list(['ann'])).toEqual(new Map([['ann', 'online']]))
  })

  test('an emptied Redis that somebody said something new to is filled again', async () => {
    const { one, two, clock } = await stage()
    await Promise.all([one.set('ann', 'online'), one.set('ben', 'busy')])
    const { commands } = await connect()
    await commands.flushall()
    await one.set('cleo', 'away')
    expect(await two.list(['ann', 'ben', 'cleo'])).toEqual(new Map([['cleo', 'away']]))
    clock.pass(2_000)
    await expect
      .poll(() => two.list(['ann', 'ben']))
      .toEqual(
        new Map([
          ['ann', 'online'],
          ['ben', 'busy'],
        ]),
      )
  })

  test('an instance says its users again in turn, a share at a time', async () => {
    const { prefix, one, two, clock } = await stage()
    const userIds = Array.from({ length: 30 }, (_, index) => `user ${index}`)
    await Promise.all(userIds.map((userId) => one.set(userId, 'online')))
    const { commands } = await connect()
    await Promise.all(userIds.map((userId) => commands.del(`${prefix}presence:user:${userId}`)))
    const sizes = [0]
    const look = async () => {
      clock.pass(2_000)
      sizes.push((await two.list(userIds)).size)
      return sizes.at(-1)
    }
    await expect.poll(look, { interval: 5 }).toBe(userIds.length)
    // Two of each look; what one says may be seen only with what the next one says.
    const steps = sizes.slice(1).map((size, index) => size - (sizes[index] ?? 0))
    expect(Math.max(...steps)).toBeLessThanOrEqual(4)
  })

  test('while Redis is away each instance knows its own users', async () => {
    const { one, two } = await stage()
    await one.set('ann', 'online')
    for (const link of links) link.close()
    expect(await one.set('ben', 'away')).toBe('away')
    expect(await one.list(['ann', 'ben'])).toEqual(
      new Map([
        ['ann', 'online'],
        ['ben', 'away'],
      ]),
    )
    expect(await two.list(['ann'])).toEqual(new Map())
  })

  test('an instance that closes takes its users with it', async () => {
    const { one, two } = await stage()
    await one.set('ann', 'online')
    await one.close()
    expect(await two.list(['ann'])).toEqual(new Map())
  })
})

describe('a ticket', () => {
  const AUTHENTICATED: Authenticated = {
    principal: {
      user: { id: v7(), username: 'ann', displayName: 'Ann', avatarUrl: null, type: 'member' },
      sessionId: v7(),
    },
    expiresAt: 4_102_444_800_000,
  }
  const create = async (prefix: string) =>
    createRedisTickets({
      redis: (await connect()).commands,
      prefix,
      clock,
      fallback: createMemoryTickets(clock),
    })

  test('is good at every instance, once', async () => {
    const [one, two] = [await create('a:'), await create('a:')]
    const { ticket } = await one.open(AUTHENTICATED)
    expect(await two.redeem(ticket)).toEqual(AUTHENTICATED)
    expect(await one.redeem(ticket)).toBeUndefined()
    expect(await two.redeem('no such ticket')).toBeUndefined()
  })

  test('is good where it was opened while Redis is away', async () => {
    const one = await create('a:')
    for (const link of links) link.close()
    const { ticket } = await one.open(AUTHENTICATED)
    expect(await one.redeem(ticket)).toEqual(AUTHENTICATED)
    expect(await one.redeem(ticket)).toBeUndefined()
  })
})

describe('a rate', () => {
  const none = { points: 1_000, seconds: 60, burst: 0 }
  const rates = {
    rest: { points: 3, seconds: 60, burst: 0 },
    service: none,
    auth: none,
    message: none,
    frame: none,
    search: none,
    file: none,
  }

  test('is counted over all instances', async () => {
    const prefix = `${v7()}:`
    const [one, two] = [
      createLimiter(rates, createRedisCounters({ redis: (await connect()).commands, prefix })),
      createLimiter(rates, createRedisCounters({ redis: (await connect()).commands, prefix })),
    ]
    const taken = [
      await one.take('rest', 'ann'),
      await two.take('rest', 'ann'),
      await one.take('rest', 'ann'),
    ]
    expect(taken).toEqual([0, 0, 0])
    expect(await two.take('rest', 'ann')).toBeGreaterThan(0)
    expect(await two.take('rest', 'ben')).toBe(0)
  })

  test('is counted by each instance while Redis is away', async () => {
    const limiter = createLimiter(
      rates,
      createRedisCounters({ redis: (await connect()).commands, prefix: `${v7()}:` }),
    )
    for (const link of links) link.close()
    for (let count = 0; count < 3; count += 1) expect(await limiter.take('rest', 'ann')).toBe(0)
    expect(await limiter.take('rest', 'ann')).toBeGreaterThan(0)
  })
})
