import { z } from 'zod'
import { AuditEntry, CannedReply, NewServiceToken, ServiceToken } from '../protocol/admin.ts'
import { AttachmentEnvelope, AttachmentWithLinks, BegunUpload, Uploaded } from '../protocol/attachments.ts'
import { ACKS } from '../protocol/commands.ts'
import { Chat, Contact, UserSummary } from '../protocol/model.ts'
import { PushDeviceEnvelope, PushDevices, PushOffer, Replayed } from '../protocol/push.ts'
import {
  AuthSession,
  Changes,
  ChatEnvelope,
  ContactEnvelope,
  DeadJob,
  Health,
  ListedMessage,
  LoggedIn,
  MeEnvelope,
  MessageInContext,
  MessageReceipts,
  page,
  Retried,
  SearchResults,
  Ticket,
  Tokens,
  UserEnvelope,
  UserPage,
} from '../protocol/rest.ts'
import { AgentDesk, AgentEnvelope, ListedSession } from '../protocol/sessions.ts'
import { SupportMessage, SupportSession } from '../protocol/support.ts'

const nothing = z.null()

/** ROUTES is every REST route, with the schema of what it answers when it is done. */
export const ROUTES = {
  'GET /health/live': z.unknown(),
  'GET /health/ready': z.unknown(),
  'GET /health': Health,

  'POST /api/auth/register': LoggedIn,
  'POST /api/auth/login': LoggedIn,
  'POST /api/auth/refresh': Tokens,
  'POST /api/auth/logout': nothing,
  'PUT /api/auth/password': nothing,
  'POST /api/auth/ticket': Ticket,
  'GET /api/auth/sessions': z.object({ data: z.array(AuthSession) }),
  'DELETE /api/auth/sessions/:id': nothing,

  'GET /api/users/me': MeEnvelope,
  'PUT /api/users/me': MeEnvelope,
  'PATCH /api/users/me/avatar': MeEnvelope,
  'GET /api/users/search': UserPage,
  'GET /api/users/:id': UserEnvelope,

  'GET /api/contacts': page(Contact),
  'GET /api/contacts/pending': page(Contact),
  'POST /api/contacts': ContactEnvelope,
  'PUT /api/contacts/:id/accept': ContactEnvelope,
  'DELETE /api/contacts/:id': nothing,
  'PUT /api/contacts/:id/block': ContactEnvelope,
  'DELETE /api/contacts/:id/block': nothing,

  'GET /api/chats': page(Chat),
  'POST /api/chats/direct': ChatEnvelope,
  'POST /api/chats/group': ChatEnvelope,
  'GET /api/chats/slug/:slug': ChatEnvelope,
  'GET /api/chats/:id': ChatEnvelope,
  'PUT /api/chats/:id': ACKS['chat:update'],
  'DELETE /api/chats/:id': ACKS['chat:delete'],
  'POST /api/chats/:id/join': ACKS['chat:join'],
  'POST /api/chats/:id/leave': ACKS['chat:leave'],
  'PUT /api/chats/:id/mute': ACKS['chat:mute'],
  'PUT /api/chats/:id/owner': ACKS['chat:transfer'],
  'POST /api/chats/:id/participants': ACKS['participant:add'],
  'DELETE /api/chats/:id/participants/:userId': ACKS['participant:remove'],
  'PUT /api/chats/:id/participants/:userId': ACKS['participant:role'],

  'GET /api/chats/:id/messages': page(ListedMessage),
  'POST /api/chats/:id/messages': ACKS['message:send'],
  'GET /api/chats/:id/changes': Changes,
  'POST /api/chats/:id/read': ACKS['message:read'],
  'POST /api/chats/:id/delivered': ACKS['message:delivered'],
  'GET /api/messages/search': SearchResults,
  'GET /api/messages/:id': MessageInContext,
  'PUT /api/messages/:id': ACKS['message:edit'],
  'DELETE /api/messages/:id': ACKS['message:delete'],
  'POST /api/messages/:id/reactions': ACKS['reaction:add'],
  'DELETE /api/messages/:id/reactions/:emoji': ACKS['reaction:remove'],
  'GET /api/messages/:id/receipts': MessageReceipts,

  'POST /api/sessions': ACKS['session:create'],
  'GET /api/sessions': page(ListedSession),
  'POST /api/sessions/:id/accept': ACKS['session:accept'],
  'POST /api/sessions/:id/transfer': ACKS['session:transfer'],
  'POST /api/sessions/:id/release': ACKS['session:release'],
  'POST /api/sessions/:id/close': ACKS['session:close'],
  'POST /api/sessions/:id/reopen': ACKS['session:reopen'],
  'POST /api/sessions/:id/observe': ACKS['session:observe'],
  'POST /api/sessions/:id/notes': ACKS['notes:open'],
  'GET /api/agents': z.object({ data: z.array(AgentDesk) }),
  'GET /api/agents/me': AgentEnvelope,
  'PUT /api/agents/me': AgentEnvelope,
  'GET /api/canned-replies': z.object({ data: z.array(CannedReply) }),
  'POST /api/canned-replies': z.object({ reply: CannedReply }),
  'PUT /api/canned-replies/:id': z.object({ reply: CannedReply }),
  'DELETE /api/canned-replies/:id': nothing,
  'POST /api/guests': LoggedIn,
  'POST /api/v1/chat/sessions': SupportSession,
  'GET /api/v1/chat/sessions': page(SupportSession),
  'GET /api/v1/chat/sessions/:id/messages': page(SupportMessage),
  'POST /api/v1/chat/sessions/:id/messages': SupportMessage,

  'GET /api/push': PushOffer,
  'GET /api/push/devices': PushDevices,
  'POST /api/push/devices': PushDeviceEnvelope,
  'DELETE /api/push/devices/:id': nothing,

  'GET /api/admin/jobs': page(DeadJob),
  'POST /api/admin/jobs/retry': Retried,
  'POST /api/admin/jobs/:id/retry': nothing,
  'DELETE /api/admin/jobs/:id': nothing,
  'POST /api/admin/webhooks/replay': Replayed,
  'PUT /api/admin/agents/:id': AgentEnvelope,
  'PUT /api/admin/users/:id': z.object({ user: UserSummary }),
  'GET /api/admin/audit': page(AuditEntry),
  'POST /api/admin/service-tokens': NewServiceToken,
  'GET /api/admin/service-tokens': z.object({ data: z.array(ServiceToken) }),
  'DELETE /api/admin/service-tokens/:id': nothing,
  'POST /api/attachments': Uploaded,
  'POST /api/attachments/upload': Uploaded,
  'POST /api/v1/chat/upload': Uploaded,
  'POST /api/attachments/direct': BegunUpload,
  'POST /api/attachments/:id/complete': AttachmentEnvelope,
  'GET /api/attachments/:id': AttachmentWithLinks,
  'GET /api/attachments/:id/:size': z.unknown(),
  'DELETE /api/attachments/:id': nothing,
  'GET /api/avatars/:id': z.unknown(),
} as const

export type RouteName = keyof typeof ROUTES
export type AnswerOf<R extends RouteName> = z.infer<(typeof ROUTES)[R]>
