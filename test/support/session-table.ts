import type { Chat, Message } from '../../src/protocol/model.ts'
import type { TestApp, TestUser } from './app.ts'
import { createStaff, send } from './people.ts'
import { djangoToken } from './tokens.ts'

/** Who stands how to a session: of its own, who was in it, and who may know of it by the type of the account. */
export const SESSION_ROLES = [
  ...(['anonymous', 'outsider', 'former', 'customer', 'assignee'] as const),
  ...(['agent', 'admin', 'namesake', 'service'] as const),
] as const
export type SessionRole = (typeof SESSION_ROLES)[number]

/** SessionWorld is an active session in which the customer has said hello, after one agent gave it to another. */
export interface SessionWorld {
  readonly session: Chat
  readonly message: Message
  readonly people: SessionPeople
}

/** SessionPeople are their tokens: of `namesake`, the customer's subject at another issuer. */
export type SessionPeople = Readonly<
  Record<Exclude<SessionRole, 'anonymous'>, { readonly token: string }>
> & {
  readonly assignee: TestUser
  readonly former: TestUser
  readonly customer: TestUser
}

/** A request about a session, and what it gets from whom; 401 and 404 where nothing is said. */
export interface SessionRow {
  readonly body?: object
  readonly query?: string
  readonly path?: (world: SessionWorld) => Readonly<Record<string, string>>
  readonly expected: Partial<Record<SessionRole, number>>
}

export function expectedInSession({ expected }: SessionRow, role: SessionRole): number {
  return expected[role] ?? (role === 'anonymous' ? 401 : 404)
}

/** The token of a service is no token where services have nothing to do. */
const users = (customer: number, assignee = customer) => ({ customer, assignee, service: 401 })
const work = { former: 403, customer: 403, assignee: 200, agent: 403, admin: 200, service: 200 }
const ending = { ...work, customer: 200 }
const accept = { former: 409, customer: 403, assignee: 200, agent: 409, admin: 409, service: 403 }
const target = ({ session, people }: SessionWorld) => ({ id: session.id, userId: people.assignee.id })
const messageId = ({ message }: SessionWorld) => ({ id: message.id, emoji: '👍' })
const hello = { content: 'Hello again' }

/** SESSION_ROWS has a row for every route that can be asked about a chat or a message; one without fails the tests. */
export const SESSION_ROWS: Readonly<Record<string, SessionRow>> = {
  'post /api/sessions/{id}/accept': { expected: accept },
  'post /api/sessions/{id}/transfer': { body: { team: 'night' }, expected: work },
  'post /api/sessions/{id}/release': { expected: work },
  'post /api/sessions/{id}/close': { body: { reason: 'Done' }, expected: ending },
  'post /api/sessions/{id}/reopen': { expected: ending },
  'post /api/sessions/{id}/observe': {
    expected: { former: 403, customer: 403, assignee: 403, agent: 403, admin: 200, service: 403 },
  },
  'post /api/sessions/{id}/notes': { expected: { assignee: 200 } },

  'post /api/v1/chat/sessions/{id}/accept': { expected: accept },
  'post /api/v1/chat/sessions/{id}/close': { body: {}, expected: ending },
  'post /api/v1/chat/sessions/{id}/read': { body: {}, expected: { customer: 204, assignee: 204 } },
  'get /api/v1/chat/sessions/{id}/messages': { expected: { customer: 200, assignee: 200 } },
  'post /api/v1/chat/sessions/{id}/messages': { body: hello, expected: { customer: 201, assignee: 201 } },

  'get /api/chats/{id}': { expected: users(200) },
  'put /api/chats/{id}': { body: { name: 'Renamed' }, expected: users(403) },
  'delete /api/chats/{id}': { expected: users(403) },
  'put /api/chats/{id}/mute': { body: { until: null }, expected: users(200) },
  'put /api/chats/{id}/owner': { body: { userId: crypto.randomUUID() }, expected: users(403) },
  'post /api/chats/{id}/join': { expected: users(200) },
  'post /api/chats/{id}/leave': { expected: users(403) },
  'post /api/chats/{id}/participants': { body: { userIds: [crypto.randomUUID()] }, expected: users(403) },
  'put /api/chats/{id}/participants/{userId}': {
    ...{ body: { role: 'member' }, path: target, expected: users(403) },
  },
  'delete /api/chats/{id}/participants/{userId}': { path: target, expected: users(403) },
  'get /api/chats/{id}/messages': { expected: users(200) },
  'post /api/chats/{id}/messages': { body: hello, expected: users(201) },
  'post /api/chats/{id}/read': { body: { seq: 2 }, expected: users(200) },
  'post /api/chats/{id}/delivered': { body: { seq: 2 }, expected: users(200) },
  // Who was in it hears that he is not any more, and nothing else.
  'get /api/chats/{id}/changes': { query: 'since=1', expected: { ...users(200), former: 200 } },

  'get /api/messages/{id}': { path: messageId, expected: users(200) },
  'put /api/messages/{id}': { body: hello, path: messageId, expected: users(200, 403) },
  'delete /api/messages/{id}': { path: messageId, expected: users(200, 403) },
  'post /api/messages/{id}/reactions': { body: { emoji: '👍' }, path: messageId, expected: users(200) },
  'delete /api/messages/{id}/reactions/{emoji}': { path: messageId, expected: users(200) },
  'get /api/messages/{id}/receipts': { path: messageId, expected: users(200) },
}

export async function createSessionPeople(it: TestApp): Promise<SessionPeople> {
  const [customer, admin] = [await it.user(), await createStaff(it, 'admin')]
  const busy = async () => {
    const agent = await createStaff(it, 'agent')
    await it.call('GET /api/agents/me', { token: agent.token })
    await it.call(`PUT /api/admin/agents/${agent.id}`, { token: admin.token, body: { capacity: 1_000 } })
    return agent
  }
  const namesake = { token: await djangoToken(it.auth.clock.now(), { user_id: customer.id }) }
  await it.call('GET /api/users/me', { token: namesake.token })
  const body = { name: 'Shop', scopes: ['sessions:read', 'sessions:write'] }
  const service = (await it.call('POST /api/admin/service-tokens', { token: admin.token, body })).body
  return {
    ...{ outsider: await it.user(), customer, admin, namesake, service },
    ...{ former: await busy(), assignee: await busy(), agent: await busy() },
  }
}

export async function createSessionWorld(it: TestApp, people: SessionPeople): Promise<SessionWorld> {
  const { customer, former, assignee } = people
  const opened = await it.call('POST /api/sessions', {
    token: customer.token,
    body: { subject: 'Cold soup' },
  })
  const session: Chat = opened.body.chat
  await it.call(`POST /api/sessions/${session.id}/accept`, { token: former.token })
  await it.call(`POST /api/sessions/${session.id}/transfer`, {
    token: former.token,
    body: { userId: assignee.id },
  })
  return { session, message: await send(it, customer, session, 'hello'), people }
}
