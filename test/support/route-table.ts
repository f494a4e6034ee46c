import { PASSWORD } from './auth.ts'
import { aForm, aPng } from './files.ts'
import type { World } from './route-world.ts'

const INSIDERS = ['anonymous', 'outsider', 'former', 'participant', 'owner'] as const
const OUTSIDERS = ['agent', 'admin', 'namesake'] as const
export const ROLES = [...INSIDERS, ...OUTSIDERS] as const
export type Role = (typeof ROLES)[number]

/** Row is a good request to a route, and what it gets from whom. */
export interface Row {
  readonly path?: (world: World) => Readonly<Record<string, string>>
  readonly query?: (world: World) => string
  readonly body?: (world: World) => object
  /** Only an admin gets as far as the input. */
  readonly isForAdmins?: true
  readonly form?: (world: World) => FormData
  /** By role: anonymous, outsider, former, participant, owner. */
  readonly expected: readonly [number, number, number, number, number]
  /** What an agent, an administrator or a namesake gets where that is not what any outsider does. */
  readonly others?: Partial<Record<(typeof OUTSIDERS)[number], number>>
}

/** expectedOf is what the role gets. */
export function expectedOf({ expected, others = {} }: Row, role: Role): number {
  const index = (INSIDERS as readonly string[]).indexOf(role)
  return expected[index] ?? others[role as keyof typeof others] ?? expected[1]
}

const id = ({ chat }: World) => ({ id: chat.id })
const messageId = ({ message }: World) => ({ id: message.id })
const attachmentId = ({ attachmentId: it }: World) => ({ id: it })
const uploadId = ({ uploadId: it }: World) => ({ id: it })
const target = ({ chat, people }: World) => ({ id: chat.id, userId: people.target.id })
const stranger = ({ stranger: { id: other } }: World) => ({ id: other })

const everybody = (status: number) => [status, status, status, status, status] as const
const users = (status: number) => [401, status, status, status, status] as const
/** Only who takes part knows that it is there. */
const inside = (participant: number, owner = participant) => [401, 404, 404, participant, owner] as const

const upload = ({ chat }: World) => aForm({ chatId: chat.id }, aPng())

const registration = ({ stranger: { username } }: World) => ({
  username: `${username}x`,
  password: PASSWORD,
  passwordConfirm: PASSWORD,
})

/** ROWS has a row for every route that the app declares; a route without one fails the tests. */
export const ROWS: Readonly<Record<string, Row>> = {
  'get /health/live': { expected: everybody(200) },
  'get /health/ready': { expected: everybody(200) },
  'get /health': { expected: everybody(200) },
  // Only for who operates the service.
  'get /metrics': { expected: everybody(404) },

  'post /api/auth/register': { body: registration, expected: everybody(201) },
  'post /api/auth/login': {
    body: (world) => ({ username: world.stranger.username, password: PASSWORD }),
    expected: everybody(200),
  },
  'post /api/auth/refresh': {
    body: (world) => ({ refreshToken: world.stranger.refreshToken }),
    expected: everybody(200),
  },
  'post /api/auth/logout': {
    body: (world) => ({ refreshToken: world.stranger.refreshToken }),
    expected: everybody(204),
  },
  'put /api/auth/password': {
    body: () => ({ currentPassword: 'wrong', password: 'Other-pass-1', passwordConfirm: 'Other-pass-1' }),
    expected: users(403),
  },
  'post /api/auth/ticket': { expected: users(201) },
  'get /api/auth/sessions': { expected: users(200) },
  'delete /api/auth/sessions/{id}': { path: stranger, expected: users(404) },

  'get /api/users/me': { expected: users(200) },
  'put /api/users/me': { body: () => ({ displayName: 'Somebody' }), expected: users(200) },
  'patch /api/users/me/avatar': { body: () => ({ avatarUrl: null }), expected: users(200) },
  'get /api/users/search': { query: () => 'q=user', expected: users(200) },
  'get /api/users/{id}': { path: stranger, expected: users(200) },

  'get /api/contacts': { expected: users(200) },
  'get /api/contacts/pending': { expected: users(200) },
  'post /api/contacts': { body: (world) => ({ userId: world.stranger.id }), expected: users(201) },
  'put /api/contacts/{id}/accept': { path: stranger, expected: users(404) },
  'delete /api/contacts/{id}': { path: stranger, expected: users(404) },
  'put /api/contacts/{id}/block': { path: stranger, expected: users(200) },
  'delete /api/contacts/{id}/block': { path: stranger, expected: users(404) },

  'get /api/chats': { expected: users(200) },
  'post /api/chats/direct': { body: (world) => ({ userId: world.stranger.id }), expected: users(403) },
  'post /api/chats/group': {
    body: (world) => ({ name: 'New', participantIds: [world.stranger.id] }),
    expected: users(201),
  },
  'get /api/chats/slug/{slug}': { path: ({ chat }) => ({ slug: chat.slug ?? '' }), expected: inside(200) },
  'get /api/chats/{id}': { path: id, expected: inside(200) },
  'put /api/chats/{id}': { path: id, body: () => ({ name: 'Renamed' }), expected: inside(403, 200) },
  'delete /api/chats/{id}': { path: id, expected: inside(403, 200) },
  'put /api/chats/{id}/mute': { path: id, body: () => ({ until: null }), expected: inside(200) },
  'put /api/chats/{id}/owner': {
    path: id,
    body: (world) => ({ userId: world.people.target.id }),
    expected: inside(403, 200),
  },
  'post /api/chats/{id}/join': { path: id, expected: inside(200) },
  'post /api/chats/{id}/leave': { path: id, expected: inside(200, 409) },
  'post /api/chats/{id}/participants': {
    path: id,
    body: (world) => ({ userIds: [world.stranger.id] }),
    expected: inside(403, 200),
  },
  'put /api/chats/{id}/participants/{userId}': {
    path: target,
    body: () => ({ role: 'admin' }),
    expected: inside(403, 200),
  },
  'delete /api/chats/{id}/participants/{userId}': { path: target, expected: inside(403, 200) },

  'get /api/chats/{id}/messages': { path: id, expected: inside(200) },
  'post /api/chats/{id}/messages': { path: id, body: () => ({ content: 'Hello' }), expected: inside(201) },
  'post /api/chats/{id}/read': { path: id, body: () => ({ seq: 2 }), expected: inside(200) },
  'post /api/chats/{id}/delivered': { path: id, body: () => ({ seq: 2 }), expected: inside(200) },
  // Who has left is told so, and nothing else.
  'get /api/chats/{id}/changes': { path: id, query: () => 'since=1', expected: [401, 404, 200, 200, 200] },

  // Finds nothing in a chat that one is not in.
  'get /api/messages/search': { query: ({ chat }) => `q=hello&chatId=${chat.id}`, expected: users(200) },
  'get /api/messages/{id}': { path: messageId, expected: inside(200) },
  'put /api/messages/{id}': {
    path: messageId,
    body: () => ({ content: 'Changed' }),
    expected: inside(200, 403),
  },
  'delete /api/messages/{id}': { path: messageId, expected: inside(200) },
  'post /api/messages/{id}/reactions': {
    path: messageId,
    body: () => ({ emoji: '👍' }),
    expected: inside(200),
  },
  'delete /api/messages/{id}/reactions/{emoji}': {
    path: (world) => ({ ...messageId(world), emoji: '👍' }),
    expected: inside(200),
  },
  'get /api/messages/{id}/receipts': { path: messageId, expected: inside(200) },

  'get /api/push': { expected: users(200) },
  'get /api/push/devices': { expected: users(200) },
  'post /api/push/devices': {
    body: (world) => ({ provider: 'onesignal', token: world.stranger.id }),
    expected: users(201),
  },
  'delete /api/push/devices/{id}': { path: stranger, expected: users(404) },
  'post /api/attachments': { form: upload, expected: inside(201) },
  'post /api/attachments/upload': { form: upload, expected: inside(201) },
  'post /api/v1/chat/upload': {
    form: ({ chat }) => aForm({ session_id: chat.id }, aPng()),
    expected: inside(201),
  },
  'post /api/attachments/direct': {
    body: ({ chat }) => ({ chatId: chat.id, fileName: 'a.png', contentType: 'image/png', bytes: 68 }),
    expected: inside(201),
  },
  'post /api/attachments/{id}/complete': { path: uploadId, body: () => ({}), expected: inside(200, 404) },
  'get /api/attachments/{id}': { path: attachmentId, expected: inside(200) },
  'get /api/attachments/{id}/{size}': {
    path: (world) => ({ ...attachmentId(world), size: 'medium' }),
    expected: inside(302),
  },
  'delete /api/attachments/{id}': { path: uploadId, expected: inside(204, 404) },
  // Pictures of users and groups are seen by everybody, and this one is none.
  'get /api/avatars/{id}': { path: attachmentId, expected: everybody(404) },

  'get /api/admin/jobs': { expected: users(403), others: { admin: 200 } },
  'post /api/admin/jobs/retry': { body: () => ({}), expected: users(403), others: { admin: 200 } },
  'post /api/admin/jobs/{id}/retry': { path: stranger, expected: users(403), others: { admin: 404 } },
  'delete /api/admin/jobs/{id}': { path: stranger, expected: users(403), others: { admin: 404 } },

  // A group is no session; who may do what in one: test/routes/sessions.test.ts.
  'post /api/sessions': {
    body: () => ({ subject: 'Late again' }),
    expected: users(201),
    // Staff open a session for a customer, whom they name.
    others: { agent: 400, admin: 400, namesake: 400 },
  },
  'get /api/sessions': { expected: users(200) },
  'post /api/sessions/{id}/accept': { path: id, expected: inside(403) },
  'post /api/sessions/{id}/transfer': { path: id, body: () => ({ team: 'night' }), expected: inside(403) },
  'post /api/sessions/{id}/release': { path: id, expected: inside(403) },
  'post /api/sessions/{id}/close': { path: id, body: () => ({ reason: 'Done' }), expected: inside(403) },
  'post /api/sessions/{id}/reopen': { path: id, expected: inside(403) },
  'post /api/sessions/{id}/observe': { path: id, expected: inside(403) },
  'post /api/sessions/{id}/notes': { path: id, expected: [401, 404, 404, 404, 404] },
  'get /api/agents': { expected: users(403), others: { agent: 200, admin: 200, namesake: 200 } },
  'get /api/agents/me': { expected: users(403), others: { agent: 200, admin: 200 } },
  'put /api/agents/me': {
    body: () => ({ availability: 'away' }),
    isForAdmins: true,
    expected: users(403),
    others: { agent: 200, admin: 200 },
  },
  'get /api/canned-replies': { expected: users(403), others: { agent: 200, admin: 200, namesake: 200 } },
  'post /api/canned-replies': {
    body: () => ({ title: 'Greeting', content: 'How can I be of use?' }),
    isForAdmins: true,
    expected: users(403),
    others: { agent: 201, admin: 201, namesake: 201 },
  },
  'put /api/canned-replies/{id}': {
    path: stranger,
    body: () => ({ title: 'Greeting', content: 'How can I be of use?' }),
    isForAdmins: true,
    expected: users(403),
    others: { agent: 404, admin: 404, namesake: 404 },
  },
  'delete /api/canned-replies/{id}': {
    path: stranger,
    isForAdmins: true,
    expected: users(403),
    others: { agent: 404, admin: 404, namesake: 404 },
  },
  'post /api/guests': { body: () => ({ displayName: 'Passer-by' }), expected: everybody(401) },
  'post /api/v1/chat/sessions': {
    body: () => ({ subject: 'Late again' }),
    expected: users(201),
    others: { agent: 400, admin: 400, namesake: 400 },
  },
  'get /api/v1/chat/sessions': { expected: users(200) },
  'post /api/v1/chat/sessions/{id}/accept': { path: id, expected: inside(403) },
  'post /api/v1/chat/sessions/{id}/close': {
    path: id,
    body: () => ({ reason: 'Done' }),
    expected: inside(403),
  },
  'post /api/v1/chat/sessions/{id}/read': { path: id, body: () => ({}), expected: inside(204) },
  'get /api/v1/chat/sessions/{id}/messages': { path: id, expected: inside(200) },
  'post /api/v1/chat/sessions/{id}/messages': {
    path: id,
    body: () => ({ content: 'Hello' }),
    expected: inside(201),
  },
  'put /api/admin/users/{id}': {
    path: stranger,
    body: () => ({ type: 'agent' }),
    expected: users(403),
    others: { admin: 200 },
  },
  'put /api/admin/users/{id}/disabled': { path: stranger, expected: users(403), others: { admin: 204 } },
  'delete /api/admin/users/{id}/disabled': { path: stranger, expected: users(403), others: { admin: 204 } },
  'get /api/admin/audit': { expected: users(403), others: { admin: 200 } },
  'get /api/admin/service-tokens': { expected: users(403), others: { admin: 200 } },
  'post /api/admin/service-tokens': {
    body: () => ({ name: 'Shop', scopes: ['sessions:write'] }),
    expected: users(403),
    others: { admin: 201 },
  },
  'delete /api/admin/service-tokens/{id}': {
    path: stranger,
    expected: users(403),
    others: { admin: 404 },
  },
  'put /api/admin/agents/{id}': {
    path: stranger,
    body: () => ({ capacity: 3, teams: ['night'] }),
    expected: users(403),
    others: { admin: 404 },
  },
  'post /api/admin/webhooks/replay': {
    body: ({ chat }) => ({ chatId: chat.id, since: 0 }),
    expected: users(403),
    others: { admin: 409 },
  },
}

/** urlOf is the address of a row's request. */
export function urlOf(route: { readonly path: string }, row: Row, world: World): string {
  const names = row.path?.(world) ?? {}
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(names[name] ?? ''))
  const query = row.query?.(world)
  return query === undefined ? path : `${path}?${query}`
}
