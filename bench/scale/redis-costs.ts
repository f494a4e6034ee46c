import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createRedisServer, type RedisServer } from '../../src/hosts/node/faults/servers/redis.ts'
import { cpuOf } from '../machine/usage.ts'

/** About an event with one message, as it goes over the bus. */
const PAYLOAD = 'x'.repeat(600)
const PUBLISHES = 100_000
const PUSHES = 1_000_000
const TOPICS = 100_000

/** What Redis spends, in microseconds of its processor time and in bytes of its memory. */
export interface RedisCosts {
  /** One at a time, each a system call; and a hundred at once, as a busy instance sends them. */
  readonly alone: PublishCosts
  readonly pipelined: PublishCosts
  readonly subscription: number
}

interface PublishCosts {
  readonly publish: number
  /** For each connection that hears it, by how many do. */
  readonly push: Readonly<Record<number, number>>
}

/** measureRedis runs a Redis of its own. Subscribers read and drop, so that they take little of the machine. */
export async function measureRedis(): Promise<RedisCosts> {
  const server = await createRedisServer()
  const client = new Redis(server.url)
  try {
    return {
      alone: await measurePublish(server, (channel, times) => publishAlone(client, channel, times)),
      pipelined: await measurePublish(server, (channel, times) => publishTogether(client, channel, times)),
      subscription: await measureSubscriptions(server, client),
    }
  } finally {
    client.disconnect()
    await server.remove()
  }
}

async function measurePublish(
  server: RedisServer,
  publish: (channel: string, times: number) => Promise<void>,
): Promise<PublishCosts> {
  const unheard = await cost(server, PUBLISHES, () => publish('nobody', PUBLISHES))
  const push: Record<number, number> = {}
  for (const heard of [10, 100, 1_000]) {
    const subscribers = await subscribe(server, heard)
    const publishes = PUSHES / heard
    const each = await cost(server, publishes, () => publish('topic', publishes))
    push[heard] = (each - unheard) / heard
    for (const subscriber of subscribers) subscriber.destroy()
  }
  return { publish: unheard, push }
}

async function cost(server: RedisServer, times: number, run: () => Promise<void>): Promise<number> {
  const pid = server.pid() ?? 0
  const before = cpuOf(pid)
  await run()
  return (cpuOf(pid) - before) / times
}

async function publishAlone(client: Redis, channel: string, times: number): Promise<void> {
  for (let done = 0; done < times; done += 1) await client.publish(channel, PAYLOAD)
}

async function publishTogether(client: Redis, channel: string, times: number): Promise<void> {
  for (let done = 0; done < times; done += 100) {
    const pipeline = client.pipeline()
    for (let index = 0; index < Math.min(100, times - done); index += 1) pipeline.publish(channel, PAYLOAD)
    await pipeline.exec()
  }
}

async function subscribe({ port }: RedisServer, count: number): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(port, '127.0.0.1')
      socket.write('SUBSCRIBE topic\r\n')
      await new Promise((resolve) => socket.once('data', resolve))
      return socket.resume()
    }),
  )
}

async function measureSubscriptions(server: RedisServer, client: Redis): Promise<number> {
  const subscriber = new Redis(server.url)
  const names = Array.from({ length: TOPICS }, (_, index) => `parley:chat:${String(index).padStart(36, '0')}`)
  const before = await usedMemory(client)
  for (let begin = 0; begin < TOPICS; begin += 1_000) {
    await subscriber.subscribe(...names.slice(begin, begin + 1_000))
  }
  await sleep(100)
  const after = await usedMemory(client)
  subscriber.disconnect()
  return (after - before) / TOPICS
}

async function usedMemory(client: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1])
}
