import { createMemoryBroadcast } from '../../rooms/memory.ts'
import type { Broadcast, Broadcastable, Topic } from '../../rooms/ports.ts'
import { type GatewayCalls, type RoomCalls, toCall, toHearCall } from './calls.ts'
import { gatewayOf, type Objects } from './objects.ts'

interface ObjectBroadcastPorts {
  /** The name of this gateway. */
  readonly self: string
  readonly rooms: Objects<RoomCalls>
  readonly gateways: Objects<GatewayCalls>
  readonly waitUntil: (promise: Promise<unknown>) => void
  /** What was kept: the rooms that know of this gateway. One that is told otherwise is forgotten first, whatever follows. */
  readonly heard: { chatIds(): Iterable<string>; forget(chatId: string): void }
}

/** ObjectBroadcast is what a gateway hears from rooms and from other gateways. */
export interface ObjectBroadcast extends Broadcast {
  /** Something has arrived for this gateway. */
  hear(topic: Topic, item: Broadcastable): void
  /** Detaches from every room of which nobody here hears the chat: after a sleep, or a crash that nobody saw. */
  settle(): void
}

/**
 * createObjectBroadcast attaches this gateway to the room of every chat that somebody here hears: the room then calls
 * it. News of users comes to their gateway unasked, and presence goes to the gateways that hear one of the chats.
 */
export function createObjectBroadcast(ports: ObjectBroadcastPorts): ObjectBroadcast {
  const { self, rooms, gateways, heard, waitUntil } = ports
  const local = createMemoryBroadcast()
  const asListener = toCall({ gateway: self })
  /** Each with when the room knows of it. */
  const attached = new Map([...heard.chatIds()].map((chatId) => [chatId, Promise.resolve()]))
  /** Rooms that called, maybe while a detachment is on its way: whether they still would, nobody knows. */
  const strays = new Set<string>()
  const listeners = new Map<string, number>()

  function attach(chatId: string): Promise<void> {
    const known = attached.get(chatId)
    if (known) return known
    const attaching = rooms.get(chatId).attach(asListener)
    attached.set(chatId, attaching)
    attaching.catch(() => {
      rooms.forget(chatId)
      if (attached.get(chatId) === attaching) attached.delete(chatId)
    })
    return attaching
  }

  function detach(chatId: string): void {
    attached.delete(chatId)
    heard.forget(chatId)
    waitUntil(
      rooms
        .get(chatId)
        .detach(asListener)
        .catch(() => rooms.forget(chatId)),
    )
  }

  async function tellPresence(item: Extract<Broadcastable, { kind: 'presence' }>): Promise<void> {
    const asked = await Promise.allSettled(
      item.chatIds.map((chatId) => rooms.get(chatId).listeners(toCall({}))),
    )
    const names = new Set([item.userId, ...item.contactIds].map(gatewayOf))
    for (const it of asked) if (it.status === 'fulfilled') for (const name of it.value) names.add(name)
    names.delete(self)
    const call = toHearCall('presence', item)
    await Promise.allSettled([...names].map((name) => gateways.get(name).hear(call)))
  }

  return {
    isImpaired: false,
    publish(topic, item) {
      local.publish(topic, item)
      if (item.kind === 'presence') waitUntil(tellPresence(item))
    },
    async subscribe(topic, listener) {
      const unsubscribe = await local.subscribe(topic, listener)
      const chatId = chatOf(topic)
      if (chatId === undefined) return unsubscribe
      listeners.set(topic, (listeners.get(topic) ?? 0) + 1)
      const end = () => {
        unsubscribe()
        const left = (listeners.get(topic) ?? 1) - 1
        listeners.set(topic, left)
        if (left > 0) return
        listeners.delete(topic)
        detach(chatId)
      }
      try {
        await attach(chatId)
      } catch (error) {
        end()
        throw error
      }
      return end
    },
    hear(topic, item) {
      const chatId = chatOf(topic)
      if (chatId !== undefined && !attached.has(chatId)) strays.add(chatId)
      local.publish(topic, item)
    },
    settle() {
      for (const chatId of [...attached.keys(), ...strays]) {
        if (!listeners.has(`chat:${chatId}`)) detach(chatId)
      }
      strays.clear()
    },
  }
}

function chatOf(topic: Topic): string | undefined {
  return topic.startsWith('chat:') ? topic.slice('chat:'.length) : undefined
}
