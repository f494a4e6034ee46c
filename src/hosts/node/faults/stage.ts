import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createRing } from '../cluster/ring.ts'
import { type BadNetwork, createBadNetwork } from './bad-network.ts'
import { FaultyInstance } from './instance.ts'
import { createPostgresServer, type PostgresServer } from './servers/postgres.ts'
import { createRedisServer, type RedisServer } from './servers/redis.ts'

const PREFIX = 'faults:'
/** Milliseconds within which an instance that has started is heard of. */
const HEARD_WITHIN = 3_000
const PAUSE = 20
/** All that Postgres has: enough for three instances, and few enough to be used up. */
const CONNECTIONS = '60'

/** Stage is a whole service of one's own: Postgres, Redis, instances, and bad networks between all of them. */
export interface Stage {
  readonly postgres: PostgresServer
  readonly databaseUrl: string
  readonly redis: RedisServer
  readonly instances: readonly FaultyInstance[]
  /** What clients connect to: a balancer without sticky sessions, by turns to those that take a connection. */
  readonly front: BadNetwork
  /** What went wrong and was nobody's doing. */
  readonly unexpected: string[]
  /** Where all instances keep files that do not go into S3. */
  readonly blobs: string
  /** Signs the access tokens of all instances. */
  readonly accessSecret: string
  start(instance: FaultyInstance, preload?: URL): Promise<void>
  /** Ends it by SIGTERM first. */
  restart(instance: FaultyInstance, preload?: URL): Promise<void>
  /** Starts what was ended and mends what was broken. */
  heal(): Promise<void>
  ownerOf(chatId: string): FaultyInstance | undefined
  close(): Promise<void>
}

/** What is other than usual about a stage. */
export interface StageSettings {
  /** Of the environment of every instance. */
  readonly env?: NodeJS.ProcessEnv
  /** Of Postgres. */
  readonly postgres?: Record<string, string>
}

export async function createStage(size: number, settings: StageSettings = {}): Promise<Stage> {
  const postgres = await createPostgresServer({ max_connections: CONNECTIONS, ...settings.postgres })
  const redis = await createRedisServer().catch(async (error: unknown) => {
    await postgres.remove()
    throw error
  })
  const folder = mkdtempSync(join(tmpdir(), 'parley-faults-'))
  const blobs = join(folder, 'blobs')
  const unexpected: string[] = []
  const instances: FaultyInstance[] = []
  let turn = 0
  const front = await createBadNetwork(() => {
    turn += 1
    const up = instances.filter(({ isUp }) => isUp).map(({ port }) => ({ port, host: '127.0.0.1' }))
    return up.map((_, place) => up[(place + turn) % up.length] ?? { port: 0 })
  })
  const known = new Set<string>()
  const listener = await listenToInstances(redis, known)
  const secrets = { JWT_SECRET: randomUUID() + randomUUID(), JWT_REFRESH_SECRET: randomUUID() + randomUUID() }

  for (let number = 1; number <= size; number += 1) {
    const toRedis = await createBadNetwork(() => [{ port: redis.port, host: '127.0.0.1' }])
    const toPostgres = await createBadNetwork(() => [{ path: postgres.socketPath }])
    const env = {
      ...process.env,
      ...SETTINGS,
      ...secrets,
      ...settings.env,
      DATA_DIR: folder,
      BLOBS_DIR: blobs,
      REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
      DATABASE_URL: `postgres://postgres@127.0.0.1:${toPostgres.port}/postgres`,
    }
    const onUnplanned = (how: string) => unexpected.push(`Instance ${number} ended by itself: ${how}`)
    instances.push(new FaultyInstance({ env, toRedis, toPostgres, onUnplanned }))
  }

  /** One after another, so that a new name on the bus is that of the one that has just started. */
  let starting = Promise.resolve()
  function start(instance: FaultyInstance, preload?: URL): Promise<void> {
    const started = starting.then(async () => {
      const before = new Set(known)
      await instance.start(preload)
      const deadline = performance.now() + HEARD_WITHIN
      while (!instance.clusterId && performance.now() < deadline) {
        instance.clusterId = [...known].find((id) => !before.has(id))
        await sleep(PAUSE)
      }
    })
    starting = started.catch(() => {})
    return started
  }

  async function restart(instance: FaultyInstance, preload?: URL): Promise<void> {
    await instance.end('SIGTERM')
    await start(instance, preload)
  }

  async function heal(): Promise<void> {
    front.heal()
    for (const instance of instances) {
      instance.toRedis.heal()
      instance.toPostgres.heal()
      instance.thaw()
    }
    for (const instance of instances) if (!instance.isUp) await start(instance)
  }

  async function close(): Promise<void> {
    await starting
    await Promise.all(instances.map((instance) => instance.end('SIGKILL')))
    listener.disconnect()
    const proxies = [front, ...instances.flatMap(({ toRedis, toPostgres }) => [toRedis, toPostgres])]
    await Promise.all(proxies.map((proxy) => proxy.close()))
    await redis.remove()
    await postgres.remove()
    rmSync(folder, { recursive: true, force: true })
  }

  return {
    postgres,
    databaseUrl: postgres.url('postgres'),
    redis,
    instances,
    front,
    unexpected,
    blobs,
    accessSecret: secrets.JWT_SECRET,
    start,
    restart,
    heal,
    ownerOf(chatId) {
      const up = instances.filter(({ isUp }) => isUp)
      const owner = createRing(up.flatMap(({ clusterId }) => clusterId ?? [])).ownerOf(chatId)
      return up.find(({ clusterId }) => clusterId === owner)
    },
    close,
  }
}

/** Of each instance, whatever the environment says. Small pools: three of them and their clients share a machine. */
const SETTINGS = {
  NODE_ENV: 'test',
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'silent',
  RATE_LIMITS: 'off',
  DRAIN_SECONDS: '1',
  DATABASE_POOL: '5',
  POSTGRES_HOST: '',
  REDIS_HOST: '',
  REDIS_NODES: '',
  REDIS_PASSWORD: '',
  REDIS_PREFIX: PREFIX,
}

/** Learns the names under which instances know each other from their heartbeats. */
async function listenToInstances(redis: RedisServer, known: Set<string>): Promise<Redis> {
  const listener = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 100 })
  listener.on('error', () => {})
  listener.on('message', (_, text: string) => {
    const [, instanceId] = text.split(' ')
    if (instanceId !== undefined) known.add(instanceId)
  })
  await listener.subscribe(`${PREFIX}instances`)
  return listener
}
