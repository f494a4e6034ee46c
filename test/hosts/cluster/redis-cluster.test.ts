import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../../src/client/client.ts'
import { parseConfig } from '../../../src/config.ts'
import { until as patiently } from '../../../src/conformance/until.ts'
import { connectRedis, type RedisLink } from '../../../src/hosts/node/cluster/redis.ts'
import { createRedisPubSub } from '../../../src/hosts/node/cluster/redis-pubsub.ts'
import { until } from '../../../src/hosts/node/demo/until.ts'
import { createRedisServer, type RedisServer } from '../../../src/hosts/node/faults/servers/redis.ts'
import { createTestDatabase } from '../../support/postgres.ts'
import { startServer } from '../../support/server.ts'

const SHARDS = 3
/** So many that every shard has some. */
const CHANNELS = Array.from({ length: 30 }, (_, number) => `channel-${number}`)
const PATIENCE = 60_000
const SECRETS = {
  JWT_SECRET: randomUUID() + randomUUID(),
  JWT_REFRESH_SECRET: randomUUID() + randomUUID(),
}

let shards: RedisServer[]
const links: RedisLink[] = []

beforeAll(async () => {
  const settings = { 'cluster-enabled': 'yes', 'cluster-require-full-coverage': 'no' }
  shards = await Promise.all(Array.from({ length: SHARDS }, () => createRedisServer(settings)))
  const hosts = shards.map(({ port }) => `127.0.0.1:${port}`)
  execFileSync('redis-cli', ['--cluster', 'create', ...hosts, '--cluster-yes'], { stdio: 'ignore' })
  await Promise.all(shards.map(agreed))
}, PATIENCE)
afterAll(async () => {
  for (const link of links) link.close()
  for (const shard of shards ?? []) await shard.remove()
})

/** A shard knows all the others, and the cluster as whole. */
async function agreed({ port }: RedisServer): Promise<void> {
  const ask = async () =>
    execFileSync('redis-cli', ['-p', String(port), 'cluster', 'info'], { encoding: 'utf8' })
  await patiently(ask, (info) => info.includes('cluster_state:ok'), PATIENCE)
}

function nodes(): string {
  return shards.map(({ port }) => `127.0.0.1:${port}`).join(',')
}

async function connect() {
  const config = parseConfig({
    REDIS_NODES: nodes(),
    DATABASE_URL: 'postgres://nobody@127.0.0.1/none',
    ...SECRETS,
  })
  const link = connectRedis(config, () => {})
  if (!link) throw new Error('No Redis is configured')
  links.push(link)
  const pubsub = createRedisPubSub(link, { prefix: 'test:', onDown: () => {}, onFault: () => {} })
  await expect.poll(() => pubsub.isDown, { timeout: PATIENCE }).toBe(false)
  return pubsub
}

test('every shard carries its channels, and a shard that was killed does again', {
  timeout: PATIENCE,
}, async () => {
  const [one, two] = [await connect(), await connect()]
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
        { timeout: PATIENCE, interval: 200 },
      )
      .toBe(CHANNELS.length)
  await hears('before')
  await shards[0]?.stop()
  await expect.poll(() => one.isDown, { timeout: PATIENCE }).toBe(true)
  await shards[0]?.start()
  await expect.poll(() => one.isDown, { timeout: PATIENCE }).toBe(false)
  await hears('after')
})

test('people at two instances talk over Redis Cluster', { timeout: PATIENCE }, async () => {
  const database = await createTestDatabase()
  const env = { REDIS_NODES: nodes(), DATABASE_POOL: '5', ...SECRETS }
  const instances = await Promise.all([0, 1].map(() => startServer({ databaseUrl: database.url, env })))
  const people = await Promise.all(
    instances.map(async ({ url }, number) => {
      const client = createClient({ url })
      const { id } = await client.register({ username: `person-${number}`, password: 'Tea-at-4!' })
      client.connect()
      return { id, client }
    }),
  )
  const [ann, ben] = people
  if (!ann || !ben) throw new Error('Two instances are needed')
  for (let round = 0; round < 5; round += 1) {
    const { id: chatId } = await ann.client.createGroup(`Tea ${round}`, [ben.id])
    await until(ben.client, chatId, ({ applied }) => applied > 0)
    for (const { client } of [ann, ben]) await client.send(chatId, { content: 'Tea?' })
    for (const { client } of [ann, ben]) await until(client, chatId, ({ applied }) => applied >= 3)
  }
  for (const { client } of people) client.disconnect()
  for (const instance of instances) await instance.stop()
  await database.drop()
})
