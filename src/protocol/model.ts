import { z } from 'zod'
import { ChatId, MessageId, Seq, Time, UserId, Uuid } from './ids.ts'
import { LIMITS } from './limits.ts'
import { isStorable, spokenText, text, utf8Bytes } from './text.ts'

export const UserType = z.enum(['member', 'customer', 'dentist', 'agent', 'restaurant', 'admin', 'bot'])
export type UserType = z.infer<typeof UserType>

export const PresenceStatus = z.enum(['online', 'away', 'busy', 'offline'])
export type PresenceStatus = z.infer<typeof PresenceStatus>

/** UserSummary is what goes with a message: who said it. */
export const UserSummary = z
  .object({
    id: UserId,
    username: z.string(),
    displayName: z.string(),
    avatarUrl: z.string().nullable(),
    type: UserType,
  })
  .meta({ id: 'UserSummary', description: 'Who somebody is, as shown beside a message' })
export type UserSummary = z.infer<typeof UserSummary>

export const User = UserSummary.extend({
  status: PresenceStatus,
  lastSeen: Time.nullable().describe('When the last connection ended; null while never connected'),
}).meta({ id: 'User', description: 'An account' })
export type User = z.infer<typeof User>

export const Me = User.extend({ createdAt: Time }).meta({ id: 'Me', description: "One's own account" })
export type Me = z.infer<typeof Me>

export const ChatKind = z.enum(['direct', 'group', 'session', 'notes'])
export type ChatKind = z.infer<typeof ChatKind>

export const SessionStatus = z.enum(['waiting', 'active', 'closed'])
export type SessionStatus = z.infer<typeof SessionStatus>

export const Role = z
  .enum(['owner', 'admin', 'member', 'customer', 'provider', 'agent', 'observer'])
  .describe('What a participant may do in the chat')
export type Role = z.infer<typeof Role>

export const ContentType = z.enum(['text', 'image', 'file', 'system'])
export type ContentType = z.infer<typeof ContentType>

const Range = z
  .tuple([z.int().min(0), z.int().min(1)])
  .refine(([start, end]) => start < end, { error: 'Must be [start, end) with start < end' })
  .describe('[start, end) in UTF-16 code units of `content`')
const Ranges = z.array(Range).max(LIMITS.formattingRanges)

/** Formatting is ranges over plain text; HTML is never stored. */
export const Formatting = z
  .strictObject({
    bold: Ranges.optional(),
    italic: Ranges.optional(),
    underline: Ranges.optional(),
    strike: Ranges.optional(),
    code: Ranges.optional(),
  })
  .meta({
    id: 'Formatting',
    description: 'Rich text as ranges over the plain content',
    examples: [{ bold: [[0, 5]] }],
  })
export type Formatting = z.infer<typeof Formatting>

/** Metadata is a client's own JSON object: kept as it is, never read by the service. */
export const Metadata = z
  .record(z.string(), z.unknown())
  .superRefine((value, context) => {
    const fault = metadataFault(value)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  })
  .meta({ id: 'Metadata', description: `The client's own JSON, at most ${LIMITS.metadataBytes} bytes` })
export type Metadata = z.infer<typeof Metadata>

export const Emoji = spokenText(32, 'Must not be empty').describe('One emoji, or a custom short code')

export const Reaction = z
  .object({ emoji: z.string(), count: z.int(), users: z.array(UserId).describe('Who, oldest first') })
  .meta({ id: 'Reaction' })
export type Reaction = z.infer<typeof Reaction>

export const Attachment = z
  .object({
    id: Uuid,
    kind: z.enum(['image', 'file']),
    fileName: z.string().describe('As its sender called it, without a path'),
    contentType: z.string().describe('Found by decoding, never by name'),
    bytes: z.int(),
    width: z.int().nullable().describe('Of an image, upright; null for a file'),
    height: z.int().nullable(),
    placeholder: z.string().nullable().describe('A data URL of some 16 pixels, to show blurred meanwhile'),
    url: z.string().describe('Checks access, then redirects to the file for at most 60 minutes'),
    mediumUrl: z.string().nullable().describe('WebP within 1,280 pixels; null for a file'),
    thumbnailUrl: z.string().nullable().describe('WebP within 320 pixels; null for a file'),
  })
  .meta({ id: 'Attachment', description: 'A file of a message' })
export type Attachment = z.infer<typeof Attachment>

export const Message = z
  .object({
    id: MessageId,
    chatId: ChatId,
    seq: Seq.describe("The number of the message's creation: its place in the chat for ever"),
    changedSeq: Seq.describe('The number of its last change: creation, edit, deletion or reaction'),
    senderId: UserId.nullable().describe('null once the account is erased'),
    contentType: ContentType,
    content: z.string().describe('Plain text; empty when deleted'),
    formatting: Formatting.nullable(),
    metadata: Metadata.nullable(),
    replyToId: MessageId.nullable(),
    mentions: z.array(UserId),
    reactions: z.array(Reaction),
    attachments: z.array(Attachment),
    isEdited: z.boolean(),
    editedAt: Time.nullable(),
    isDeleted: z.boolean(),
    deletedAt: Time.nullable(),
    createdAt: Time,
  })
  .meta({ id: 'Message', description: 'What a person wrote' })
export type Message = z.infer<typeof Message>

export const Participant = z
  .object({
    userId: UserId,
    role: Role,
    joinedSeq: Seq,
    leftSeq: Seq.nullable().describe('The change that ended the participation; null while it lasts'),
    readSeq: Seq.describe('Everything up to here was read'),
    deliveredSeq: Seq.describe('Everything up to here has reached a device'),
    user: User,
  })
  .meta({ id: 'Participant', description: 'A user in one chat' })
export type Participant = z.infer<typeof Participant>

export const History = z
  .enum(['all', 'since_join'])
  .describe('What somebody who joins may read of the time before')

/** SessionInfo is what a session has beyond other chats. Its customer sees it, too. */
export const SessionInfo = z
  .object({
    externalId: z.string().nullable().describe("The opener's own name for the session"),
    team: z.string().nullable().describe('Whose queue it is in; null for that of all agents'),
    metadata: Metadata.nullable(),
    queuedAt: Time.nullable().describe('Since when it waits; null while it does not'),
    closedAt: Time.nullable(),
    closeReason: z.string().nullable(),
  })
  .meta({ id: 'SessionInfo', description: 'What a session has beyond other chats' })
export type SessionInfo = z.infer<typeof SessionInfo>

/** ChatInfo is what every participant sees alike, and so what events carry. */
export const ChatInfo = z
  .object({
    id: ChatId,
    kind: ChatKind,
    name: z.string().nullable(),
    slug: z.string().nullable(),
    avatarUrl: z.string().nullable(),
    ownerId: UserId.nullable().describe('Of a group; of a session, its customer'),
    subject: z.string().nullable(),
    status: SessionStatus.nullable().describe('Of a session; null otherwise'),
    assigneeId: UserId.nullable().describe('The professional whose session it is, or was when it closed'),
    parentId: ChatId.nullable().describe('Of notes: the session that they are about'),
    session: SessionInfo.nullable().describe('Of a session; null otherwise'),
    history: History,
    isOpen: z.boolean().describe('Whoever knows the slug may join'),
    createdAt: Time,
  })
  .meta({ id: 'ChatInfo', description: 'The durable conversation, as all its participants see it' })
export type ChatInfo = z.infer<typeof ChatInfo>

/** Membership is one's own side of a chat, seen by nobody else. */
export const Membership = z
  .object({
    role: Role,
    readSeq: Seq,
    unread: z.int().min(0).describe("Messages after `readSeq` that are neither deleted nor one's own"),
    mutedUntil: Time.nullable(),
  })
  .meta({ id: 'Membership', description: "One's own side of a chat" })
export type Membership = z.infer<typeof Membership>

export const Chat = ChatInfo.extend({
  seq: Seq.describe('The number of its last change'),
  lastMessage: Message.nullable(),
  lastMessageAt: Time.nullable(),
  participantCount: z.int(),
  participants: z
    .array(Participant)
    .nullable()
    .describe('null for groups in lists and previews: read the chat for them'),
  me: Membership.nullable().describe('null in the preview of an open group'),
}).meta({ id: 'Chat' })
export type Chat = z.infer<typeof Chat>

export const ContactStatus = z.enum(['pending', 'accepted', 'blocked'])

export const Contact = z
  .object({
    id: Uuid.describe('The id of the other user'),
    status: ContactStatus,
    requestedBy: UserId.describe('Who asked, or who blocked'),
    user: User,
    createdAt: Time,
    acceptedAt: Time.nullable(),
  })
  .meta({ id: 'Contact', description: 'How one stands with another user' })
export type Contact = z.infer<typeof Contact>

/** ReceiptMark is how far one participant has read and got. */
export const ReceiptMark = z
  .object({ userId: UserId, readSeq: Seq, deliveredSeq: Seq, at: Time })
  .meta({ id: 'ReceiptMark' })
export type ReceiptMark = z.infer<typeof ReceiptMark>

/** ChangeSet is all that changed in a chat after `from`, each row once, in its state at `to`. */
export const ChangeSet = z
  .object({
    chatId: ChatId,
    from: Seq,
    to: Seq.describe('Whoever applies this has everything up to here'),
    chat: ChatInfo.nullable().describe('null when the chat itself did not change'),
    me: Membership.nullable(),
    participants: z.array(Participant),
    messages: z.array(Message).describe('By `seq`, oldest first'),
  })
  .meta({ id: 'ChangeSet' })
export type ChangeSet = z.infer<typeof ChangeSet>

/** Text fields that people fill in. */
export const MessageContent = text(LIMITS.messageCharacters, 'Message exceeds maximum length')
export const ChatName = spokenText(LIMITS.nameCharacters, 'Name must not be empty')
export const DisplayName = spokenText(LIMITS.nameCharacters, 'Display name must not be empty')
export const AvatarUrl = z
  .url({ protocol: /^https$/, error: 'Must be an https URL' })
  .max(LIMITS.avatarUrlCharacters)
  .refine(isStorable, { error: 'Must not contain U+0000 or a lone surrogate' })
export const Subject = spokenText(LIMITS.subjectCharacters, 'Subject must not be empty')
export const Team = z
  .string()
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'Must be lower-case letters, digits and single hyphens')
  .max(LIMITS.teamCharacters, `Must be at most ${LIMITS.teamCharacters} characters`)
export const Slug = z
  .string()
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'Must be lower-case letters, digits and single hyphens')
  .max(LIMITS.slugCharacters)

function metadataFault(value: unknown): string | undefined {
  const waiting: { node: unknown; depth: number }[] = [{ node: value, depth: 1 }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { node, depth } = next
    if (typeof node === 'string' && !isStorable(node)) return 'Must not contain U+0000 or a lone surrogate'
    if (typeof node !== 'object' || node === null) continue
    if (depth > LIMITS.metadataDepth) return `Must nest at most ${LIMITS.metadataDepth} deep`
    for (const [key, child] of Object.entries(node)) {
      if (!isStorable(key)) return 'Keys must not contain U+0000 or a lone surrogate'
      waiting.push({ node: child, depth: depth + 1 })
    }
  }
  return utf8Bytes(JSON.stringify(value)) > LIMITS.metadataBytes
    ? `Must be at most ${LIMITS.metadataBytes} bytes of JSON`
    : undefined
}
