import { randomUUID } from 'node:crypto'

/** People is who takes part in a run: everybody is in one chat, and chats follow each other. */
export interface People {
  readonly userIds: readonly string[]
  readonly chatIds: readonly string[]
  readonly chatSize: number
  /** The chat of each user. */
  readonly chatOf: readonly string[]
}

export function createPeople(users: number, chatSize: number): People {
  const userIds = Array.from({ length: users }, () => randomUUID())
  const chatIds = Array.from({ length: Math.ceil(users / chatSize) }, () => randomUUID())
  const chatOf = userIds.map((_, number) => chatIds[Math.floor(number / chatSize)] ?? '')
  return { userIds, chatIds, chatSize, chatOf }
}
