import type { PresenceStore } from '../gateway/ports.ts'
import type { Chat, PresenceStatus } from '../protocol/model.ts'

/** readStatuses gives each of the users' statuses as it is now. */
export async function readStatuses(
  presence: PresenceStore,
  userIds: readonly string[],
): Promise<(userId: string) => PresenceStatus> {
  const statuses = await presence.list([...new Set(userIds)])
  return (userId) => statuses.get(userId) ?? 'offline'
}

/** withPresence puts the present status of everybody into chats as the database knows them. */
export async function withPresence(presence: PresenceStore, chats: readonly Chat[]): Promise<Chat[]> {
  const userIds = chats.flatMap((chat) => chat.participants?.map(({ userId }) => userId) ?? [])
  const statusOf = await readStatuses(presence, userIds)
  return chats.map((chat) => ({
    ...chat,
    participants:
      chat.participants?.map((it) => ({ ...it, user: { ...it.user, status: statusOf(it.userId) } })) ?? null,
  }))
}
