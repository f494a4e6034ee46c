import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '../../../src/client/client.ts'
import { createMembers, type Members } from '../../../src/hosts/node/cluster/members.ts'
import type { PubSub } from '../../../src/hosts/node/cluster/pubsub.ts'
import { until } from '../../../src/hosts/node/demo/until.ts'
import { clock } from '../../../src/hosts/shared/clock.ts'
import { TIMES } from '../../../src/protocol/limits.ts'
import type { Health } from '../../../src/protocol/rest.ts'
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts'
import { type Server, startServer } from '../../support/server.ts'
import { createRealCluster, type RealCluster, SECRETS } from './real-cluster.ts'

/** So many that every shard has some. */
const CHANNELS = Array.from({ length: 30 }, (_, number) => `channel-${number}`)
/** What is not heard is asked for: at most 2 s late, and not with the heartbeat. */
const LATE_MOST = TIMES.heartbeat - 2_000

/** What the driver has of its subscribers. */
interface Group {
  isResetting: boolean
  stop(): void
}

let cluster: RealCluster

beforeAll(async () => {
  cluster = await createRealCluster()
})
afterAll(() => cluster?.remove())

test('every shard carries its channels, and a shard that was killed does again', async () => {
  const [one, two] = [await cluster.connect(), await cluster.connect()]
  const heard = new Set<string>()
  for (const channel of CHANNELS) await one.subscribe(channel, (text) => heard.add(text))
  /** What is lost on the way is told again, as the heads are. */
  const hears = (word: string) =>
    expect
      .poll(
        () => {
          for (const channel of CHANNELS) two.publish(channel, `${word} ${channel}`)
          return [...heard].filter((text) => text.startsWith(word)).length
        },
        { interval: 200 },
      )
      .toBe(CHANNELS.length)
  await hears('before')
  await cluster.shards[0]?.stop()
  await expect.poll(() => one.isDown).toBe(true)
  await cluster.shards[0]?.start()
  await expect.poll(() => one.isDown).toBe(false)
  await hears('after')
})

describe('people at two instances', () => {
  let database: TestDatabase
  let instances: Server[] = []

  beforeAll(async () => {
    database = await createTestDatabase()
    const env = { REDIS_NODES: cluster.nodes, DATABASE_POOL: '5', ...SECRETS }
    instances = await Promise.all([0, 1].map(() => startServer({ databaseUrl: database.url, env })))
  })
  afterAll(async () => {
    for (const instance of instances) await instance.stop()
    await database?.drop()
  })

  async function arrive() {
    const [ann, ben] = await Promise.all(
      instances.map(async ({ url }) => {
        const client = createClient({ url })
        const username = `person-${randomUUID().slice(0, 8)}`
        const { id } = await client.register({ username, password: 'Tea-at-4!' })
        client.connect()
        return { id, client }
      }),
    )
    if (!ann || !ben) throw new Error('Two instances are needed')
    return { ann, ben }
  }

  /** What each instance says of its Redis. */
  const redis = () =>
    Promise.all(
      instances.map(async ({ url }) => {
        const { services } = (await (await fetch(`${url}/health`)).json()) as Health
        return services.redis
      }),
    )
  const bothSay = (word: string) => expect.poll(redis, { interval: 20 }).toEqual([word, word])

  test('talk', async () => {
    const { ann, ben } = await arrive()
    for (let round = 0; round < 5; round += 1) {
      const { id: chatId } = await ann.client.createGroup(`Tea ${round}`, [ben.id])
      await until(ben.client, chatId, ({ applied }) => applied > 0)
      for (const { client } of [ann, ben]) await client.send(chatId, { content: 'Tea?' })
      for (const { client } of [ann, ben]) await until(client, chatId, ({ applied }) => applied >= 3)
    }
    for (const { client } of [ann, ben]) client.disconnect()
  })

  test('hear each other though the one shard that carries their chat tells nobody anything', async () => {
    const { ann, ben } = await arrive()
    const { id: chatId } = await ann.client.createGroup('Tea', [ben.id])
    await until(ben.client, chatId, ({ applied }) => applied > 0)
    const carrier = cluster.shards.find(({ ask }) => ask('pubsub', 'shardchannels').includes(chatId))
    await bothSay('ok')
    carrier?.network.starve()
    const wishedAt = performance.now()
    const { seq } = await ann.client.send(chatId, { content: 'Tea?' })
    await until(ben.client, chatId, ({ applied }) => applied >= seq)
    expect(performance.now() - wishedAt).toBeLessThan(LATE_MOST)
    await bothSay('down')
    carrier?.network.heal()
    await bothSay('ok')
    const { seq: last } = await ben.client.send(chatId, { content: 'Yes' })
    await until(ann.client, chatId, ({ applied }) => applied >= last)
    for (const { client } of [ann, ben]) client.disconnect()
  })
})

describe('an instance', () => {
  let pubsub: PubSub
  let members: Members

  async function hearing() {
    pubsub = await cluster.connect()
    members = createMembers({ self: randomUUID(), pubsub, clock, onGone: () => {} })
    await isDeaf(false)
  }
  afterEach(() => members?.stop())

  const isDeaf = (is: boolean) => expect.poll(() => members.isDeaf, { interval: 20 }).toBe(is)
  const probes = () => pubsub.channelsOfEach?.('name') ?? []

  test('learns of each shard that it alone tells nothing more, and hears it again afterwards', async () => {
    await hearing()
    for (const { network } of cluster.shards) {
      network.starve()
      await isDeaf(true)
      network.heal()
      await isDeaf(false)
    }
  })

  test('hears again by other connections when those that the driver keeps are stuck', async () => {
    await hearing()
    const heard: string[] = []
    await pubsub.subscribe('tea', (text) => heard.push(text))
    const { subscriber } = cluster.links.at(-1) as unknown as { subscriber: { shardedSubscribers: Group } }
    // As they are left when one is given up while it is being made: that is waited for without an end.
    subscriber.shardedSubscribers.isResetting = true
    subscriber.shardedSubscribers.stop()
    await isDeaf(true)
    await isDeaf(false)
    pubsub.publish('tea', 'is ready')
    await expect.poll(() => heard).toEqual(['is ready'])
  })

  test('outlives a slot that nobody owns, and hears what it carries once somebody does', async () => {
    await hearing()
    const [owner] = cluster.shards
    if (!owner) throw new Error('There is no cluster')
    cluster.disown('biscuits')
    // Another client, which knows nothing but the topology with its hole.
    pubsub.reconnect?.()
    const heard: string[] = []
    await pubsub.subscribe('biscuits', (text) => heard.push(text))
    await isDeaf(true)
    await expect.poll(() => cluster.links.at(-1)?.subscriber.status).toBe('ready')
    cluster.move('biscuits', owner)
    await isDeaf(false)
    const isHeard = () => {
      pubsub.publish('biscuits', 'are here')
      return heard.length > 0
    }
    await expect.poll(isHeard, { interval: 200 }).toBe(true)
  })

  test('probes a shard that was added as well, as soon as there is anything to hear from it', async () => {
    await hearing()
    const before = probes()
    expect(before).toHaveLength(cluster.shards.length)
    const heard: string[] = []
    await pubsub.subscribe('tea', (text) => heard.push(text))
    const added = await cluster.grow()
    cluster.move('tea', added)
    await expect.poll(probes).toHaveLength(before.length + 1)
    const isHeard = () => {
      pubsub.publish('tea', 'is ready')
      return heard.length > 0
    }
    await expect.poll(isHeard, { interval: 200 }).toBe(true)
    await isDeaf(false)
    added.network.starve()
    await isDeaf(true)
    added.network.heal()
    await isDeaf(false)
  })
})
