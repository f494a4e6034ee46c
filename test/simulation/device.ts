import { createMemoryOutbox } from '../../src/client/outbox-storage.ts'
import type { ChatReader, OpenSocket } from '../../src/client/ports.ts'
import { createReplica, type Replica } from '../../src/client/replica.ts'
import type { ChatView, ClientHistory, SeenRecord } from '../../src/conformance/history.ts'
import type { Frames, Socket } from '../../src/gateway/ports.ts'
import { CLOSES } from '../../src/protocol/errors.ts'
import type { ServerFrame } from '../../src/protocol/frames.ts'
import type { ChangeSet, Chat } from '../../src/protocol/model.ts'
import { PONG } from '../../src/protocol/version.ts'
import type { Cluster, Instance } from './cluster.ts'
import type { Machine, World } from './world.ts'

/** Device is one client of a user's: the real replica, over a simulated network. */
export class Device {
  readonly name: string
  readonly userId: string
  readonly replica: Replica
  readonly #world: World
  readonly #cluster: Cluster
  readonly #machine: Machine
  readonly #seen: SeenRecord[] = []
  #cut: (() => void) | undefined

  constructor(world: World, cluster: Cluster, userId: string) {
    this.#world = world
    this.#cluster = cluster
    this.userId = userId
    this.name = `device-${world.uuid().slice(-6)}`
    this.#machine = world.machine(this.name)
    this.replica = createReplica(
      {
        clock: world.clock(this.#machine),
        random: world.random,
        uuid: () => world.uuid(),
        openSocket: this.#openSocket,
        tokens: { get: async () => userId, renew: async () => userId },
        reader: this.#reader(),
        storage: createMemoryOutbox(),
      },
      { keepMessages: 10_000, inFlight: 1, tellDelivered: true },
    )
  }

  /** The network goes away under the connection. */
  cut(): void {
    this.#cut?.()
  }

  history(): ClientHistory {
    const state = new Map<string, ChatView>()
    for (const [chatId, { standing, applied, messages, participants, me }] of this.replica.account.chats) {
      if (standing !== 'in') continue
      state.set(chatId, {
        seq: applied,
        messages: messages.toArray(),
        participants: [...participants.values()],
        unread: me.unread,
      })
    }
    return { clientId: this.name, userId: this.userId, seen: this.#seen, state }
  }

  readonly #openSocket: OpenSocket = (_, events) => {
    const world = this.#world
    const instance = world.pick(this.#cluster.instances)
    let isOpen = true
    const up = this.#wire(instance.machine)
    const down = this.#wire(this.#machine)
    const end = (code: number) => {
      if (!isOpen) return
      isOpen = false
      instance.cuts.delete(cut)
      down(() => events.closed(code))
      up(() => connected.connection?.disconnect())
    }
    const cut = () => end(1006)
    this.#cut = cut
    instance.cuts.add(cut)
    const socket: Socket = {
      send: (frames) => isOpen && down(() => this.#receive(frames, events.received)),
      isSlow: () => false,
      drained: async () => {},
      ping: () => isOpen && down(() => up(() => connected.connection?.heard())),
      close: (reason) => end(CLOSES[reason].code),
    }
    const connected = this.#connect(instance, socket, up)
    return {
      send: (text) => isOpen && up(() => connected.connection?.receive(text)),
      close: () => {
        if (!isOpen) return
        isOpen = false
        instance.cuts.delete(cut)
        up(() => connected.connection?.disconnect())
      },
    }
  }

  #connect(instance: Instance, socket: Socket, up: (run: () => void) => void) {
    const connected: { connection?: ReturnType<Instance['gateway']['connect']> } = {}
    up(() => {
      connected.connection = instance.gateway.connect({ ...this.#cluster.principal(this.userId), socket })
    })
    return connected
  }

  /** One direction of a connection: things arrive late, and in their order. */
  #wire(to: Machine): (run: () => void) => void {
    let last = 0
    return (run) => {
      const world = this.#world
      last = Math.max(last, world.now + world.between(1, 20))
      world.after(to, last - world.now, run)
    }
  }

  #receive({ texts }: Frames, pass: (text: string) => void): void {
    for (const text of texts) {
      if (text !== PONG) this.#seen.push(...seenIn(JSON.parse(text) as ServerFrame))
      pass(text)
    }
  }

  #reader(): ChatReader {
    const { tables, changes } = this.#cluster
    const trip = <T>(read: () => T | Promise<T>): Promise<T> => this.#cluster.trip(this.#machine, read)
    const whole = async (chatId: string): Promise<ChangeSet> => {
      const [read] = await changes.readChanges(this.userId, [{ chatId, since: 0 }])
      if (read?.status !== 'changes') throw new Error(`${chatId} cannot be read`)
      return read.changes
    }
    const listChats = async () => {
      const heads = await changes.listHeads([this.userId])
      return Promise.all(heads.map(async ({ chatId }) => toChat(await whole(chatId), { isListed: true })))
    }
    return {
      listChats: () => trip(listChats),
      getChat: (chatId) => trip(async () => toChat(await whole(chatId), { isListed: false })),
      getChanges: (chatId, since) =>
        trip(async () => {
          const [read] = await changes.readChanges(this.userId, [{ chatId, since }])
          if (read?.status !== 'changes') throw new Error(`${chatId} cannot be read`)
          return { ...read.changes, head: read.changes.to, more: false, reset: false }
        }),
      listMessages: (chatId, before) =>
        trip(() => {
          const older = [...(tables.chats.get(chatId)?.messages.values() ?? [])]
            .filter(({ seq }) => seq < before)
            .sort((a, b) => b.seq - a.seq)
          return { data: older.slice(0, 50), hasMore: older.length > 50 }
        }),
    }
  }
}

function toChat(
  { chat, me, to, messages, participants }: ChangeSet,
  { isListed }: { isListed: boolean },
): Chat {
  if (!chat) throw new Error('All of a chat begins with the chat')
  const present = participants.filter(({ leftSeq }) => leftSeq === null)
  const lastMessage = messages.at(-1) ?? null
  return {
    ...chat,
    seq: to,
    lastMessage,
    lastMessageAt: lastMessage?.createdAt ?? null,
    participantCount: present.length,
    participants: isListed && chat.kind === 'group' ? null : present,
    me,
  }
}

/** Every numbered change that a frame carries. */
function seenIn(frame: ServerFrame): SeenRecord[] {
  if (frame.type === 'sync:batch') {
    const { chatId, messages } = frame.data
    return messages.map(({ changedSeq, seq, id, content }) => ({
      chatId,
      seq: changedSeq,
      key: changedSeq === seq ? `message:new ${id} ${content}` : null,
    }))
  }
  if (frame.type === 'ack') {
    const { data } = frame
    if (!('message' in data)) return []
    const { chatId, seq, changedSeq, id, content } = data.message
    return [{ chatId, seq: changedSeq, key: changedSeq === seq ? `message:new ${id} ${content}` : null }]
  }
  if (!('seq' in frame)) return []
  const { chatId, seq } = frame
  if (frame.type === 'message:new') {
    const { id, content } = frame.data.message
    return [{ chatId, seq, key: `message:new ${id} ${content}` }]
  }
  const key = `${frame.type} ${JSON.stringify(frame.data)}`
  return [{ chatId, seq, key, ...(frame.type === 'receipts' ? { marks: frame.data.marks } : {}) }]
}
