import type { Database } from '../db/connect.ts'
import { listAcquaintances } from '../db/queries/contacts.ts'
import { findUser, toSummary } from '../db/queries/users.ts'
import type { ChangesReader } from '../gateway/ports.ts'
import type { Signal } from '../protocol/events.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Publisher, RoomDirectory } from '../rooms/ports.ts'

export interface RenamePorts {
  readonly db: Database
  readonly changes: ChangesReader
  readonly rooms: RoomDirectory
  readonly broadcast: Publisher
}

/**
 * tellRenamed makes the rooms of a user, which remember how their participants are called, read that again, and then
 * tells it to those who share a chat or a contact: LIMITS.renameToldTo of them, others learn it with the next read.
 */
export async function tellRenamed(
  userId: string,
  { db, changes, rooms, broadcast }: RenamePorts,
): Promise<void> {
  const heads = await changes.listHeads([userId])
  await Promise.all(heads.map(({ chatId }) => rooms.get(chatId).reload()))
  const account = await findUser(db, userId)
  if (!account) return
  const signal: Signal = { type: 'user:updated', data: { user: toSummary(account) } }
  const text = JSON.stringify(signal)
  for (const id of [userId, ...(await listAcquaintances(db, userId, LIMITS.renameToldTo))]) {
    broadcast.publish(`user:${id}`, { kind: 'signal', text })
  }
}
