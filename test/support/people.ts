import type { Chat, Message, UserType } from '../../src/protocol/model.ts'
import type { TestApp, TestUser } from './app.ts'

/** befriend makes two users contacts. */
export async function befriend(it: TestApp, one: TestUser, other: TestUser): Promise<void> {
  await it.call('POST /api/contacts', { token: one.token, body: { userId: other.id } })
  await it.call(`PUT /api/contacts/${one.id}/accept`, { token: other.token })
}

/** createStaff makes a user of another type, as an admin would. */
export async function createStaff(it: TestApp, type: UserType, username?: string): Promise<TestUser> {
  const user = await it.user(username)
  await it.db.pool.query('update users set type = $1 where id = $2', [type, user.id])
  await it.deps.auth.logins.forget(user.id)
  return user
}

/** createGroup makes a group of the first user with the others as members. */
export async function createGroup(
  it: TestApp,
  [owner, ...others]: readonly [TestUser, ...TestUser[]],
  fields: object = {},
): Promise<Chat> {
  const body = { name: 'Group', participantIds: others.map(({ id }) => id), ...fields }
  return (await it.call('POST /api/chats/group', { token: owner.token, body })).body.chat
}

/** openDirect opens the direct chat of two contacts. */
export async function openDirect(it: TestApp, one: TestUser, other: TestUser): Promise<Chat> {
  await befriend(it, one, other)
  return (await it.call('POST /api/chats/direct', { token: one.token, body: { userId: other.id } })).body.chat
}

/** send sends a text. */
export async function send(
  it: TestApp,
  user: TestUser,
  chat: { id: string },
  content = 'Hello',
): Promise<Message> {
  const answer = await it.call(`POST /api/chats/${chat.id}/messages`, {
    token: user.token,
    body: { content },
  })
  return answer.body.message
}
