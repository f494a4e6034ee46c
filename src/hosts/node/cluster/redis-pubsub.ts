import { Cluster, Redis } from 'ioredis'
import type { PubSub } from './pubsub.ts'
import type { RedisClient, RedisLink } from './redis.ts'
import { oneOnEachShard } from './shards.ts'

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

/** RedisPubSub tells when a pass of the event loop ends, so that what is gathered until then goes with the rest. */
export interface RedisPubSub extends PubSub {
  /** Runs at the end of the pass, before all that was published in it is written. */
  soon(run: () => void): void
}

/**
 * createRedisPubSub publishes by one connection, all of a pass in one write, and hears by another. Subscriptions are
 * kept here and made again after every loss of the link. On Redis Cluster they are sharded: a channel lives on the
 * shard of its name alone.
 */
export function createRedisPubSub(link: RedisLink, options: RedisPubSubOptions): RedisPubSub {
  const { publisher, isCluster } = link
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
  const pass = createPass(publisher)
  let tries = 0
  let subscriber = link.subscriber
  let isDown = subscriber.status !== 'ready'
  const probed = new Map<string, readonly string[]>()
  hearBy(subscriber)

  function hearBy(client: RedisClient): void {
    const on = (event: string, run: () => void) => client.on(event, () => client === subscriber && run())
    client.on(words.message, (channel: string, text: string) => {
      const found = listeners.get(channel)
      if (found) for (const listener of found) listen(listener, text)
    })
    on('ready', heal)
    on('close', fall)
    on('refresh', () => probed.clear())
    // A shard that goes takes its channels with it, one that comes knows nothing of them, and what the driver then
    // subscribes to by itself may have failed without a word.
    for (const event of ['-node', '+node', 'subscribersReady']) {
      on(event, () => {
        fall()
        // One that is still connecting subscribes when it is ready.
        if (client.status === 'ready') heal()
      })
    }
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
      if (isCluster) await Promise.all(some.map(subscribe))
      else await subscriber.subscribe(...some)
    }
  }

  /** The driver throws where it knows nobody who owns the channel's slot: rejects then, too. */
  async function subscribe(channel: string): Promise<void> {
    await subscriber[words.subscribe](channel)
  }

  async function unsubscribe(channel: string): Promise<void> {
    if (subscriber.status === 'ready' && !listeners.has(channel)) await subscriber[words.unsubscribe](channel)
  }

  return {
    publish(channel, text, onUnheard) {
      if (!hasRoom(publisher)) return
      pass.begin()
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
      if (subscriber.status === 'ready') await subscribe(name).catch(options.onFault)
      return () => {
        const left = listeners.get(name)
        if (!left?.delete(listener) || left.size > 0) return
        listeners.delete(name)
        unsubscribe(name).catch(options.onFault)
      }
    },

    soon: pass.soon,

    /** A cluster is heard by a connection to each shard, any other Redis by one. */
    channelsOfEach(name) {
      if (!(subscriber instanceof Cluster)) return [name]
      const known = probed.get(name)
      if (known) return known
      const { prefix } = options
      const channels = oneOnEachShard(prefix + name, subscriber.slots).map((it) => it.slice(prefix.length))
      probed.set(name, channels)
      return channels
    },

    get isDown() {
      return isDown
    },

    reconnect() {
      if (isCluster) {
        // The driver's subscribers can get stuck for good: a connection that it gave up while it was being made is waited for.
        // What is subscribed to at the last one says nothing of this one.
        tries += 1
        subscriber = link.renewSubscriber()
        probed.clear()
        hearBy(subscriber)
        fall()
      } else subscriber.disconnect(true)
      publisher.disconnect(true)
    },
  }
}

/** Whether more may be published now. The connections to the shards of a cluster are the driver's own. */
function hasRoom(publisher: RedisClient): boolean {
  if (!(publisher instanceof Redis)) return true
  const { stream, status } = publisher
  return status === 'ready' && stream.writableLength <= MOST_WAITING
}

/** A write for each thing that is published would be half of its price. */
function createPass(publisher: RedisClient) {
  let runs: (() => void)[] | undefined

  /** Holds what is written until the pass ends. What goes to a cluster the driver gathers by shard. */
  function begin(): (() => void)[] {
    if (runs) return runs
    const held = publisher instanceof Redis ? publisher.stream : undefined
    held?.cork()
    const own: (() => void)[] = []
    runs = own
    setImmediate(() => {
      try {
        for (const run of own) run()
      } finally {
        runs = undefined
        held?.uncork()
      }
    })
    return own
  }

  return { begin, soon: (run: () => void) => void begin().push(run) }
}
