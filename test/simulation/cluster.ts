import { createGateway, type Gateway } from '../../src/gateway/gateway.ts'
import { createMemoryChangesReader, createMemoryPresence } from '../../src/gateway/memory.ts'
import type { Authenticated, ChangesRead, ChangesReader } from '../../src/gateway/ports.ts'
import { createMembers } from '../../src/hosts/node/cluster/members.ts'
import type { PubSub } from '../../src/hosts/node/cluster/pubsub.ts'
import { createRelay } from '../../src/hosts/node/cluster/relay.ts'
import type { ChatEvent } from '../../src/protocol/events.ts'
import { createRooms, type Rooms } from '../../src/rooms/directory.ts'
import { createMemoryChats, createMemoryRoomStore, type MemoryChats } from '../../src/rooms/memory.ts'
import type {
  Broadcast,
  Broadcastable,
  Clock,
  CommitResult,
  RoomDirectory,
  RoomStore,
  Turn,
} from '../../src/rooms/ports.ts'
import { type Faults, NO_FAULTS, type Setup } from './setup.ts'
import type { Machine, World } from './world.ts'

export interface Instance {
  readonly machine: Machine
  readonly store: RoomStore
  readonly rooms: RoomDirectory
  readonly gateway: Gateway
  /** How each client's connection here is cut when the instance dies. */
  readonly cuts: Set<() => void>
}

/** Cluster is several instances over one store and one broadcast, all simulated, with faults that can be turned. */
export class Cluster {
  readonly tables: MemoryChats = createMemoryChats()
  readonly changes: ChangesReader
  readonly instances: Instance[] = []
  /** Every change that was committed, by chat. */
  readonly log = new Map<string, ChatEvent[]>()
  /** What the core reported as unexpected. */
  readonly unexpected: unknown[] = []
  faults: Faults = NO_FAULTS
  isStoreDown = false
  readonly #world: World
  readonly #sabotage: Setup
  readonly #topics = new Map<string, Set<{ machine: Machine; listener: (item: Broadcastable) => void }>>()
  readonly #channels = new Map<string, Set<{ machine: Machine; listener: (text: string) => void }>>()
  /** The last change of each chat that each machine has made itself. */
  readonly #committed = new Map<string, number>()
  #started = 0

  constructor(world: World, size: number, sabotage: Setup = {}) {
    this.#world = world
    this.#sabotage = sabotage
    this.changes = createMemoryChangesReader(this.tables, 'log-1')
    for (let count = 0; count < size; count += 1) this.start()
  }

  start(): Instance {
    this.#started += 1
    const world = this.#world
    const hour = 3_600_000
    const machine = world.machine(`instance-${this.#started}`, this.#started === 2 ? hour : 0)
    const clock = world.clock(machine)
    const ids = { uuid: () => world.uuid() }
    const broadcast = this.#broadcast(machine)
    const { onFault } = this
    const store = this.#store(machine)
    const own = createRooms({ store, broadcast, clock, ids, onFault })
    const rooms = this.#sabotage.isRouted ? this.#relay(machine, own) : own
    const { users } = this.tables
    const gateway = createGateway({
      rooms,
      broadcast,
      changes: this.#changes(machine),
      users: {
        profile: async (userId) => {
          const user = users.get(userId)
          return user && { user, contactIds: [] }
        },
        seen: async () => {},
      },
      presence: createMemoryPresence(),
      limiter: { take: () => 0, giveBack: () => {} },
      authenticator: {
        verify: () => Promise.reject(new Error('not simulated')),
        isCurrent: async () => true,
      },
      clock: this.#sabotage.noHeads ? withoutTicks(clock) : clock,
      ids,
      onFault,
      connectionsPerUser: 20,
    })
    const instance = { machine, store, rooms, gateway, cuts: new Set<() => void>() }
    this.instances.push(instance)
    return instance
  }

  /** Keeps what is nobody's doing. */
  readonly onFault = ({ error }: { readonly error: unknown }): void => {
    if (!(error instanceof StoreAway)) this.unexpected.push(error)
  }

  /** As kill -9: what was due there never happens, its connections are cut. */
  crash(instance: Instance): void {
    instance.machine.isAlive = false
    this.instances.splice(this.instances.indexOf(instance), 1)
    for (const cut of instance.cuts) cut()
  }

  principal(userId: string): Authenticated {
    const user = this.tables.users.get(userId)
    if (!user) throw new Error(`No such user: ${userId}`)
    return { principal: { user, sessionId: `session-${userId}` }, expiresAt: 8.64e15 }
  }

  /** A round trip to the store: it may be away, and its answer takes time to reach the machine. */
  trip<T>(machine: Machine, run: () => T | Promise<T>): Promise<T> {
    const world = this.#world
    const server = world.machine('store')
    return new Promise((resolve, reject) => {
      world.after(server, world.between(0, 3), () => {
        const answer = this.isStoreDown ? Promise.reject(new StoreAway()) : Promise.resolve(run())
        answer.then(
          (value) => world.after(machine, world.between(0, 3), () => resolve(value)),
          (error) => world.after(machine, world.between(0, 3), () => reject(error)),
        )
      })
    })
  }

  #store(machine: Machine): RoomStore {
    const real = createMemoryRoomStore(this.tables)
    return {
      load: (chatId) => this.trip(machine, () => real.load(chatId)),
      read: (needs) => this.trip(machine, () => real.read(needs)),
      commit: (turn) => {
        const isUnknown = this.#world.chance(this.faults.unknown)
        const isDone = !isUnknown || this.#world.chance(0.5)
        if (this.#sabotage.ackFirst) {
          void this.trip(machine, () => this.#commit(real, turn)).catch(() => {})
          return Promise.resolve({ status: 'committed' })
        }
        return this.trip(machine, async () => {
          const result = isDone ? await this.#commit(real, turn) : undefined
          if (result?.status === 'committed') {
            this.#committed.set(`${machine.name} ${turn.chatId}`, turn.prevSeq + turn.events.length)
          }
          return isUnknown || !result ? ({ status: 'unknown' } as const) : result
        })
          .then((result) => {
            if (result.status === 'committed') this.#sabotage.onKnown?.(turn, machine)
            return result
          })
          .catch(() => ({ status: 'unavailable' }) as const)
      },
    }
  }

  async #commit(real: RoomStore, turn: Turn): Promise<CommitResult> {
    const sabotaged = this.#sabotaged(turn)
    const result = await real.commit(sabotaged)
    if (result.status !== 'committed') return result
    this.#sabotage.onCommitted?.(sabotaged)
    this.log.set(turn.chatId, [...(this.log.get(turn.chatId) ?? []), ...sabotaged.events])
    return result
  }

  #sabotaged(given: Turn): Turn {
    const turn = this.#sabotage.openNotes ? this.#withCustomer(given) : given
    if (this.#sabotage.noCapacity && turn.seats?.take) this.#extend(turn.seats.take)
    const head = this.tables.chats.get(turn.chatId)?.state.seq ?? 0
    if (this.#sabotage.noFence && turn.prevSeq > 0) return { ...turn, prevSeq: head }
    if (!this.#sabotage.numberFirst) return turn
    const events = turn.events.filter(
      (event) => event.type !== 'message:new' || !this.#isKnown(event.data.message.id),
    )
    return { ...turn, events }
  }

  #extend(agentId: string): void {
    const desk = this.tables.desks.get(agentId)
    if (desk) this.tables.desks.set(agentId, { ...desk, capacity: Number.POSITIVE_INFINITY })
  }

  #withCustomer(turn: Turn): Turn {
    const events = turn.events.map((event) => {
      if (event.type !== 'chat:created' || event.data.chat.kind !== 'notes') return event
      const session = this.tables.chats.get(event.data.chat.parentId ?? '')?.state
      const customer = session?.participants.get(session.chat.ownerId ?? '')
      const { participants } = event.data
      return {
        ...event,
        data: { ...event.data, participants: [...participants, ...(customer ? [customer] : [])] },
      }
    })
    return { ...turn, events }
  }

  #isKnown(id: string): boolean {
    return [...this.tables.chats.values()].some(({ messages }) => messages.has(id))
  }

  #changes(machine: Machine): ChangesReader {
    const real = this.changes
    return {
      logId: () => Promise.resolve('log-1'),
      listHeads: (userIds) => this.trip(machine, () => real.listHeads(userIds)),
      readChanges: (userId, wanted) =>
        this.trip(machine, async () => {
          const read = await real.readChanges(userId, wanted)
          if (this.#sabotage.byTime) return read.map((answer) => this.#newerByTime(answer))
          if (this.#sabotage.fromMemory) return read.map((answer) => this.#remembered(machine, answer))
          return read
        }),
      locate: (userId, messageId) => this.trip(machine, () => real.locate(userId, messageId)),
    }
  }

  /** An owner knows its own commits, and not what another has done since. */
  #remembered(machine: Machine, answer: ChangesRead): ChangesRead {
    if (answer.status !== 'changes') return answer
    const { changes } = answer
    const known = this.#committed.get(`${machine.name} ${changes.chatId}`) ?? changes.to
    const to = Math.max(changes.from, Math.min(changes.to, known))
    const messages = changes.messages.filter(({ changedSeq }) => changedSeq <= to)
    return { status: 'changes', changes: { ...changes, to, messages } }
  }

  #newerByTime(answer: ChangesRead): ChangesRead {
    if (answer.status !== 'changes') return answer
    const { changes } = answer
    const timeOf = (seq: number) => this.log.get(changes.chatId)?.[seq - 1]?.at ?? ''
    const messages = changes.messages.filter(({ changedSeq }) => timeOf(changedSeq) > timeOf(changes.from))
    return { status: 'changes', changes: { ...changes, messages } }
  }

  #relay(machine: Machine, rooms: Rooms): RoomDirectory {
    const world = this.#world
    const pubsub = this.#pubsub(machine)
    const clock = world.clock(machine)
    const self = machine.name
    const members = createMembers({
      ...{ self, pubsub, clock },
      onGone: (id) => relay.giveUp(id),
      onDeaf: (id) => relay.giveUp(id === self ? undefined : id),
    })
    const soon = (run: () => void) => void world.after(machine, 0, run)
    const relay = createRelay({ pubsub, members, rooms, clock, ids: { uuid: () => world.uuid() }, soon })
    return relay
  }

  #pubsub(machine: Machine): PubSub {
    return {
      isDown: false,
      reconnect() {},
      publish: (channel, text, onUnheard) => {
        const listening = [...(this.#channels.get(channel) ?? [])].filter((it) => it.machine.isAlive)
        for (const { machine: other, listener } of listening) {
          this.#carry(machine, other, () => listener(text))
        }
        // Also said of one who is there, whose link blinked.
        const isUnheard = listening.length === 0 || this.#world.chance(this.faults.drop)
        if (onUnheard && isUnheard) this.#world.after(machine, this.#world.between(1, 5), onUnheard)
      },
      subscribe: async (channel, listener) => {
        const listeners = this.#channels.get(channel) ?? new Set()
        const entry = { machine, listener }
        this.#channels.set(channel, listeners.add(entry))
        return () => void listeners.delete(entry)
      },
    }
  }

  /** From machine to machine: perhaps never, twice, or late. */
  #carry(from: Machine, to: Machine, arrive: () => void): void {
    const world = this.#world
    const { drop, double, delay } = this.faults
    if (world.chance(drop)) return
    const times = world.chance(double) ? 2 : 1
    for (let time = 0; time < times; time += 1) {
      world.after(to, to === from ? world.between(0, delay) : world.between(1, 5 + delay), arrive)
    }
  }

  #broadcast(machine: Machine): Broadcast {
    return {
      isImpaired: false,
      publish: (topic, item) => {
        const heard = this.#sabotage.noMembership ? forgetLeaving(item) : item
        for (const { machine: other, listener } of this.#topics.get(topic) ?? []) {
          this.#carry(machine, other, () => listener(heard))
        }
      },
      subscribe: async (topic, listener) => {
        const listeners = this.#topics.get(topic) ?? new Set()
        const entry = { machine, listener }
        this.#topics.set(topic, listeners.add(entry))
        return () => void listeners.delete(entry)
      },
    }
  }
}

class StoreAway extends Error {}

/** Without its ticks the gateway has no heartbeat. */
function withoutTicks(clock: Clock): Clock {
  return { ...clock, after: (wait, run) => (wait === 1_000 ? () => {} : clock.after(wait, run)) }
}

function forgetLeaving(item: Broadcastable): Broadcastable {
  if (item.kind !== 'events') return item
  return { ...item, events: item.events.map((event) => ({ ...event, left: null })) }
}
