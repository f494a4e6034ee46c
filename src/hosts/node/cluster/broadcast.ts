import { createMemoryBroadcast } from '../../../rooms/memory.ts'
import type { Broadcast, Broadcastable, EncodedEvent } from '../../../rooms/ports.ts'
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
 * A line of who, and one of what. Events have the chat's id there, then two lines each: what the receiver has to know,
 * and the text as it goes to sockets, which nobody reads on the way. JSON has no line breaks of its own.
 */
function encode(from: string, item: Broadcastable): string {
  if (item.kind !== 'events') return `${from}\n${JSON.stringify(item)}`
  const lines = [from, item.chatId]
  for (const { seq, origin, left, text } of item.events) {
    lines.push(`${seq} ${origin ?? ''} ${left ?? ''}`, text)
  }
  return lines.join('\n')
}

function decode(encoded: string): Broadcastable {
  const lines = encoded.split('\n')
  const [, what = ''] = lines
  if (what.startsWith('{')) return JSON.parse(what)
  const events: EncodedEvent[] = []
  for (let index = 2; index + 1 < lines.length; index += 2) {
    const [seq, origin, left] = (lines[index] ?? '').split(' ')
    events.push({
      seq: Number(seq),
      origin: origin || null,
      left: left || null,
      text: lines[index + 1] ?? '',
    })
  }
  return { kind: 'events', chatId: what, events }
}
