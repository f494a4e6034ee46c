import type { Command } from '../../src/protocol/commands.ts'
import type { Refusal } from '../../src/protocol/errors.ts'
import type { User } from '../../src/protocol/model.ts'
import { Room, type RoomPorts } from '../../src/rooms/actor.ts'
import { createRooms } from '../../src/rooms/directory.ts'
import { createMemoryBroadcast, createMemoryRoomStore, type MemoryChats } from '../../src/rooms/memory.ts'
import type {
  Broadcastable,
  CommitResult,
  Needs,
  Outcome,
  RoomStore,
  Topic,
  Turn,
} from '../../src/rooms/ports.ts'
import { createHandClock, createIds, envelope, GROUP, type HandClock } from '../support/builders.ts'

/** What becomes of a commit. The answer of one that is `lost` never comes; it was done, or not. */
type Fate = 'stale' | 'unavailable' | 'lost after' | 'lost before'

/** WaywardStore is the memory store behind a connection that a test breaks. */
export class WaywardStore implements RoomStore {
  /** Every turn that was to be committed, and everything that was asked. */
  readonly commits: Turn[] = []
  readonly reads: Needs[] = []
  loads = 0
  /** Of the next commits, in their order; after these all go well. */
  readonly fates: Fate[] = []
  isAway = false
  refuses: (turn: Turn) => Refusal | undefined = () => undefined
  readonly #real: RoomStore
  #gate: Promise<void> | undefined

  constructor(tables: MemoryChats) {
    this.#real = createMemoryRoomStore(tables)
  }

  /** Everything that is asked from now on waits until the result is called. */
  hang(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#gate = promise
    return () => {
      this.#gate = undefined
      resolve()
    }
  }

  async load(chatId: string) {
    this.loads += 1
    await this.#trip()
    return this.#real.load(chatId)
  }

  async read(needs: Needs) {
    this.reads.push(needs)
    await this.#trip()
    return this.#real.read(needs)
  }

  async commit(turn: Turn): Promise<CommitResult> {
    this.commits.push(turn)
    await this.#gate
    const refusal = this.refuses(turn)
    if (this.isAway) return { status: 'unavailable' }
    if (refusal) return { status: 'refused', refusal }
    const fate = this.fates.shift()
    if (fate === 'stale' || fate === 'unavailable') return { status: fate }
    if (fate === 'lost before') return { status: 'unknown' }
    const result = await this.#real.commit(turn)
    return fate === 'lost after' ? { status: 'unknown' } : result
  }

  async #trip(): Promise<void> {
    await this.#gate
    if (this.isAway) throw new Error('The store is away')
  }
}

export interface Stage {
  readonly room: Room
  readonly store: WaywardStore
  readonly clock: HandClock
  /** Everything that was published, with its topic. */
  readonly told: { readonly topic: Topic; readonly item: Broadcastable }[]
  readonly faults: unknown[]
  /** Dispatches a command of the user's. */
  do(user: User, command: Command, origin?: string | null): Promise<Outcome>
}

/** A room of the group over these tables, with a store that can be broken and a clock that stands still. */
export function createStage(
  tables: MemoryChats,
  chatId = GROUP,
  settings: Pick<RoomPorts, 'commitDeadline'> = {},
): Stage {
  const store = new WaywardStore(tables)
  const clock = createHandClock()
  const told: Stage['told'] = []
  const faults: unknown[] = []
  const memory = createMemoryBroadcast()
  const broadcast = {
    ...memory,
    publish(topic: Topic, item: Broadcastable) {
      told.push({ topic, item })
    },
  }
  const onFault = ({ error }: { error: unknown }) => void faults.push(error)
  const room = new Room(chatId, {
    ...{ store, broadcast, clock, ids: createIds(), onFault },
    rooms: createRooms({ store, broadcast, clock, ids: createIds(), onFault }),
    ...settings,
  })
  return {
    room,
    store,
    clock,
    told,
    faults,
    do: (user, command, origin = null) => room.dispatch(envelope(user, command, origin)),
  }
}

/** The events that were told to the chat, as [type, seq]. */
export function eventsOf({ told }: Stage): [type: string, seq: number][] {
  return told.flatMap(({ item }) =>
    item.kind === 'events'
      ? item.events.map(({ text, seq }): [string, number] => [JSON.parse(text).type, seq])
      : [],
  )
}

export function typesOf(turn: Turn | undefined): string[] {
  return (turn?.events ?? []).map(({ type }) => type)
}
