import { z } from 'zod'
import { Time, UserId, Uuid } from './ids.ts'
import { LIMITS } from './limits.ts'
import { DisplayName, MessageContent, Team, UserType } from './model.ts'
import { Cursor, Limit } from './pages.ts'
import { ExternalId } from './sessions.ts'
import { spokenText } from './text.ts'

/** What a service's token may do; nothing else is open to it. */
export const ServiceScope = z.enum(
  ['sessions:read', 'sessions:write', 'guests:write'],
  'Must be sessions:read, sessions:write or guests:write',
)
export type ServiceScope = z.infer<typeof ServiceScope>

export const ServiceToken = z
  .object({
    id: Uuid,
    name: z.string(),
    scopes: z.array(ServiceScope),
    createdBy: UserId,
    createdAt: Time,
    lastUsedAt: Time.nullable().describe('To the minute'),
    expiresAt: Time.nullable(),
    revokedAt: Time.nullable(),
  })
  .meta({ id: 'ServiceToken', description: 'What a backend calls the service with' })

export const CreateServiceTokenBody = z
  .strictObject({
    name: spokenText(LIMITS.nameCharacters, 'Name must not be empty'),
    scopes: z.array(ServiceScope).min(1, 'Give at least one scope').max(ServiceScope.options.length),
    expiresAt: Time.nullish(),
  })
  .meta({ id: 'CreateServiceToken' })

export const NewServiceToken = z
  .object({ serviceToken: ServiceToken, token: z.string().describe('Shown once, and kept as a digest only') })
  .meta({ id: 'NewServiceToken' })

export const ChangeUserBody = z
  .strictObject({ type: UserType.exclude(['bot'], 'Must be a type of user; a bot is made by its token') })
  .meta({ id: 'ChangeUser' })

export const GuestBody = z
  .strictObject({
    displayName: DisplayName.optional(),
    externalId: ExternalId.optional().describe(
      "The service's own name for the guest: the same one is the same guest",
    ),
  })
  .meta({ id: 'EnterAsGuest' })

export const AuditEntry = z
  .object({
    id: z.int(),
    at: Time,
    actorId: UserId.nullable().describe('Who did it; null for the operator at a console'),
    action: z.string(),
    chatId: Uuid.nullable(),
    targetId: Uuid.nullable().describe('Whom or what it was done to'),
    ipAddress: z.string().nullable(),
    details: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: 'AuditEntry' })
export type AuditEntry = z.infer<typeof AuditEntry>

export const AuditQuery = z.strictObject({
  limit: Limit,
  cursor: Cursor.optional(),
  actorId: UserId.optional(),
  chatId: Uuid.optional(),
  action: z
    .string()
    .regex(/^[a-z.]{1,50}$/, 'Must be an action such as session.closed')
    .optional(),
})

const CannedReplyFields = z.strictObject({
  title: spokenText(LIMITS.nameCharacters, 'Title must not be empty'),
  content: MessageContent.refine((value) => value.trim() !== '', { error: 'Content must not be empty' }),
  team: Team.nullish().describe('Whose it is; of all when left out'),
})
export const CannedReplyBody = CannedReplyFields.meta({ id: 'WriteCannedReply' })
export const CannedReply = z
  .object({
    id: Uuid,
    title: z.string(),
    content: z.string(),
    team: z.string().nullable(),
    createdBy: UserId,
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'CannedReply', description: 'What agents say often' })
