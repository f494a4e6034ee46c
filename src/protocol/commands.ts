import { z } from 'zod'
import { bounded } from './bounded.ts'
import { ChatId, MessageId, Seq, Time, UserId, Uuid } from './ids.ts'
import { LIMITS } from './limits.ts'
import {
  AvatarUrl,
  ChatInfo,
  ChatName,
  ContentType,
  Emoji,
  Formatting,
  History,
  Membership,
  Message,
  MessageContent,
  Metadata,
  Participant,
  Slug,
} from './model.ts'
import { SESSION_COMMANDS } from './sessions.ts'

/** What a person may send; `system` messages are the service's own. */
const SentContentType = ContentType.exclude(['system'])

/** More keys cannot fit: the shortest takes four bytes. */
const SentMetadata = bounded(
  Metadata,
  LIMITS.metadataBytes / 4,
  `Must be at most ${LIMITS.metadataBytes} bytes of JSON`,
)

export const SendBody = z
  .strictObject({
    id: MessageId.optional().describe(
      'Chosen by the client: a retry with the same id makes no second message',
    ),
    content: MessageContent.default(''),
    contentType: SentContentType.default('text'),
    formatting: Formatting.nullish(),
    attachmentIds: z.array(Uuid).max(LIMITS.attachmentsPerMessage).optional(),
    replyToId: MessageId.nullish(),
    mentions: z.array(UserId).max(LIMITS.mentionsPerMessage).optional(),
    metadata: SentMetadata.nullish(),
  })
  .superRefine((body, context) => {
    if (body.content.trim() === '' && !body.attachmentIds?.length) {
      context.addIssue({
        code: 'custom',
        path: ['content'],
        message: 'Message must not be empty unless it has an attachment',
      })
    }
    checkRanges(body, context)
  })
  .meta({ id: 'SendMessage' })

export const EditBody = z
  .strictObject({ content: MessageContent, formatting: Formatting.nullish() })
  .superRefine(checkRanges)
  .meta({ id: 'EditMessage' })

export const ReactionBody = z.strictObject({ emoji: Emoji }).meta({ id: 'React' })

export const WatermarkBody = z
  .union([z.strictObject({ seq: Seq }), z.strictObject({ messageId: MessageId })], {
    error: 'Give either seq or messageId',
  })
  .meta({ id: 'Watermark', description: 'Up to where, by seq or by the message there' })

export const CreateGroupBody = z
  .strictObject({
    name: ChatName,
    participantIds: z
      .array(UserId)
      .max(LIMITS.groupParticipants - 1, `A group has at most ${LIMITS.groupParticipants} participants`)
      .default([]),
    slug: Slug.optional(),
    avatarUrl: AvatarUrl.optional(),
    history: History.default('all'),
    isOpen: z.boolean().default(false).describe('Whoever knows the slug may join'),
  })
  .meta({ id: 'CreateGroup' })

export const UpdateChatBody = z
  .strictObject({
    name: ChatName.optional(),
    slug: Slug.nullable().optional(),
    avatarUrl: AvatarUrl.nullable().optional(),
    history: History.optional(),
    isOpen: z.boolean().optional(),
  })
  .refine((body) => Object.keys(body).length > 0, { error: 'Give at least one field to change' })
  .meta({ id: 'UpdateChat' })

export const AddParticipantsBody = z
  .strictObject({ userIds: z.array(UserId).min(1, 'Name at least one user').max(LIMITS.addedAtOnce) })
  .meta({ id: 'AddParticipants' })

export const RoleBody = z
  .strictObject({ role: z.enum(['admin', 'member'], 'Must be admin or member; ownership is transferred') })
  .meta({ id: 'ChangeRole' })

export const MuteBody = z
  .strictObject({ until: Time.nullable().describe('null ends the mute') })
  .meta({ id: 'MuteChat' })

const commands = {
  'message:send': z.object({ chatId: ChatId, ...SendBody.shape }),
  'message:edit': z.object({ chatId: ChatId, messageId: MessageId, ...EditBody.shape }),
  'message:delete': z.object({ chatId: ChatId, messageId: MessageId }),
  'message:read': z.object({ chatId: ChatId, seq: Seq.optional(), messageId: MessageId.optional() }),
  'message:delivered': z.object({ chatId: ChatId, seq: Seq.optional(), messageId: MessageId.optional() }),
  'reaction:add': z.object({ chatId: ChatId, messageId: MessageId, ...ReactionBody.shape }),
  'reaction:remove': z.object({ chatId: ChatId, messageId: MessageId, ...ReactionBody.shape }),
  'chat:create': z.object({
    chatId: ChatId,
    kind: z.enum(['direct', 'group']),
    ...CreateGroupBody.shape,
    name: ChatName.nullable(),
  }),
  'chat:update': z.object({ chatId: ChatId, ...UpdateChatBody.shape }),
  'chat:delete': z.object({ chatId: ChatId }),
  'chat:mute': z.object({ chatId: ChatId, ...MuteBody.shape }),
  'chat:join': z.object({ chatId: ChatId }),
  'chat:leave': z.object({ chatId: ChatId }),
  'chat:transfer': z.object({ chatId: ChatId, userId: UserId }),
  'participant:add': z.object({ chatId: ChatId, ...AddParticipantsBody.shape }),
  'participant:remove': z.object({ chatId: ChatId, userId: UserId }),
  'participant:role': z.object({ chatId: ChatId, userId: UserId, ...RoleBody.shape }),
  ...SESSION_COMMANDS,
} as const

export type CommandType = keyof typeof commands
export const COMMAND_TYPES = Object.keys(commands) as CommandType[]

/** Command is a wish to change a chat durably, parsed: what REST and the socket both turn into. */
export type CommandOf<T extends CommandType> = { [K in T]: { type: K } & z.infer<(typeof commands)[K]> }[T]
export type Command = CommandOf<CommandType>

const MessageAck = z.object({ message: Message, seq: Seq })
const SeqAck = z.object({
  seq: Seq.describe('Of the change that did it; of the chat when there was nothing to do'),
})
const ChatAck = z.object({ chat: ChatInfo, seq: Seq })
const ParticipantsAck = z.object({ participants: z.array(Participant), seq: Seq })

/** What each command answers when it is done. Every answer names a seq that a client may wait for. */
export const ACKS = {
  'message:send': MessageAck.extend({
    replayed: z.boolean().describe('The message was there already: this is the first answer again'),
  }),
  'message:edit': MessageAck,
  'message:delete': z.object({ messageId: MessageId, seq: Seq }),
  'message:read': SeqAck,
  'message:delivered': SeqAck,
  'reaction:add': SeqAck,
  'reaction:remove': SeqAck,
  'chat:create': ChatAck.extend({ replayed: z.boolean() }),
  'chat:update': ChatAck,
  'chat:delete': SeqAck,
  'chat:mute': SeqAck.extend({ me: Membership.pick({ mutedUntil: true }) }),
  'chat:join': ParticipantsAck,
  'chat:leave': SeqAck,
  'chat:transfer': ChatAck,
  'participant:add': ParticipantsAck,
  'participant:remove': SeqAck,
  'participant:role': ParticipantsAck,
  'session:create': ChatAck.extend({ replayed: z.boolean() }),
  'session:accept': ChatAck,
  'session:transfer': ChatAck,
  'session:release': ChatAck,
  'session:close': ChatAck,
  'session:reopen': ChatAck,
  'session:observe': ParticipantsAck,
  'notes:open': ChatAck,
  'notes:follow': SeqAck,
} as const satisfies Record<CommandType, z.ZodType>

export type AckOf<T extends CommandType> = { [K in T]: z.infer<(typeof ACKS)[K]> }[T]

type Formatted = { content: string; formatting?: Formatting | null | undefined }

function checkRanges({ content, formatting }: Formatted, context: z.RefinementCtx<Formatted>): void {
  for (const [style, ranges] of Object.entries(formatting ?? {})) {
    if (ranges?.some(([, end]) => end > content.length)) {
      context.addIssue({
        code: 'custom',
        path: ['formatting', style],
        message: `Ranges must end within the content (${content.length})`,
      })
    }
  }
}
