import type { Chat, Message } from '../../src/protocol/model.ts'
import type { TestApp, TestUser } from './app.ts'
import { insertFiles } from './file-rows.ts'
import { createGroup, send } from './people.ts'
import { djangoToken } from './tokens.ts'

/** World is a closed group as it stands before a request: fresh for each. */
export interface World {
  readonly chat: Chat
  readonly message: Message
  /** The participant's: of the message, and one that no message has. */
  readonly attachmentId: string
  readonly uploadId: string
  readonly people: People
  /** Nobody has anything to do with this one yet. */
  readonly stranger: TestUser
}

/** People are the users of all worlds. `target` is a member to whom things are done. */
export interface People {
  readonly outsider: TestUser
  readonly former: TestUser
  readonly participant: TestUser
  readonly owner: TestUser
  readonly target: TestUser
  /** An agent, an administrator, and who has the participant's subject at another issuer: with no part in the chat. */
  readonly agent: Outside
  readonly admin: Outside
  readonly namesake: Outside
}

interface Outside {
  readonly token: string
}

export async function createPeople(it: TestApp): Promise<People> {
  const [outsider, former, participant] = [await it.user(), await it.user(), await it.user()]
  return {
    ...{ outsider, former, participant, owner: await it.user(), target: await it.user() },
    agent: await createOutside(it, { user_id: 1, user_type: 'agent' }),
    admin: await createOutside(it, { user_id: 2, user_type: 'admin' }),
    namesake: await createOutside(it, { user_id: participant.id }),
  }
}

/** A user of Django who has been here before. */
async function createOutside(it: TestApp, claims: object): Promise<Outside> {
  const token = await djangoToken(it.auth.clock.now(), claims)
  await it.call('GET /api/users/me', { token })
  return { token }
}

let made = 0

/** createWorld makes a closed group in which the participant has said hello after the former one was removed. */
export async function createWorld(it: TestApp, people: People): Promise<World> {
  made += 1
  const { owner, participant, former, target: other } = people
  const chat = await createGroup(it, [owner, participant, former, other], { slug: `world-${made}` })
  await it.call(`DELETE /api/chats/${chat.id}/participants/${former.id}`, { token: owner.token })
  const message = await send(it, participant, chat, 'hello')
  return {
    chat,
    message,
    people,
    stranger: await it.user(),
    ...(await insertFiles(it, participant, message)),
  }
}
