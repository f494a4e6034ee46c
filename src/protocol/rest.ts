import { z } from 'zod'
import { UpdateChatBody } from './commands.ts'
import { ChatId, MessageId, Seq, Time, UserId, Uuid } from './ids.ts'
import { LIMITS } from './limits.ts'
import { AvatarUrl, ChangeSet, Chat, Contact, DisplayName, Me, Message, User, UserSummary } from './model.ts'
import { Cursor, digits, Limit } from './pages.ts'
import { isStorable, utf8Bytes } from './text.ts'

export { page } from './pages.ts'

/** A new account's name. */
export const Username = z
  .string()
  .min(3, 'Username must be at least 3 characters')
  .max(LIMITS.usernameCharacters, `Username must be at most ${LIMITS.usernameCharacters} characters`)
  .regex(/^[\p{L}\p{N}._-]+$/u, 'Username may contain letters, digits, dots, hyphens and underscores')
  .describe('Letters, digits, dots, hyphens and underscores; unique in whatever case')

const Password = z
  .string()
  .min(8, 'Password must be at least 8 characters')
  .regex(/[A-Z]/, 'Must contain uppercase letter')
  .regex(/[a-z]/, 'Must contain lowercase letter')
  .regex(/[0-9]/, 'Must contain number')
  .regex(/[^A-Za-z0-9]/, 'Must contain special character')
  .refine((value) => utf8Bytes(value) <= LIMITS.passwordBytes, {
    error: `Password must be at most ${LIMITS.passwordBytes} bytes`,
  })
  .refine(isStorable, { error: 'Must not contain U+0000 or a lone surrogate' })
  .describe('With an upper-case and a lower-case letter, a digit and a special character')

export const RegisterBody = z
  .strictObject({
    username: Username,
    password: Password,
    passwordConfirm: z.string(),
    displayName: DisplayName.optional().describe('The username when left out'),
  })
  .refine((body) => body.password === body.passwordConfirm, {
    path: ['passwordConfirm'],
    error: 'Passwords do not match',
  })
  .meta({ id: 'Register' })

/** An account's name as somebody types it to find the account: it need not keep the rules for new ones. */
const KnownName = z
  .string()
  .min(1, 'Must not be empty')
  .max(LIMITS.usernameCharacters, `Must be at most ${LIMITS.usernameCharacters} characters`)
  .refine(isStorable, { error: 'Must not contain U+0000 or a lone surrogate' })

/** What is only compared: the rules of new passwords do not matter. */
const Secret = z
  .string()
  .min(1, 'Must not be empty')
  .max(4_096, 'Must be at most 4096 characters')
  .refine(isStorable, { error: 'Must not contain U+0000 or a lone surrogate' })

export const LoginBody = z.strictObject({ username: KnownName, password: Secret }).meta({ id: 'Login' })

export const ChangePasswordBody = z
  .strictObject({
    currentPassword: Secret,
    password: Password,
    passwordConfirm: z.string(),
  })
  .refine((body) => body.password === body.passwordConfirm, {
    path: ['passwordConfirm'],
    error: 'Passwords do not match',
  })
  .meta({ id: 'ChangePassword' })

export const CookieQuery = z.object({
  cookie: z.literal('1').optional().describe('Get the refresh token as an httpOnly cookie instead'),
})

export const RefreshBody = z
  .strictObject({
    refreshToken: Secret.optional().describe('Left out when it is in the cookie'),
  })
  .meta({ id: 'Refresh' })

export const Tokens = z
  .object({
    accessToken: z.string().describe('15 minutes'),
    refreshToken: z.string().nullable().describe('7 days, good once; null when it went as a cookie'),
  })
  .meta({ id: 'Tokens' })
export const LoggedIn = Tokens.extend({ user: Me }).meta({ id: 'LoggedIn' })

export const Ticket = z
  .object({ ticket: z.string(), expiresAt: Time })
  .meta({ id: 'Ticket', description: 'Opens one socket within 30 s: /ws?ticket=' })

export const AuthSession = z
  .object({
    id: Uuid,
    device: z.string().nullable().describe('User-Agent at login'),
    ipAddress: z.string().nullable(),
    createdAt: Time,
    lastUsedAt: Time,
    isCurrent: z.boolean(),
  })
  .meta({ id: 'AuthSession', description: 'A login on one device' })

export const UpdateMeBody = z
  .strictObject({ displayName: DisplayName.optional(), avatarUrl: AvatarUrl.nullable().optional() })
  .refine((body) => Object.keys(body).length > 0, { error: 'Give at least one field to change' })
  .meta({ id: 'UpdateMe' })
const AVATAR_ID = "An upload of one's own with `purpose` avatar"
export const AvatarBody = z
  .union(
    [
      z.strictObject({ avatarUrl: AvatarUrl.nullable() }),
      z.strictObject({ attachmentId: Uuid.describe(AVATAR_ID) }),
    ],
    { error: 'Give either avatarUrl or attachmentId' },
  )
  .meta({ id: 'ChangeAvatar' })
export const UpdateChatRequest = UpdateChatBody.safeExtend({
  avatarId: Uuid.optional().describe(`In place of avatarUrl: ${AVATAR_ID}`),
}).meta({ id: 'UpdateChatRequest' })

const SearchText = z
  .string()
  .min(1, 'Give something to search for')
  .max(LIMITS.searchCharacters, `Must be at most ${LIMITS.searchCharacters} characters`)
  .refine(isStorable, { error: 'Must not contain U+0000 or a lone surrogate' })

export const UserSearchQuery = z.strictObject({ q: SearchText, limit: Limit })

/** Whom a request is about: by id or by username. */
export const ContactBody = z
  .union([z.strictObject({ userId: UserId }), z.strictObject({ username: KnownName })], {
    error: 'Give either userId or username',
  })
  .meta({ id: 'RequestContact' })

export const ContactsQuery = z.strictObject({ limit: Limit, cursor: Uuid.optional() })

export const CreateDirectBody = z.strictObject({ userId: UserId }).meta({ id: 'CreateDirect' })
export const TransferBody = z.strictObject({ userId: UserId }).meta({ id: 'TransferOwnership' })
/** A write that has no id of its own is made once for each key. */
export const IdempotencyHeader = z.object({
  'idempotency-key': z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe("The client's own name for this request: a retry with it answers with the first result"),
})

const SeqParam = digits(Seq)

/** Pages of a chat's messages, newest first. At most one of the four says where. */
export const HistoryQuery = z
  .strictObject({
    limit: Limit,
    cursor: Cursor.optional(),
    before: SeqParam.optional(),
    after: SeqParam.optional(),
    around: SeqParam.optional(),
  })
  .refine(
    (query) =>
      [query.cursor, query.before, query.after, query.around].filter((it) => it !== undefined).length <= 1,
    {
      error: 'Give at most one of cursor, before, after and around',
    },
  )
export const ChangesQuery = z.strictObject({ since: SeqParam })
export const ChatsQuery = z.strictObject({ limit: Limit, cursor: Cursor.optional() })

/** A message as a list shows it. */
export const ListedMessage = Message.extend({ senderUsername: z.string().nullable() }).meta({
  id: 'ListedMessage',
})
export type ListedMessage = z.infer<typeof ListedMessage>

export const Changes = ChangeSet.extend({
  head: Seq.describe("The chat's last change when this was read"),
  more: z.boolean().describe('`to` is not yet `head`: ask again'),
  reset: z.boolean().describe('Too much changed: take the latest page and go on from `head`'),
}).meta({ id: 'Changes' })
export type Changes = z.infer<typeof Changes>

export const MessageInContext = z
  .object({
    message: ListedMessage,
    chat: Chat,
    before: z.array(ListedMessage),
    after: z.array(ListedMessage),
  })
  .meta({
    id: 'MessageInContext',
    description: 'A deep link: the message, its chat and its neighbours, oldest first',
  })

/** Exact `readAt` in direct chats; in groups `readAt` is when the reader's watermark last moved. */
export const MessageReceipts = z
  .object({
    messageId: MessageId,
    readBy: z.array(z.object({ userId: UserId, readAt: Time.nullable() })),
    deliveredTo: z.array(UserId).describe('Got it and have not read it'),
  })
  .meta({ id: 'MessageReceipts' })

export const MessageSearchQuery = z.strictObject({
  q: SearchText,
  chatId: ChatId.optional(),
  cursor: Cursor.optional(),
  limit: Limit,
})
export const SearchHit = z
  .object({
    id: MessageId,
    chatId: ChatId,
    chatName: z.string().nullable(),
    seq: Seq,
    content: z.string().describe('HTML-escaped, shortened around the hits, which stand in <mark>'),
    senderId: UserId.nullable(),
    senderUsername: z.string().nullable(),
    createdAt: Time,
  })
  .meta({ id: 'SearchHit' })
export type SearchHit = z.infer<typeof SearchHit>
export const SearchResults = z
  .object({
    results: z.array(SearchHit),
    total: z.int().describe('Counted up to 1,000'),
    nextCursor: z.string().nullable(),
    hasMore: z.boolean(),
  })
  .meta({ id: 'SearchResults' })

/** DeadJob is background work that was given up: it failed too often, or never can succeed. */
export const DeadJob = z
  .object({
    id: Uuid,
    kind: z.string().describe('What was to be done'),
    attempts: z.int(),
    failedAt: Time,
    lastError: z.string(),
    chatId: z.string().nullable().describe('The chat that it was for'),
  })
  .meta({ id: 'DeadJob', description: 'A dead letter: background work that was given up' })
export type DeadJob = z.infer<typeof DeadJob>
export const DeadJobsQuery = z.strictObject({ limit: Limit, cursor: Uuid.optional() })
export const RetryJobsBody = z
  .strictObject({ kind: z.string().min(1).max(100).optional().describe('Only those of this kind') })
  .meta({ id: 'RetryJobs' })
export const Retried = z.object({ retried: z.int() })

export const ContactEnvelope = z.object({ contact: Contact })
export const ChatEnvelope = z.object({ chat: Chat })
export const UserEnvelope = z.object({ user: User })
export const MeEnvelope = z.object({ user: Me })
export const UserPage = z.object({ data: z.array(UserSummary) })

const Check = z.enum(['ok', 'degraded', 'down', 'off'])
export const Health = z
  .object({
    status: z.enum(['ok', 'degraded', 'starting', 'draining', 'down']),
    timestamp: Time,
    uptime: z.number().describe('Seconds'),
    environment: z.string(),
    version: z.string(),
    services: z.object({ database: Check, replica: Check, redis: Check, storage: Check }),
  })
  .meta({ id: 'Health' })
export type Health = z.infer<typeof Health>
