import type { ChangesReader } from '../gateway/ports.ts'
import type { RoomDirectory } from '../rooms/ports.ts'

/** reloadRooms makes the rooms of a user, which remember how their participants are called, read that again. */
export async function reloadRooms(
  userId: string,
  { changes, rooms }: { readonly changes: ChangesReader; readonly rooms: RoomDirectory },
): Promise<void> {
  const heads = await changes.listHeads([userId])
  await Promise.all(heads.map(({ chatId }) => rooms.get(chatId).reload()))
}
