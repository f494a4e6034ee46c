import { Cluster, Redis } from 'ioredis'
import type { Config } from '../../../config.ts'
import { seldom } from '../seldom.ts'

/** Milliseconds until a command that Redis does not answer is given up. */
const COMMAND_TIMEOUT = 1_000
const CONNECT_TIMEOUT = 2_000
/** The most that is waited before the next attempt to connect: a Redis that is back is found within this. */
const RETRY_MOST = 1_000
/** Below TCP's own patience: a link that was cut without a word is found by the operating system after this. */
const KEEP_ALIVE = 5_000

export type RedisClient = Redis | Cluster

/** RedisLink is the connections of one instance: for commands, for what is published, and one that only listens. */
export interface RedisLink {
  readonly commands: RedisClient
  /** Without time limits, which would cost a timer for each message. */
  readonly publisher: RedisClient
  readonly subscriber: RedisClient
  /** Ends that one, and is heard by another from now on, which knows nothing of its channels. */
  renewSubscriber(): RedisClient
  readonly isCluster: boolean
  close(): void
}

/**
 * connectRedis makes the connections and does not wait for them: Redis may be away at any time, the start included.
 * A command fails at once while it is, and is never sent twice.
 */
export function connectRedis(config: Config, onFault: (error: Error) => void): RedisLink | undefined {
  const create = creatorOf(config)
  if (!create) return undefined
  const isCluster = config.REDIS_NODES.length > 0
  const timed = { commandTimeout: COMMAND_TIMEOUT }
  const commands = create({ ...timed, enableOfflineQueue: false, enableAutoPipelining: true })
  const publisher = create({ enableOfflineQueue: false, enableAutoPipelining: isCluster })
  // What waited for a cluster would be sent from within the driver, which throws there for a slot that nobody owns.
  const createSubscriber = () =>
    create({ ...timed, autoResubscribe: false, enableOfflineQueue: !isCluster }).on('error', seldom(onFault))
  let subscriber = createSubscriber()
  for (const client of [commands, publisher]) client.on('error', seldom(onFault))

  return {
    commands,
    publisher,
    get subscriber() {
      return subscriber
    },
    renewSubscriber() {
      subscriber.disconnect()
      subscriber = createSubscriber()
      return subscriber
    },
    isCluster,
    close() {
      for (const client of [commands, publisher, subscriber]) client.disconnect()
    },
  }
}

interface Own {
  readonly commandTimeout?: number
  readonly enableOfflineQueue?: boolean
  readonly enableAutoPipelining?: boolean
  readonly autoResubscribe?: boolean
}

function creatorOf(config: Config): ((own: Own) => RedisClient) | undefined {
  const shared = {
    connectTimeout: CONNECT_TIMEOUT,
    keepAlive: KEEP_ALIVE,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    ...(config.REDIS_PASSWORD !== undefined && { password: config.REDIS_PASSWORD }),
  }
  const wait = (tries: number) => Math.min(50 * tries, RETRY_MOST)
  if (config.REDIS_NODES.length > 0) {
    return ({ enableOfflineQueue = true, enableAutoPipelining = false, ...own }) =>
      new Cluster([...config.REDIS_NODES], {
        enableOfflineQueue,
        enableAutoPipelining,
        redisOptions: { ...shared, ...own },
        shardedSubscribers: true,
        clusterRetryStrategy: wait,
      })
  }
  const url = config.REDIS_URL
  return url === undefined ? undefined : (own) => new Redis(url, { ...shared, ...own, retryStrategy: wait })
}
