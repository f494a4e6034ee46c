import { z } from 'zod'
import { ChatId, MessageId, Time, UserId } from './ids.ts'
import { ContentType, MessageContent, SessionStatus, Subject } from './model.ts'

/** Sessions and messages in the field names of an older support API. */
export const SupportSession = z
  .object({
    id: ChatId,
    subject: z.string().nullable(),
    status: SessionStatus,
    customer_id: UserId.nullable(),
    agent_id: UserId.nullable(),
    created_at: Time,
  })
  .meta({ id: 'SupportSession' })

export const SupportMessage = z
  .object({
    id: MessageId,
    session_id: ChatId,
    sender_id: UserId.nullable(),
    content: z.string(),
    message_type: ContentType,
    created_at: Time,
  })
  .meta({ id: 'SupportMessage' })

export const SendSupportMessage = z
  .strictObject({
    content: MessageContent.refine((value) => value.trim() !== '', { error: 'Message must not be empty' }),
    message_type: z.enum(['text', 'image', 'file'], 'Must be text, image or file').default('text'),
  })
  .meta({ id: 'SendSupportMessage' })

export const OpenSupportSession = z
  .strictObject({ subject: Subject.nullish() })
  .meta({ id: 'OpenSupportSession' })
