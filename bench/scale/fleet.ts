import { createClusterBroadcast } from '../../src/hosts/node/cluster/broadcast.ts'
import { createMembers } from '../../src/hosts/node/cluster/members.ts'
import { createRelay, type Relay } from '../../src/hosts/node/cluster/relay.ts'
import type { ChatKind, User } from '../../src/protocol/model.ts'
import { createRooms } from '../../src/rooms/directory.ts'
import { createMemoryChats, createMemoryRoomStore, type MemoryChat } from '../../src/rooms/memory.ts'
import type { Broadcast, Clock, Principal } from '../../src/rooms/ports.ts'
import { type Bus, createBus } from './bus.ts'

/** FleetInstance is rooms, relay, members and broadcast of the service, as an instance puts them together. */
export interface FleetInstance {
  readonly id: string
  readonly directory: Relay
  readonly broadcast: Broadcast
}

/** Fleet is instances in memory, whose every word to each other is counted. Time stands still between seconds. */
export interface Fleet {
  readonly bus: Bus
  readonly instances: FleetInstance[]
  /** Resolves when nothing is on its way any more. */
  settle(): Promise<void>
  /** One second: every instance says that it is there, and asks whether it hears. */
  pass(): void
  /** One instance more. */
  join(): void
  /** A chat of these users, each with a connection at an instance. */
  createChat(kind: ChatKind, homes: readonly number[]): Promise<FleetChat>
}

export interface FleetChat {
  readonly id: string
  readonly principals: readonly Principal[]
}

/** Passes of the event loop in which everything that is under way has come to an end. */
const PASSES = 20
const NOW = Date.UTC(2026, 0, 1)
/** A clock that stands still, and runs only what is due now: no answer is late here. */
export const STILL: Clock = {
  now: () => NOW,
  after(milliseconds, run) {
    if (milliseconds <= 0) setImmediate(run)
    return () => {}
  },
}

/** createFleet starts all instances at once. `uuid` makes every id. */
export async function createFleet(size: number, uuid: () => string): Promise<Fleet> {
  const bus = createBus()
  const tables = createMemoryChats()
  const timers: Timer[] = []
  const instances = Array.from({ length: size }, () => createInstance())

  function createInstance(): FleetInstance {
    const pubsub = bus.link()
    const members = createMembers({ self: uuid(), pubsub, clock: clockOf(timers), onGone() {} })
    const broadcast = createClusterBroadcast(pubsub, members)
    const onFault = ({ error }: { error: unknown }) => {
      throw error
    }
    const own = { clock: STILL, ids: { uuid } }
    const rooms = createRooms({ ...own, store: createMemoryRoomStore(tables), broadcast, onFault })
    const directory = createRelay({ ...own, pubsub, members, rooms, soon: setImmediate })
    return { id: members.self, directory, broadcast }
  }

  async function settle(): Promise<void> {
    for (let pass = 0; pass < PASSES; pass += 1) {
      bus.deliver()
      await new Promise(setImmediate)
    }
  }

  async function createChat(kind: ChatKind, homes: readonly number[]): Promise<FleetChat> {
    const id = uuid()
    const users = homes.map((_, index) => toUser(uuid(), index))
    const [creator] = users
    if (!creator) throw new Error('A chat has somebody in it')
    for (const user of users) tables.users.set(user.id, user)
    for (const home of new Set(homes)) await instances[home]?.broadcast.subscribe(`chat:${id}`, () => {})
    tables.chats.set(id, toChat(id, kind, users))
    const principals = users.map(({ status: _, lastSeen: __, ...user }) => ({ user, sessionId: uuid() }))
    return { id, principals }
  }

  function pass(): void {
    for (let left = 1_000; left > 0; left -= STEP) {
      for (const { wait, run } of timers.splice(0)) {
        if (wait <= STEP) run()
        else timers.push({ wait: wait - STEP, run })
      }
      bus.deliver()
    }
  }

  await settle()
  return { bus, instances, settle, createChat, pass, join: () => void instances.push(createInstance()) }
}

/** Time passes in steps of so many milliseconds, as long as the shortest wait. */
const STEP = 250

interface Timer {
  /** Milliseconds from now. */
  readonly wait: number
  readonly run: () => void
}

/** The same, but for what waits until a second passes. */
function clockOf(timers: Timer[]): Clock {
  return {
    ...STILL,
    after(wait, run) {
      timers.push({ wait, run })
      return () => {}
    },
  }
}

function toUser(id: string, index: number): User {
  const name = `user-${index}`
  const shown = { id, username: name, displayName: name, avatarUrl: null }
  return { ...shown, type: 'member', status: 'online', lastSeen: null }
}

/** As the store keeps a chat of which nothing but its beginning is known. */
function toChat(id: string, kind: ChatKind, users: readonly User[]): MemoryChat {
  const at = new Date(NOW).toISOString()
  const none = {
    name: null,
    slug: null,
    avatarUrl: null,
    ownerId: null,
    subject: null,
    assigneeId: null,
    parentId: null,
    session: null,
  }
  const chat = { ...none, id, kind, status: null, history: 'all', isOpen: false, createdAt: at } as const
  const marks = { role: 'member', joinedSeq: 1, leftSeq: null, readSeq: 1, deliveredSeq: 1 } as const
  const participants = new Map(users.map((user) => [user.id, { ...marks, userId: user.id, user }]))
  return {
    state: { chat, seq: 1, isDeleted: false, participants, isBlocked: false },
    changedSeq: 1,
    messages: new Map(),
    participants: new Map([...participants].map(([userId, row]) => [userId, { row, changedSeq: 1 }])),
    mutes: new Map(),
  }
}
