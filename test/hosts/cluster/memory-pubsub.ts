import type { PubSub } from '../../../src/hosts/node/cluster/pubsub.ts'

/** MemoryBus is what several instances of a test publish over; each can be cut off. */
export interface MemoryBus {
  /** The link of one instance. */
  link(): MemoryLink
  /** Everything published so far, by channel. */
  readonly published: readonly { readonly channel: string; readonly text: string }[]
}

export interface MemoryLink extends PubSub {
  isDown: boolean
  /** Nothing that is published here gets out: the connection for it is not there yet. */
  isMute: boolean
  /** Nothing arrives here, though the link looks well. */
  isStarved: boolean
  /** Which channels alone bring nothing here. */
  loses: (channel: string) => boolean
  reconnects: number
}

export function createMemoryBus(): MemoryBus {
  const channels = new Map<string, Set<(text: string) => void>>()
  const published: { channel: string; text: string }[] = []
  return {
    published,
    link() {
      const link: MemoryLink = {
        isDown: false,
        isMute: false,
        isStarved: false,
        loses: () => false,
        reconnects: 0,
        reconnect() {
          link.reconnects += 1
        },
        publish(channel, text, onUnheard) {
          if (link.isDown || link.isMute) return
          published.push({ channel, text })
          const listeners = [...(channels.get(channel) ?? [])]
          for (const listener of listeners) listener(text)
          if (listeners.length === 0) onUnheard?.()
        },
        async subscribe(channel, listener) {
          const listeners = channels.get(channel) ?? new Set()
          const hear = (text: string) => {
            if (!link.isDown && !link.isStarved && !link.loses(channel)) listener(text)
          }
          channels.set(channel, listeners.add(hear))
          return () => void listeners.delete(hear)
        },
      }
      return link
    },
  }
}
