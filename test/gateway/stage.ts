import type { Connection } from '../../src/gateway/connection.ts'
import { createGateway, type Gateway, type GatewayPorts } from '../../src/gateway/gateway.ts'
import { createMemoryChangesReader, createMemoryPresence } from '../../src/gateway/memory.ts'
import type { ChangesReader, ChangesWanted } from '../../src/gateway/ports.ts'
import type { Command } from '../../src/protocol/commands.ts'
import type { ClientFrame, ServerFrame } from '../../src/protocol/frames.ts'
import type { User } from '../../src/protocol/model.ts'
import { createRooms, type Rooms } from '../../src/rooms/directory.ts'
import { createMemoryBroadcast, createMemoryRoomStore, type MemoryChats } from '../../src/rooms/memory.ts'
import type { Broadcast, Broadcastable, Outcome, Topic } from '../../src/rooms/ports.ts'
import {
  createHandClock,
  createIds,
  createRecordingSocket,
  envelope,
  type HandClock,
  principalOf,
  type RecordingSocket,
  settled,
} from '../support/builders.ts'

export const HOUR = 3_600_000

type Reply = Extract<ServerFrame, { type: 'ack' | 'error' }>

/** Client is a socket and its connection, from the client's side. */
export class Client {
  readonly socket: RecordingSocket = createRecordingSocket()
  readonly connection: Connection
  readonly #replies = new Map<string | null, Reply>()
  #heard: ServerFrame[] = []
  #lastId = 0

  constructor(connect: (socket: RecordingSocket) => Connection) {
    this.connection = connect(this.socket)
  }

  /** Sends a frame; resolves with its reply, or with undefined if there is none once everything has settled. */
  async ask<T extends ClientFrame['type']>(type: T, data: object): Promise<Reply | undefined> {
    const id = this.say(type, data)
    await settled()
    return this.replyTo(id)
  }

  say(type: string, data: object): string {
    this.#lastId += 1
    const id = String(this.#lastId)
    this.connection.receive(JSON.stringify({ type, id, data }))
    return id
  }

  replyTo(id: string | null): Reply | undefined {
    this.#take()
    return this.#replies.get(id)
  }

  /** What the server said since the last time, but for replies. */
  heard(): ServerFrame[] {
    this.#take()
    const heard = this.#heard
    this.#heard = []
    return heard
  }

  /** The same, short: an event as `type seq`, a batch as `sync:batch from-to`, everything else by its type. */
  news(): string[] {
    return this.heard().map((frame) => {
      if (frame.type === 'sync:batch') return `${frame.type} ${frame.data.from}-${frame.data.to}`
      if (frame.type === 'sync:reset') return `${frame.type} ${frame.data.head}`
      return 'seq' in frame ? `${frame.type} ${frame.seq}` : frame.type
    })
  }

  #take(): void {
    for (const frame of this.socket.take()) {
      if (frame.type === 'ack' || frame.type === 'error') this.#replies.set(frame.id, frame)
      else this.#heard.push(frame)
    }
  }
}

export interface Stage {
  readonly gateway: Gateway
  readonly rooms: Rooms
  readonly clock: HandClock
  readonly tables: MemoryChats
  readonly changes: WaywardReader
  readonly broadcast: Broadcast
  /** The broadcast says that it is not well. */
  isImpaired: boolean
  /** What the broadcast loses. */
  loses: (topic: Topic, item: Broadcastable) => boolean
  readonly faults: unknown[]
  /** When the last connection of each user ended, as it was stored. */
  readonly seen: Map<string, number>
  /** A socket that has not been greeted yet. */
  open(user: User, with_?: { sessionId?: string; expiresAt?: number }): Client
  /** A client that has had its hello, which it forgets. */
  connect(user: User, with_?: { sessionId?: string; expiresAt?: number }): Promise<Client>
  /** Dispatches a command as REST would. */
  do(user: User, command: Command): Promise<Outcome>
}

/** WaywardReader is the memory reader behind a connection that a test breaks. */
export class WaywardReader implements ChangesReader {
  readonly reads: (readonly ChangesWanted[])[] = []
  log = 'log-1'
  isAway = false
  readonly #real: ChangesReader
  #gate: { readonly promise: Promise<void>; readonly what: 'everything' | 'changes' } | undefined

  constructor(tables: MemoryChats) {
    this.#real = createMemoryChangesReader(tables, 'log-1')
  }

  /** What is asked from now on, or only changes, is read at once and answered when the result is called. */
  hang(what: 'everything' | 'changes' = 'everything'): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#gate = { promise, what }
    return () => {
      this.#gate = undefined
      resolve()
    }
  }

  logId() {
    return this.#trip(async () => this.log)
  }
  listHeads(userIds: readonly string[]) {
    return this.#trip(() => this.#real.listHeads(userIds))
  }
  readChanges(userId: string, wanted: readonly ChangesWanted[]) {
    this.reads.push(wanted)
    return this.#trip(() => this.#real.readChanges(userId, wanted), 'changes')
  }
  locate(userId: string, messageId: string) {
    return this.#trip(() => this.#real.locate(userId, messageId))
  }

  async #trip<T>(read: () => Promise<T>, what?: 'changes'): Promise<T> {
    const gate = this.#gate
    if (this.isAway) throw new Error('The store is away')
    const answer = await read()
    if (gate?.what === 'everything' || gate?.what === what) await gate?.promise
    return answer
  }
}

/** A gateway and its rooms over these tables, on a clock that stands still. */
export function createStage(tables: MemoryChats, with_: Partial<GatewayPorts> = {}): Stage {
  const clock = createHandClock()
  const memory = createMemoryBroadcast()
  const faults: unknown[] = []
  const seen = new Map<string, number>()
  const ids = createIds()
  const onFault = ({ error }: { error: unknown }) => void faults.push(error)
  const broadcast: Broadcast = {
    subscribe: memory.subscribe,
    get isImpaired() {
      return stage.isImpaired
    },
    publish(topic, item) {
      if (!stage.loses(topic, item)) memory.publish(topic, item)
    },
  }
  const rooms = createRooms({ store: createMemoryRoomStore(tables), broadcast, clock, ids, onFault })
  const changes = new WaywardReader(tables)
  const gateway = createGateway({
    rooms,
    broadcast,
    changes,
    users: {
      async profile(userId) {
        const user = tables.users.get(userId)
        return user && { user, contactIds: [] }
      },
      async seen(at) {
        for (const [userId, moment] of at) seen.set(userId, moment)
      },
    },
    presence: createMemoryPresence(),
    limiter: { take: () => 0, giveBack: () => {} },
    authenticator: {
      verify: () => Promise.reject(new Error('Not in this test')),
      isCurrent: async () => true,
    },
    clock,
    ids,
    connectionsPerUser: 20,
    onFault,
    ...with_,
  })

  function open(
    user: User,
    { sessionId, expiresAt = clock.now() + HOUR }: Parameters<Stage['open']>[1] = {},
  ) {
    return new Client((socket) =>
      gateway.connect({ principal: principalOf(user, sessionId), expiresAt, socket }),
    )
  }

  const stage: Stage = {
    ...{ gateway, rooms, clock, tables, changes, broadcast, faults, seen, open },
    isImpaired: false,
    loses: () => false,
    async connect(user, given) {
      const client = open(user, given)
      await settled()
      if (client.heard()[0]?.type !== 'hello') throw new Error(`${user.username} got no hello`)
      return client
    },
    do: (user, command) => rooms.get(command.chatId).dispatch(envelope(user, command)),
  }
  return stage
}
