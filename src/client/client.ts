import type {
  Attachment,
  Chat,
  Formatting,
  Me,
  Message,
  PresenceStatus,
  UserSummary,
} from '../protocol/model.ts'
import type { SearchHit } from '../protocol/rest.ts'
import type { Account } from './account.ts'
import type { ChatState, SendBody } from './chat-state.ts'
import { createEmitter } from './emitter.ts'
import { createLogin } from './login.ts'
import type { SendAck } from './outbox.ts'
import { createMemoryOutbox } from './outbox-storage.ts'
import { createClock, createOpenSocket, createUuids, type WebSocketConstructor } from './platform.ts'
import type { Edges, OutboxStorage, TokenSource } from './ports.ts'
import { createReplica, type Replica, type ReplicaEvents, type ReplicaSettings } from './replica.ts'
import { createReader, createRest, type Rest } from './rest.ts'
import { createSendFile, type XhrConstructor } from './send-file.ts'
import { createMemorySession, type Session, type SessionStorage } from './session.ts'
import { createSessions, type SessionMethods } from './sessions.ts'
import { type UploadOptions, uploadAll } from './upload.ts'

export interface ClientOptions extends Partial<Edges>, Partial<ReplicaSettings> {
  /** Of the service, such as `https://chat.example.com`. */
  readonly url: string
  /** Where messages wait until they are acknowledged. In memory by default. */
  readonly outbox?: OutboxStorage
  /** Where the login is kept. In memory by default. */
  readonly session?: SessionStorage
  /** Leave the refresh token to the browser, in a cookie that no script can read. */
  readonly useCookie?: boolean
  /** Tokens of another issuer, in place of a login. */
  readonly tokens?: TokenSource
  readonly fetch?: typeof fetch
  readonly WebSocket?: WebSocketConstructor
}

/** What names a message. */
export type MessageRef = Pick<Message, 'id' | 'chatId'>

/**
 * Client is one user's Parley, in a browser or in Node: chats that keep themselves up to date, an outbox that loses
 * nothing, and every route typed.
 *
 * What it promises: each change of a chat is applied once and in order; after any loss of connection the chats are
 * what a fresh read would give; a message that `send` took is stored exactly once, or reported as `refused`.
 * Everything that rejects does so with a `ParleyError`.
 */
export interface Client extends ReadingMethods, WritingMethods, SessionMethods {
  /** Every route, for what has no method here. */
  readonly rest: Rest
  /** The chats, people, presence and contacts that are known. Chats are immutable: a change gives another object. */
  readonly account: Account
  readonly status: Replica['status']
  /** The result ends it. Listeners are called after the state has changed. */
  on<K extends keyof ReplicaEvents>(name: K, listener: (event: ReplicaEvents[K]) => void): () => void
  /** Tells of each login and of its end (null), which the server may bring about. The result ends it. */
  onSession(listener: (session: Session | null) => void): () => void

  register(account: { username: string; password: string; displayName?: string }): Promise<Me>
  login(username: string, password: string): Promise<Me>
  /** Takes up the login that is kept on this device; null when there is none. */
  resume(): Promise<Me | null>
  /** Ends the login and forgets everything of it, messages that were not acknowledged too. */
  logout(): Promise<void>
  /** Connects and stays connected; tries again at once when it was waiting to. */
  connect(): void
  disconnect(): void

  /** Everything up to `seq`, or all that is here, was read. Told as soon as there is a connection. */
  markRead(chatId: string, seq?: number): void
  /** A key was pressed; call it on each. */
  type(chatId: string): void
  stopTyping(chatId: string): void
  setPresence(status: Exclude<PresenceStatus, 'offline'>): void
}

interface ReadingMethods {
  /** The chats that one takes part in, the last active first. The same array until something changes. */
  listChats(): readonly ChatState[]
  findChat(chatId: string): ChatState | undefined
  findUser(userId: string): UserSummary | undefined
  /** Reads who takes part and the latest messages, as far as they are not here. For a chat that is opened. */
  load(chatId: string): Promise<void>
  /** Adds a page of older messages; resolves with whether there is still more. */
  loadOlder(chatId: string): Promise<boolean>
  /** Opens the direct chat with a user, which is made if there is none. */
  openDirect(userId: string): Promise<Chat>
  /** With the same `key`, a retry makes no second group. */
  createGroup(name: string, participantIds: readonly string[], key?: string): Promise<Chat>
  /** Finds words in the messages of all chats, or of one: the first page. */
  search(words: string, chatId?: string): Promise<readonly SearchHit[]>
}

interface WritingMethods {
  /**
   * Shows the message as queued at once, and resolves when it is stored. Messages of a chat go out in their order,
   * again after any loss of connection, and after a restart where the outbox is kept.
   */
  send(chatId: string, body: SendBody): Promise<SendAck>
  /** These four need a connection: they reject as `OFFLINE` without one. Done twice is done once. */
  /**
   * Sends files for a chat, to be named in a message's `attachmentIds` within 24 hours. One that did not get through is
   * sent again by itself. In browsers `onProgress` counts bytes as they leave, elsewhere whole files.
   */
  upload(chatId: string, files: File | readonly File[], options?: UploadOptions): Promise<Attachment[]>
  edit(message: MessageRef, content: string, formatting?: Formatting | null): Promise<void>
  remove(message: MessageRef): Promise<void>
  react(message: MessageRef, emoji: string): Promise<void>
  unreact(message: MessageRef, emoji: string): Promise<void>
}

export function createClient(options: ClientOptions): Client {
  const { url, useCookie = false, clock = createClock(), uuid = createUuids(clock) } = options
  const sessions = createEmitter<{ session: Session | null }>()
  const web = { url, useCookie, fetch: options.fetch ?? ((...request) => fetch(...request)) }
  const anonymous = createRest(web)
  const login = createLogin(anonymous, {
    useCookie,
    storage: options.session ?? createMemorySession(),
    changed: (session) => sessions.emit('session', session),
  })
  const tokens = options.tokens ?? login.tokens
  const rest = createRest({ ...web, tokens })
  const replica = createReplica(
    {
      ...{ clock, uuid, tokens, random: options.random ?? Math.random },
      openSocket: createOpenSocket(url, options.WebSocket ?? WebSocket),
      reader: createReader(rest),
      storage: options.outbox ?? createMemoryOutbox(),
    },
    {
      keepMessages: options.keepMessages ?? Number.POSITIVE_INFINITY,
      inFlight: options.inFlight ?? 1,
      tellDelivered: options.tellDelivered ?? true,
    },
  )
  const { account, typing } = replica

  /** What a REST answer told is here before the socket tells it. */
  function keep(chat: Chat): Chat {
    replica.take(chat.id, { type: 'snapshot', chat })
    return chat
  }

  /** Nothing of somebody else's is left when a user logs in. */
  function entered(me: Me): Me {
    if (account.user && account.user.id !== me.id) replica.forget()
    return me
  }

  return {
    rest,
    account,
    get status() {
      return replica.status
    },
    on: replica.on,
    onSession: (listener) => sessions.on('session', listener),
    register: async (account) => entered(await login.register(account)),
    login: async (username, password) => entered(await login.login(username, password)),
    resume: login.resume,
    logout() {
      replica.forget()
      return login.tokens.end()
    },
    connect: replica.connect,
    disconnect: replica.disconnect,
    ...createReading(replica, rest, keep),
    ...createSessions(rest, keep),
    upload: createUpload({ ...web, tokens, clock, random: options.random ?? Math.random }),
    ...createWriting(replica),
    markRead: replica.markRead,
    type: typing.pressed,
    stopTyping: typing.stopped,
    setPresence: replica.setPresence,
  }
}

function createReading(
  { account, on, load, loadOlder }: Replica,
  { api }: Rest,
  keep: (chat: Chat) => Chat,
): ReadingMethods {
  let listed: readonly ChatState[] | undefined
  const relist = () => {
    listed = undefined
  }
  on('change', relist)
  on('cleared', relist)

  return {
    load,
    loadOlder,
    findChat: (chatId) => account.chats.get(chatId),
    findUser: (userId) => account.users.get(userId),
    listChats() {
      listed ??= [...account.chats.values()]
        .filter(({ standing }) => standing === 'in')
        .sort((a, b) => (lastActive(a) < lastActive(b) ? 1 : -1))
      return listed
    },
    async openDirect(userId) {
      return keep((await (await api.chats.direct.$post({ json: { userId } })).json()).chat)
    },
    async createGroup(name, participantIds, key) {
      const header = key === undefined ? {} : { 'idempotency-key': key }
      const json = { name, participantIds: [...participantIds] }
      return keep((await (await api.chats.group.$post({ header, json })).json()).chat)
    },
    async search(words, chatId) {
      const query = { q: words, ...(chatId !== undefined && { chatId }) }
      return (await (await api.messages.search.$get({ query })).json()).results
    },
  }
}

type UploadEdges = Pick<Edges, 'clock' | 'random'> & Omit<Parameters<typeof createSendFile>[0], 'Xhr'>

function createUpload({ clock, random, ...web }: UploadEdges): WritingMethods['upload'] {
  const { XMLHttpRequest: Xhr } = globalThis as { XMLHttpRequest?: XhrConstructor }
  const sendTo = createSendFile({ ...web, Xhr })
  return (chatId, files, options = {}) =>
    uploadAll(sendTo(chatId), files instanceof File ? [files] : files, { clock, random, ...options })
}

function createWriting({ send, change }: Replica): Omit<WritingMethods, 'upload'> {
  return {
    send,
    async edit({ id: messageId, chatId }, content, formatting = null) {
      await change(chatId, 'message:edit', { chatId, messageId, content, formatting })
    },
    async remove({ id: messageId, chatId }) {
      await change(chatId, 'message:delete', { chatId, messageId })
    },
    async react({ id: messageId, chatId }, emoji) {
      await change(chatId, 'reaction:add', { chatId, messageId, emoji })
    },
    async unreact({ id: messageId, chatId }, emoji) {
      await change(chatId, 'reaction:remove', { chatId, messageId, emoji })
    },
  }
}

function lastActive({ messages, info }: ChatState): string {
  return messages.at(-1)?.createdAt ?? info.createdAt
}
