import { execFile, execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { parseConfig } from '../../../src/config.ts'
import { until } from '../../../src/conformance/until.ts'
import { connectRedis, type RedisLink } from '../../../src/hosts/node/cluster/redis.ts'
import { createRedisPubSub, type RedisPubSub } from '../../../src/hosts/node/cluster/redis-pubsub.ts'
import { type BadNetwork, createBadNetwork } from '../../../src/hosts/node/faults/bad-network.ts'
import { findPort } from '../../../src/hosts/node/faults/servers/port.ts'
import { createRedisServer, type RedisServer } from '../../../src/hosts/node/faults/servers/redis.ts'

const MASTERS = 3
const SLOTS = 16_384
const MOVED = 1_000
const PATIENCE = 240_000

export const SECRETS = {
  JWT_SECRET: randomUUID() + randomUUID(),
  JWT_REFRESH_SECRET: randomUUID() + randomUUID(),
}

/** Shard is a master, and the bad network by which all but the other masters reach it. */
export interface Shard extends RedisServer {
  readonly network: BadNetwork
  readonly busPort: number
  /** What Redis answers to a command, as a line. */
  ask(...words: string[]): string
}

/** RealCluster is a Redis Cluster of three masters, without replicas. */
export interface RealCluster {
  readonly shards: readonly Shard[]
  /** What `REDIS_NODES` has to be. */
  readonly nodes: string
  /** Of all instances that were connected, the last one last. */
  readonly links: readonly RedisLink[]
  /** The connections of one instance, when they hear. */
  connect(): Promise<RedisPubSub>
  /** A master more, without slots. */
  grow(): Promise<Shard>
  /** Gives the slot of a channel, and many next to it, to another master, as a resharding does. */
  move(channel: string, to: Shard): void
  /** Takes the slot of a channel from whoever owns it: nobody does, as after a resharding that was broken off. */
  disown(channel: string): void
  remove(): Promise<void>
}

export async function createRealCluster(): Promise<RealCluster> {
  const shards: Shard[] = []
  const links: RedisLink[] = []
  for (let number = 0; number < MASTERS; number += 1) shards.push(await startShard())
  const hosts = shards.map(({ port }) => `127.0.0.1:${port}`)
  // It goes through the networks, which are of this process.
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...hosts, '--cluster-yes'])
  await agreed()

  /** Every master knows all the others, and the cluster as whole. */
  async function agreed(): Promise<void> {
    const isWhole = (info: string) =>
      info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${shards.length}`)
    for (const { ask } of shards) await until(async () => ask('cluster', 'info'), isWhole, PATIENCE)
  }

  const slotOf = (channel: string) => Number(shards[0]?.ask('cluster', 'keyslot', `test:${channel}`))
  const nodes = () => shards.map(({ network }) => `127.0.0.1:${network.port}`).join(',')

  return {
    shards,
    links,
    get nodes() {
      return nodes()
    },
    async connect() {
      const settings = { REDIS_NODES: nodes(), DATABASE_URL: 'postgres://nobody@127.0.0.1/none' }
      const link = connectRedis(parseConfig({ ...settings, ...SECRETS }), () => {})
      if (!link) throw new Error('No Redis is configured')
      links.push(link)
      const pubsub = createRedisPubSub(link, { prefix: 'test:', onDown: () => {}, onFault: () => {} })
      await until(
        async () => pubsub.isDown,
        (isDown) => !isDown,
        PATIENCE,
      )
      return pubsub
    },
    async grow() {
      const shard = await startShard()
      const [first] = shards
      shards.push(shard)
      shard.ask('cluster', 'meet', '127.0.0.1', String(first?.port), String(first?.busPort))
      await agreed()
      return shard
    },
    disown(channel) {
      for (const { ask } of shards) ask('cluster', 'delslots', String(slotOf(channel)))
    },
    move(channel, to) {
      const slot = slotOf(channel)
      const id = to.ask('cluster', 'myid')
      // Or what the old owner still says of itself may win over what the others were told.
      to.ask('cluster', 'bumpepoch')
      const moved = Array.from({ length: MOVED }, (_, place) => (slot + place) % SLOTS)
      const input = moved.map((it) => `cluster setslot ${it} node ${id}\n`).join('')
      for (const { port } of [to, ...shards.filter((shard) => shard !== to)]) {
        execFileSync('redis-cli', ['-p', String(port)], { input, stdio: ['pipe', 'ignore', 'ignore'] })
      }
    },
    async remove() {
      for (const link of links) link.close()
      for (const shard of shards) {
        await shard.network.close()
        await shard.remove()
      }
    },
  }
}

async function startShard(): Promise<Shard> {
  let port = 0
  const network = await createBadNetwork(() => [{ port, host: '127.0.0.1' }])
  const busPort = await findPort()
  const server = await createRedisServer({
    'cluster-enabled': 'yes',
    'cluster-require-full-coverage': 'no',
    'cluster-port': String(busPort),
    'cluster-announce-port': String(network.port),
  })
  port = server.port
  const ask = (...words: string[]) =>
    execFileSync('redis-cli', ['-p', String(port), ...words], { encoding: 'utf8' }).trim()
  return { ...server, network, busPort, ask }
}
