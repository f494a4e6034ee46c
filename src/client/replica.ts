import type { Hello } from '../protocol/frames.ts'
import type { ChatInfo, Message, PresenceStatus, UserSummary } from '../protocol/model.ts'
import { Account, type ChatChange } from './account.ts'
import { toEvent } from './ack-event.ts'
import { isFollowed, type QueuedMessage, type SendBody } from './chat-state.ts'
import { type Connection, createConnection, type Status } from './connection.ts'
import { createEmitter, type Emitter } from './emitter.ts'
import type { ParleyError } from './error.ts'
import { createHistory, type History } from './history.ts'
import type { PushedFrame } from './link.ts'
import { createOutbox, type SendAck } from './outbox.ts'
import type { ChatReader, Edges, OpenSocket, OutboxStorage, TokenSource } from './ports.ts'
import type { ChatInput } from './reduce.ts'
import { createRepair } from './repair.ts'
import type { AckData, AskData } from './replies.ts'
import { createSync } from './sync.ts'
import { createTyping, type Typing } from './typing.ts'
import { createWatermarks } from './watermarks.ts'

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
  /** Somebody's name, picture or presence, or how one stands with somebody, changed. */
  people: { userId: string }
  /** To agents and admins: a session has come into the queue or left it, as its `status` says. */
  queue: { chat: ChatInfo; customer: UserSummary | null }
}

/** Commands about one message, which its id and chat name. */
type MessageCommand = 'message:edit' | 'message:delete' | 'reaction:add' | 'reaction:remove'

/**
 * Replica keeps one user's copy of their chats in step with the server: it connects, catches up, repairs holes,
 * sends what waits, and begins again whenever the connection is lost.
 */
export interface Replica
  extends Pick<Emitter<ReplicaEvents>, 'on'>,
    Pick<Connection, 'connect' | 'disconnect' | 'status'>,
    History {
  readonly account: Account
  readonly typing: Typing
  send(chatId: string, body: SendBody): Promise<SendAck>
  /** Changes a message. Rejects as `OFFLINE` without a live connection, as `UNKNOWN` when it is lost on the way. */
  change<T extends MessageCommand>(chatId: string, type: T, data: AskData<T>): Promise<AckData<T>>
  markRead(chatId: string, seq?: number): void
  setPresence(status: Exclude<PresenceStatus, 'offline'>): void
  /** Takes in what a REST answer told of a chat. */
  take(chatId: string, input: ChatInput): void
  /** Forgets the user and everything of theirs, and what was not sent. */
  forget(): void
}

export function createReplica(ports: ReplicaPorts, settings: ReplicaSettings): Replica {
  const events = createEmitter<ReplicaEvents>()
  const account = new Account(settings, {
    onChat,
    onSignal({ data }) {
      if ('customer' in data) events.emit('queue', data)
      if ('userId' in data) events.emit('people', { userId: data.userId })
      if ('user' in data) events.emit('people', { userId: data.user.id })
    },
    onClear() {
      listed = undefined
      events.emit('cleared', undefined)
    },
  })
  const connection = createConnection(ports, { catchUp, pushed, changed })
  const repair = createRepair({ ...ports, account })
  const sync = createSync(account, connection.ask, heard)
  const history = createHistory(account, ports.reader)
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

  async function catchUp({ user, logId }: Hello['data']): Promise<void> {
    account.begin(user, logId)
    outbox.adopt(user.id)
    if (listed !== logId) {
      for (const chat of await ports.reader.listChats()) account.take(chat.id, { type: 'snapshot', chat })
      listed = logId
    }
    await sync.run(logId)
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
        if (sync.isMeant(frame.data.chatId)) take(frame.data.chatId, { type: 'reset', head: frame.data.head })
        break
      case 'heads':
        if (frame.data.logId === account.logId) heard(frame.data)
        else reconnect()
        break
      case 'typing':
      case 'user:status':
      case 'user:updated':
      case 'contact:updated':
      case 'session:waiting':
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
    if (isFollowed(after) && !(before && isFollowed(before))) begun(change)
    if (before?.applied === applied) return
    const fresh = after.messages.after(before?.applied ?? after.me.readSeq)
    for (const message of before || isLive() ? fresh : []) events.emit('message', { message, chatId: id })
    const last = fresh.findLast(({ senderId }) => senderId !== userId)
    if (last && settings.tellDelivered) watermarks.delivered(id, last.seq)
  }

  /** A chat that begins, or begins again, shows what is still to be sent, and a page if one was shown before. */
  function begun({ before, after: { id } }: ChatChange): void {
    for (const message of outbox.list(id)) account.take(id, { type: 'queued', message })
    const wasShown = before && (before.loadedFrom === 0 || before.messages.length > 1)
    if (wasShown) history.loadOlder(id).catch(() => {})
  }

  function queued(message: QueuedMessage): void {
    account.take(message.chatId, { type: 'queued', message })
  }

  /** An ack counts as the event of its seq, where it carries it; otherwise it shows how far the chat is. */
  function takeAck(chatId: string, ack: { readonly seq: number; readonly message?: Message }): void {
    const { message, seq } = ack
    const event = message && account.user && toEvent({ message, seq }, account.user)
    take(chatId, event ? { type: 'event', event } : { type: 'head', seq })
  }

  function acked({ id, chatId }: QueuedMessage, ack: SendAck): void {
    takeAck(chatId, ack)
    const { seq } = ack
    if ((account.chats.get(chatId)?.applied ?? 0) >= seq) account.take(chatId, { type: 'unqueued', id })
  }

  function refused(message: QueuedMessage, error: ParleyError): void {
    account.take(message.chatId, { type: 'unqueued', id: message.id })
    events.emit('refused', { message, error })
  }

  async function change<T extends MessageCommand>(
    chatId: string,
    type: T,
    data: AskData<T>,
  ): Promise<AckData<T>> {
    const ack = await ask(type, data)
    takeAck(chatId, ack)
    return ack
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
    ...history,
    take,
    forget() {
      connection.disconnect()
      outbox.clear()
      watermarks.clear()
      account.clear()
    },
  }
}
