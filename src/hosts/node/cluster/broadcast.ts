import { createMemoryBroadcast } from '../../../rooms/memory.ts'
import type { Broadcast, Broadcastable } from '../../../rooms/ports.ts'
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
    if (!text.startsWith(members.self)) local.publish(topic, decode(text))
  }

  return {
    publish(topic, item) {
      local.publish(topic, item)
      pubsub.publish(topic, encode(members.self, item))
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

/**
 * A line of who and what, and a line for each text as it goes to sockets, which no receiver has to read: JSON has no
 * line breaks of its own.
 */
function encode(from: string, item: Broadcastable): string {
  if (item.kind !== 'events') return `${from}\n${JSON.stringify(item)}`
  const events = item.events.map(({ text: _, ...event }) => event)
  const texts = item.events.map(({ text }) => text).join('\n')
  return `${from}\n${JSON.stringify({ ...item, events })}\n${texts}`
}

function decode(encoded: string): Broadcastable {
  const [, head = '', ...texts] = encoded.split('\n')
  const item: Broadcastable = JSON.parse(head)
  if (item.kind !== 'events') return item
  const events = item.events.map((event, index) => ({ ...event, text: texts[index] ?? '' }))
  return { ...item, events }
}
