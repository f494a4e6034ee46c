import { TIMES } from '../protocol/limits.ts'
import { Room, type RoomPorts } from './actor.ts'
import type { RoomDirectory } from './ports.ts'

/** Rooms owns rooms in this instance's memory: each is made when first asked for and leaves when idle. */
export interface Rooms extends RoomDirectory {
  readonly count: number
  /** Commands that wait, over all rooms. */
  readonly waiting: number
  /** As the handle's `reload`, and nothing where the room is not in memory. */
  reload(chatId: string): Promise<void>
  /** Commits what rooms hold back, and stops sweeping. */
  drain(): void
}

/** createRooms owns rooms; those that it does not know of are asked for in `others`, or here where there are none. */
export function createRooms(
  given: Omit<RoomPorts, 'rooms'> & { readonly others?: () => RoomDirectory },
): Rooms {
  const { others = () => all, ...own } = given
  const ports: RoomPorts = { ...own, rooms: { get: (chatId) => others().get(chatId) } }
  const rooms = new Map<string, Room>()
  let cancelSweep = ports.clock.after(TIMES.roomIdle / 5, sweep)

  function sweep(): void {
    const moment = ports.clock.now() - TIMES.roomIdle
    for (const [chatId, room] of rooms) if (room.isIdleSince(moment)) rooms.delete(chatId)
    cancelSweep = ports.clock.after(TIMES.roomIdle / 5, sweep)
  }

  const all: Rooms = {
    get count() {
      return rooms.size
    },
    get waiting() {
      let sum = 0
      for (const room of rooms.values()) sum += room.waiting
      return sum
    },
    get(chatId) {
      let room = rooms.get(chatId)
      if (!room) {
        room = new Room(chatId, ports)
        rooms.set(chatId, room)
      }
      return room
    },
    async reload(chatId) {
      await rooms.get(chatId)?.reload()
    },
    drain() {
      cancelSweep()
      for (const room of rooms.values()) room.flush()
    },
  }
  return all
}
