import type { Chat, Message } from '../../src/protocol/model.ts'
import type { TestApp, TestUser } from './app.ts'

/** befriend makes two users contacts. */
export async function befriend(it: TestApp, one: TestUser, other: TestUser): Promise<void> {
  await it.call('POST /api/contacts', { token: one.token, body: { userId: other.id } })
  await it.call(`PUT /api/contacts/${one.id}/accept`, { token: other.token })
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
