import { Redis } from 'ioredis'
import type { PubSub } from './pubsub.ts'
import type { RedisClient, RedisLink } from './redis.ts'

/** Channels of one command, when all are subscribed again. */
const AT_ONCE = 1_000
/** Before the next try when a part of a cluster cannot be subscribed to, in milliseconds. */
const RETRY_PAUSE = 500
/** Bytes that may wait for a Redis which takes nothing. What is published beyond is lost, as if Redis were away. */
const MOST_WAITING = 16 * 1_024 * 1_024

interface RedisPubSubOptions {
  /** Begins the name of every channel, so that deployments can share a Redis. */
  readonly prefix: string
  /** The link has gone down. */
  readonly onDown: () => void
  readonly onFault: (error: unknown) => void
}

/**
 * createRedisPubSub publishes by one connection, all of a pass in one write, and hears by another. Subscriptions are kept here and made again after every loss of the link. On Redis Cluster they are sharded:
 * a channel lives on the shard of its name alone.
 */
export function createRedisPubSub(link: RedisLink, options: RedisPubSubOptions): PubSub {
  const { publisher, subscriber, isCluster } = link
  const listeners = new Map<string, Set<(text: string) => void>>()
  const words = isCluster
    ? ({
        message: 'smessage',
        subscribe: 'ssubscribe',
        unsubscribe: 'sunsubscribe',
        publish: 'spublish',
      } as const)
    : ({
        message: 'message',
        subscribe: 'subscribe',
        unsubscribe: 'unsubscribe',
        publish: 'publish',
      } as const)
  let tries = 0
  let isDown = subscriber.status !== 'ready'

  subscriber.on(words.message, (channel: string, text: string) => {
    const found = listeners.get(channel)
    if (found) for (const listener of found) listen(listener, text)
  })
  subscriber.on('ready', heal)
  subscriber.on('close', fall)
  // A shard that goes takes its channels with it, and one that comes knows nothing of them.
  for (const event of ['-node', '+node']) {
    subscriber.on(event, () => {
      fall()
      heal()
    })
  }

  function fall(): void {
    if (isDown) return
    isDown = true
    options.onDown()
  }

  /** Subscribes again until all of it is done. */
  function heal(): void {
    tries += 1
    const own = tries
    subscribeAgain().then(
      () => {
        if (own === tries) isDown = false
      },
      () => setTimeout(() => own === tries && subscriber.status === 'ready' && heal(), RETRY_PAUSE).unref(),
    )
  }

  /** What one listener makes of a text is no concern of the others. */
  function listen(listener: (text: string) => void, text: string): void {
    try {
      listener(text)
    } catch (error) {
      options.onFault(error)
    }
  }

  async function subscribeAgain(): Promise<void> {
    const channels = [...listeners.keys()]
    for (let begin = 0; begin < channels.length; begin += AT_ONCE) {
      const some = channels.slice(begin, begin + AT_ONCE)
      if (isCluster) await Promise.all(some.map((channel) => subscriber.ssubscribe(channel)))
      else await subscriber.subscribe(...some)
    }
  }

  async function unsubscribe(channel: string): Promise<void> {
    if (subscriber.status === 'ready' && !listeners.has(channel)) await subscriber[words.unsubscribe](channel)
  }

  return {
    publish(channel, text, onUnheard) {
      if (!hasRoom(publisher)) return
      publisher[words.publish](options.prefix + channel, text).then(
        (heard) => {
          if (heard === 0) onUnheard?.()
        },
        // What is lost shows by its number; a link that is down has said so already.
        () => {},
      )
    },

    async subscribe(channel, listener) {
      const name = options.prefix + channel
      const others = listeners.get(name)
      listeners.set(name, (others ?? new Set()).add(listener))
      // While the link is down, it is heard from when it is up.
      if (subscriber.status === 'ready') await subscriber[words.subscribe](name).catch(options.onFault)
      return () => {
        const left = listeners.get(name)
        if (!left?.delete(listener) || left.size > 0) return
        listeners.delete(name)
        unsubscribe(name).catch(options.onFault)
      }
    },

    get isDown() {
      return isDown
    },

    reconnect() {
      subscriber.disconnect(true)
      publisher.disconnect(true)
    },
  }
}

/** Whether more may be published now; if so, it goes with all else of this pass. */
function hasRoom(publisher: RedisClient): boolean {
  // The connections to the shards are the driver's own, and it gathers what goes to them.
  if (!(publisher instanceof Redis)) return true
  const { stream, status } = publisher
  if (status !== 'ready' || stream.writableLength > MOST_WAITING) return false
  if (stream.writableCorked === 0) {
    stream.cork()
    process.nextTick(() => stream.uncork())
  }
  return true
}
