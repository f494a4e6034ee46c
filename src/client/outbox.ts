import type { AckOf } from '../protocol/commands.ts'
import { pauseAfter } from './backoff.ts'
import type { QueuedMessage, SendBody } from './chat-state.ts'
import { ParleyError, toParleyError } from './error.ts'
import type { Edges, OutboxStorage } from './ports.ts'
import type { Ask } from './replies.ts'

export type SendAck = AckOf<'message:send'>

export interface OutboxPorts extends Edges {
  readonly storage: OutboxStorage
  readonly ask: Ask
  readonly userId: () => string | null
  /**
   * Sends of one chat that may be on their way together. 1 keeps them in order whatever happens; more is faster, and
   * one that fails for a while is overtaken by those sent with it.
   */
  readonly inFlight: number
}

export interface OutboxEvents {
  queued(message: QueuedMessage): void
  acked(message: QueuedMessage, ack: SendAck): void
  /** Never to be accepted: dropped. */
  refused(message: QueuedMessage, error: ParleyError): void
}

/**
 * Outbox sends messages first in, first out per chat, chats side by side, for ever, each with one id: whatever
 * breaks on the way, a message is stored once. It leaves the outbox when it is acknowledged or refused for good.
 */
export interface Outbox {
  /** Resolves with the ack, however long that takes; rejects when refused or not kept by the storage. */
  send(chatId: string, body: SendBody): Promise<SendAck>
  list(chatId: string): readonly QueuedMessage[]
  /** Whose connection the next one is: what somebody else wrote on this device is left in the storage. */
  adopt(userId: string): void
  /** There is a live connection. */
  start(): void
  stop(): void
  /** Drops everything that was not acknowledged. */
  clear(): void
}

interface Entry {
  readonly message: QueuedMessage
  readonly resolve: (ack: SendAck) => void
  readonly reject: (error: ParleyError) => void
  isSaved: boolean
}

/** Lane is what one chat has to send. */
interface Lane {
  /** Oldest first, those on their way left out. */
  waiting: Entry[]
  readonly flying: Set<Entry>
  failures: number
  cancelPause: (() => void) | undefined
}

export function createOutbox(ports: OutboxPorts, events: OutboxEvents): Outbox {
  const { clock, random, uuid, storage, ask, userId, inFlight } = ports
  const lanes = new Map<string, Lane>()
  let isLive = false
  let lastPlace = 0
  const stored = storage.load()
  let loading: Promise<void> | undefined
  if ('then' in stored) loading = stored.then(restore).finally(() => (loading = undefined))
  else restore(stored)

  function restore(messages: readonly QueuedMessage[]): void {
    for (const message of [...messages].sort((a, b) => a.place - b.place)) {
      lastPlace = Math.max(lastPlace, message.place)
      queue({ message, isSaved: true, resolve() {}, reject() {} })
    }
  }

  async function send(chatId: string, { id = uuid(), ...body }: SendBody): Promise<SendAck> {
    if (loading) await loading
    lastPlace += 1
    const queuedAt = new Date(clock.now()).toISOString()
    const message = { id, chatId, senderId: userId(), body, queuedAt, place: lastPlace }
    return new Promise((resolve, reject) => {
      const entry = { message, resolve, reject, isSaved: false }
      queue(entry)
      void save(entry)
    })
  }

  async function save(entry: Entry): Promise<void> {
    const { chatId } = entry.message
    try {
      await storage.save(entry.message)
      entry.isSaved = true
    } catch (error) {
      const lane = laneOf(chatId)
      lane.waiting = lane.waiting.filter((each) => each !== entry)
      refuse(entry, toParleyError(error))
    }
    pump(chatId)
  }

  function queue(entry: Entry): void {
    laneOf(entry.message.chatId).waiting.push(entry)
    events.queued(entry.message)
    pump(entry.message.chatId)
  }

  function pump(chatId: string): void {
    const lane = laneOf(chatId)
    while (isLive && !lane.cancelPause && lane.flying.size < inFlight && lane.waiting[0]?.isSaved) {
      const entry = lane.waiting.shift()
      if (entry) void fly(lane, entry)
    }
  }

  async function fly(lane: Lane, entry: Entry): Promise<void> {
    const { id, chatId, body } = entry.message
    lane.flying.add(entry)
    try {
      const ack = await ask('message:send', { content: '', contentType: 'text', ...body, id, chatId })
      if (!lane.flying.delete(entry)) return
      lane.failures = 0
      void forget(id)
      events.acked(entry.message, ack)
      entry.resolve(ack)
    } catch (thrown) {
      if (!lane.flying.delete(entry)) return
      const error = toParleyError(thrown)
      if (isFinal(error)) {
        void forget(id)
        refuse(entry, error)
      } else {
        lane.waiting = [entry, ...lane.waiting].sort((a, b) => a.message.place - b.message.place)
        if (isLive) pause(lane, chatId, error)
      }
    }
    pump(chatId)
  }

  function pause(lane: Lane, chatId: string, error: ParleyError): void {
    lane.failures += 1
    lane.cancelPause?.()
    lane.cancelPause = clock.after(pauseAfter(error, lane.failures, random), () => {
      lane.cancelPause = undefined
      pump(chatId)
    })
  }

  function refuse({ message, reject }: Entry, error: ParleyError): void {
    events.refused(message, error)
    reject(error)
  }

  /** What a storage fails to forget is sent again after a restart, and answered with the first result. */
  async function forget(id: string): Promise<void> {
    try {
      await storage.remove(id)
    } catch {}
  }

  function laneOf(chatId: string): Lane {
    const known = lanes.get(chatId)
    if (known) return known
    const lane = { waiting: [], flying: new Set<Entry>(), failures: 0, cancelPause: undefined }
    lanes.set(chatId, lane)
    return lane
  }

  return {
    send,
    list(chatId) {
      const { flying = [], waiting = [] } = lanes.get(chatId) ?? {}
      return [...flying, ...waiting].map(({ message }) => message).sort((a, b) => a.place - b.place)
    },
    adopt(owner) {
      for (const lane of lanes.values()) {
        lane.waiting = lane.waiting.filter(({ message, reject }) => {
          const isOwn = message.senderId === null || message.senderId === owner
          if (!isOwn) reject(new ParleyError('OFFLINE', 'Another user has logged in'))
          return isOwn
        })
      }
    },
    start() {
      isLive = true
      for (const chatId of lanes.keys()) pump(chatId)
    },
    stop() {
      isLive = false
      for (const lane of lanes.values()) {
        lane.cancelPause?.()
        lane.cancelPause = undefined
        lane.failures = 0
      }
    },
    clear() {
      for (const { flying, waiting, cancelPause } of lanes.values()) {
        cancelPause?.()
        for (const { message, reject } of [...flying, ...waiting]) {
          void forget(message.id)
          reject(new ParleyError('UNKNOWN', 'Logged out before it was acknowledged'))
        }
        flying.clear()
      }
      lanes.clear()
    },
  }
}

/** An expired login is no reason to lose what somebody wrote. */
function isFinal(error: ParleyError): boolean {
  return !error.retryable && error.code !== 'UNAUTHORIZED'
}
