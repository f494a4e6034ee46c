import { fromBroadcastText, toBroadcastText } from '../../../rooms/broadcast-text.ts'
import { createMemoryBroadcast } from '../../../rooms/memory.ts'
import type { Broadcast } from '../../../rooms/ports.ts'
import type { Members } from './members.ts'
import type { PubSub } from './pubsub.ts'

/**
 * createClusterBroadcast reaches the listeners of this instance at once, and those of the others over the bus: one
 * channel a topic, heard while anybody listens here. Nothing waits for the bus, and what it loses the heads show.
 */
export function createClusterBroadcast(pubsub: PubSub, members: Pick<Members, 'self' | 'isDeaf'>): Broadcast {
  const local = createMemoryBroadcast()
  const channels = new Map<string, { listeners: number; heard: Promise<() => void> }>()

  function onText(topic: Parameters<Broadcast['publish']>[0], text: string): void {
    // One's own comes back as well, and was told already.
    if (!text.startsWith(members.self))
      local.publish(topic, fromBroadcastText(text.slice(text.indexOf('\n') + 1)))
  }

  return {
    publish(topic, item) {
      local.publish(topic, item)
      // A line of who, and then of what.
      pubsub.publish(topic, `${members.self}\n${toBroadcastText(item)}`)
    },

    async subscribe(topic, listener) {
      const channel = channels.get(topic) ?? {
        listeners: 0,
        heard: pubsub.subscribe(topic, (text) => onText(topic, text)),
      }
      channels.set(topic, channel)
      channel.listeners += 1
      const [unsubscribe, endChannel] = await Promise.all([local.subscribe(topic, listener), channel.heard])
      let isEnded = false
      return () => {
        if (isEnded) return
        isEnded = true
        unsubscribe()
        channel.listeners -= 1
        if (channel.listeners > 0) return
        channels.delete(topic)
        endChannel()
      }
    },

    get isImpaired() {
      return members.isDeaf
    },
  }
}
