import type { Hello } from '../protocol/frames.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Message, PresenceStatus } from '../protocol/model.ts'
import { Account, type ChatChange } from './account.ts'
import type { ChatState, QueuedMessage, SendBody } from './chat-state.ts'
import { type Connection, createConnection, type Status } from './connection.ts'
import { createEmitter, type Emitter } from './emitter.ts'
import type { ParleyError } from './error.ts'
import type { PushedFrame } from './link.ts'
import { createOutbox, type SendAck } from './outbox.ts'
import type { ChatReader, Edges, MessagePage, OpenSocket, OutboxStorage, TokenSource } from './ports.ts'
import type { ChatInput } from './reduce.ts'
import { createRepair } from './repair.ts'
import type { AckData, AskData } from './replies.ts'
import { createTyping, type Typing } from './typing.ts'
import { createWatermarks } from './watermarks.ts'

/** Reads of a chat that goes on changing while it is read. */
const LOAD_READS = 5

export interface ReplicaPorts extends Edges {
  readonly openSocket: OpenSocket
  readonly tokens: TokenSource
  readonly reader: ChatReader
  readonly storage: OutboxStorage
}

export interface ReplicaSettings {
  /** Messages kept of each chat when new ones come; what is older can be loaded again. */
  readonly keepMessages: number
  /** Sends of one chat that may be on their way together; more than 1 gives order up when one fails. */
  readonly inFlight: number
  /** Tell the server what has arrived here. */
  readonly tellDelivered: boolean
}

/** What happens, for listeners. Called after the state has changed. */
export interface ReplicaEvents {
  /** A chat went from one state to the next. */
  change: ChatChange
  /** A message that is new since the last state, one's own included; in order, each once. */
  message: { message: Message; chatId: string }
  /** A message will never be accepted, and has left the outbox. */
  refused: { message: QueuedMessage; error: ParleyError }
  status: Status
  /** All that was known is dropped: another user, or a history that is not the one before. */
  cleared: undefined
  /** Somebody's presence, or how one stands with somebody, changed. */
  people: { userId: string }
}

/** Commands about one message, which its id and chat name. */
type MessageCommand = 'message:edit' | 'message:delete' | 'reaction:add' | 'reaction:remove'

/**
 * Replica keeps one user's copy of their chats in step with the server: it connects, catches up, repairs holes,
 * sends what waits, and begins again whenever the connection is lost.
 */
export interface Replica extends Pick<Emitter<ReplicaEvents>, 'on'>, Pick<Connection, 'connect'> {
  readonly account: Account
  readonly status: Status
  readonly typing: Typing
  disconnect(): void
  send(chatId: string, body: SendBody): Promise<SendAck>
  /** Changes a message. Rejects as `OFFLINE` without a live connection, as `UNKNOWN` when it is lost on the way. */
  change<T extends MessageCommand>(chatId: string, type: T, data: AskData<T>): Promise<AckData<T>>
  markRead(chatId: string, seq?: number): void
  setPresence(status: Exclude<PresenceStatus, 'offline'>): void
  /** Reads who takes part and the latest messages, as far as they are not here. */
  load(chatId: string): Promise<void>
  /** Adds a page of older messages; resolves with whether there is still more. */
  loadOlder(chatId: string): Promise<boolean>
  /** Takes in what a REST answer told of a chat. */
  take(chatId: string, input: ChatInput): void
  /** Forgets the user and everything of theirs, and what was not sent. */
  forget(): void
}

export function createReplica(ports: ReplicaPorts, settings: ReplicaSettings): Replica {
  const { reader } = ports
  const events = createEmitter<ReplicaEvents>()
  const account = new Account(settings, {
    onChat,
    onSignal({ data }) {
      if ('userId' in data) events.emit('people', { userId: data.userId })
    },
    onClear() {
      listed = undefined
      events.emit('cleared', undefined)
    },
  })
  const connection = createConnection(ports, { catchUp, pushed, changed })
  const repair = createRepair({ ...ports, account })
  const ask = connection.ask
  const watermarks = createWatermarks({ ...ports, ask, find: (chatId) => account.chats.get(chatId) })
  const typing = createTyping({
    clock: ports.clock,
    tell: (type, data) => isLive() && connection.tell(type, data),
  })
  const outbox = createOutbox(
    { ...ports, ask, inFlight: settings.inFlight, userId: () => account.user?.id ?? null },
    { queued, acked, refused },
  )
  /** The history whose chats were listed; others that come up are read one by one. */
  let listed: string | undefined
  let presence: Exclude<PresenceStatus, 'offline'> = 'online'
  const loading = new Map<string, Promise<boolean>>()

  async function catchUp({ user, logId }: Hello['data']): Promise<void> {
    account.begin(user, logId)
    outbox.adopt(user.id)
    if (listed !== logId) {
      for (const chat of await reader.listChats()) account.take(chat.id, { type: 'snapshot', chat })
      listed = logId
    }
    const known = [...account.chats.values()].filter(({ standing, isStale }) => standing === 'in' && !isStale)
    for (let begin = 0; begin === 0 || begin < known.length; begin += LIMITS.syncChats) {
      const some = known.slice(begin, begin + LIMITS.syncChats).map(({ id, applied }) => [id, applied])
      heard(await ask('sync', { logId, chats: Object.fromEntries(some) }))
    }
  }

  function heard({ chats }: { readonly chats: Readonly<Record<string, number>> }): void {
    for (const [chatId, seq] of Object.entries(chats)) take(chatId, { type: 'head', seq })
  }

  function pushed(frame: PushedFrame): void {
    switch (frame.type) {
      case 'sync:batch':
        take(frame.data.chatId, { type: 'changes', changes: frame.data })
        break
      case 'sync:reset':
        take(frame.data.chatId, { type: 'reset', head: frame.data.head })
        break
      case 'heads':
        if (frame.data.logId === account.logId) heard(frame.data)
        else reconnect()
        break
      case 'typing':
      case 'user:status':
      case 'contact:updated':
        account.hear(frame)
        break
      default:
        take(frame.chatId, { type: 'event', event: frame })
    }
  }

  function changed(status: Status): void {
    if (status.state === 'live') {
      if (presence !== 'online') setPresence(presence)
      repair.start()
      watermarks.start()
      outbox.start()
    } else {
      repair.stop()
      watermarks.stop()
      outbox.stop()
    }
    if (status.state === 'waiting' || status.state === 'offline') forgetTyping()
    events.emit('status', status)
  }

  function take(chatId: string, input: ChatInput): void {
    account.take(chatId, input)
    repair.check(chatId)
  }

  function onChat(change: ChatChange): void {
    const { before, after } = change
    const { id, userId, applied } = after
    events.emit('change', change)
    if (!before || before.isStale) {
      for (const message of after.isStale ? [] : outbox.list(id))
        account.take(id, { type: 'queued', message })
    }
    if (before?.applied === applied) return
    const fresh = after.messages.after(before?.applied ?? after.me.readSeq)
    for (const message of before || isLive() ? fresh : []) events.emit('message', { message, chatId: id })
    const last = fresh.findLast(({ senderId }) => senderId !== userId)
    if (last && settings.tellDelivered) watermarks.delivered(id, last.seq)
  }

  function queued(message: QueuedMessage): void {
    account.take(message.chatId, { type: 'queued', message })
  }

  function acked({ id, chatId }: QueuedMessage, { message, seq }: SendAck): void {
    takeMessage(message, seq)
    if ((account.chats.get(chatId)?.applied ?? 0) >= seq) account.take(chatId, { type: 'unqueued', id })
  }

  function refused(message: QueuedMessage, error: ParleyError): void {
    account.take(message.chatId, { type: 'unqueued', id: message.id })
    events.emit('refused', { message, error })
  }

  /** An ack counts as the event of its seq, where it is the answer to a change and not to what was so already. */
  function takeMessage(message: Message, seq: number): void {
    const { chatId, changedSeq, createdAt } = message
    const { user } = account
    if (message.seq === seq && user) {
      take(chatId, {
        type: 'event',
        event: { type: 'message:new', chatId, seq, at: createdAt, data: { message, sender: user } },
      })
    } else if (changedSeq === seq) {
      take(chatId, {
        type: 'event',
        event: { type: 'message:edited', chatId, seq, at: createdAt, data: { message } },
      })
    }
    take(chatId, { type: 'head', seq })
  }

  async function change<T extends MessageCommand>(
    chatId: string,
    type: T,
    data: AskData<T>,
  ): Promise<AckData<T>> {
    const ack = await ask(type, data)
    if ('message' in ack) takeMessage(ack.message, ack.seq)
    else take(chatId, { type: 'head', seq: ack.seq })
    return ack
  }

  function loadOlder(chatId: string): Promise<boolean> {
    const chat = account.chats.get(chatId)
    if (!chat || chat.loadedFrom === 0) return Promise.resolve(false)
    const running = loading.get(chatId) ?? readOlder(chat).finally(() => loading.delete(chatId))
    loading.set(chatId, running)
    return running
  }

  async function readOlder({ id, loadedFrom: before }: ChatState): Promise<boolean> {
    account.take(id, { type: 'older:wanted' })
    let page: MessagePage | null = null
    try {
      page = await reader.listMessages(id, before)
    } finally {
      account.take(id, { type: 'older', before, page })
    }
    return (account.chats.get(id)?.loadedFrom ?? 0) > 0
  }

  async function load(chatId: string): Promise<void> {
    for (let reads = 0; reads < LOAD_READS && !account.chats.get(chatId)?.hasAllParticipants; reads += 1) {
      take(chatId, { type: 'snapshot', chat: await reader.getChat(chatId) })
    }
    const { messages, loadedFrom = 0 } = account.chats.get(chatId) ?? {}
    if (loadedFrom > 0 && (messages?.length ?? 0) < LIMITS.pageDefault) await loadOlder(chatId)
  }

  function setPresence(status: Exclude<PresenceStatus, 'offline'>): void {
    presence = status
    // a signal: it is said again on the next connection
    if (isLive()) ask('presence:update', { status }).catch(() => {})
  }

  function isLive(): boolean {
    return connection.status.state === 'live'
  }

  function reconnect(): void {
    connection.disconnect()
    connection.connect()
  }

  function forgetTyping(): void {
    for (const { id, typing } of account.chats.values()) {
      if (typing.length > 0) account.take(id, { type: 'typing', userIds: [] })
    }
  }

  return {
    on: events.on,
    account,
    typing,
    get status() {
      return connection.status
    },
    connect: connection.connect,
    disconnect: connection.disconnect,
    send(chatId, body) {
      typing.sent(chatId)
      return outbox.send(chatId, body)
    },
    change,
    markRead(chatId, seq = account.chats.get(chatId)?.applied ?? 0) {
      watermarks.read(chatId, seq)
    },
    setPresence,
    load,
    loadOlder,
    take,
    forget() {
      connection.disconnect()
      outbox.clear()
      watermarks.clear()
      account.clear()
    },
  }
}
