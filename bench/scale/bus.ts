import type { PubSub } from '../../src/hosts/node/cluster/pubsub.ts'

/** Traffic is what Redis takes in and gives out: commands, pushes to those that hear, and the bytes of both. */
export interface Traffic {
  publishes: number
  pushes: number
  bytesIn: number
  bytesOut: number
}

/** Bus is pub/sub in memory that counts as Redis would. What is published waits until `deliver`. */
export interface Bus {
  link(): PubSub
  /** Passes on what waits, and what that leads to. */
  deliver(): void
  /** What has gone out since it was last cleared, in its order. */
  readonly published: readonly Published[]
  /** What has gone over the channels that begin so. */
  count(beginning?: string): Traffic
  clear(): void
}

interface Published {
  readonly channel: string
  readonly bytes: number
  /** Connections that heard it. */
  readonly heard: number
}

const PREFIX = 'parley:'

export function createBus(): Bus {
  const channels = new Map<string, Set<(text: string) => void>>()
  const waiting: { channel: string; text: string; onUnheard: () => void }[] = []
  const published: Published[] = []

  function deliver(): void {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { channel, text, onUnheard } = next
      const listeners = [...(channels.get(channel) ?? [])]
      published.push({ channel, bytes: Buffer.byteLength(text), heard: listeners.length })
      if (listeners.length === 0) onUnheard()
      for (const listener of listeners) listener(text)
    }
  }

  const link = (): PubSub => ({
    isDown: false,
    publish: (channel, text, onUnheard = () => {}) => void waiting.push({ channel, text, onUnheard }),
    async subscribe(channel, listener) {
      // A listener of each link: one connection hears a channel once.
      const own = (text: string) => listener(text)
      channels.set(channel, (channels.get(channel) ?? new Set()).add(own))
      return () => void channels.get(channel)?.delete(own)
    },
    reconnect() {},
  })

  return {
    link,
    deliver,
    published,
    count: (beginning = '') =>
      published
        .filter(({ channel }) => channel.startsWith(beginning))
        .reduce((sum, { channel, bytes, heard }) => add(sum, trafficOf(channel, bytes, heard)), nothing()),
    clear: () => void published.splice(0),
  }
}

/** trafficOf is one publish of so many bytes, heard by so many connections, in the words of Redis's protocol (RESP 2). */
export function trafficOf(channel: string, bytes: number, heard: number): Traffic {
  const name = Buffer.byteLength(PREFIX + channel)
  const rest = bulk(name) + bulk(bytes)
  return {
    publishes: 1,
    pushes: heard,
    bytesIn: '*3\r\n'.length + bulk('publish'.length) + rest,
    bytesOut: heard * ('*3\r\n'.length + bulk('message'.length) + rest) + `:${Math.round(heard)}\r\n`.length,
  }
}

export function nothing(): Traffic {
  return { publishes: 0, pushes: 0, bytesIn: 0, bytesOut: 0 }
}

export function add(a: Traffic, b: Traffic, times = 1): Traffic {
  return {
    publishes: a.publishes + b.publishes * times,
    pushes: a.pushes + b.pushes * times,
    bytesIn: a.bytesIn + b.bytesIn * times,
    bytesOut: a.bytesOut + b.bytesOut * times,
  }
}

/** A string of so many bytes: `$5\r\nhello\r\n`. */
function bulk(bytes: number): number {
  return `$${bytes}\r\n\r\n`.length + bytes
}
