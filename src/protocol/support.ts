import { z } from 'zod'
import { UploadForm, UploadQuery } from './attachments.ts'
import { ChatId, MessageId, Time, UserId, Uuid } from './ids.ts'
import { LIMITS } from './limits.ts'
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

export const SupportAttachment = z
  .object({
    id: Uuid,
    message_id: MessageId.nullable().describe('null until a message has it'),
    file_name: z.string(),
    file_url: z.string().describe('Checks access, then redirects to the file'),
    file_size: z.int().describe('Bytes'),
  })
  .meta({ id: 'SupportAttachment' })

/** As of an upload, with the session as `session_id`, or `sessionId`. */
export const SupportUploadQuery = UploadQuery.pick({ messageId: true }).extend({
  session_id: ChatId.optional().describe('The session of the message that will have the files'),
})
export const SupportUploadForm = SupportUploadQuery.extend(UploadForm.pick({ images: true }).shape).meta({
  id: 'SupportUploadForm',
})

export const SupportUploaded = z
  .object({ attachments: z.array(SupportAttachment) })
  .meta({ id: 'SupportUploaded', description: 'Files that a message may claim within 24 hours' })

export const SupportReceipt = z
  .object({ message_id: MessageId, user_id: UserId, read_at: Time })
  .meta({ id: 'SupportReceipt' })

export const SupportMessage = z
  .object({
    id: MessageId,
    session_id: ChatId,
    sender_id: UserId.nullable(),
    content: z.string(),
    message_type: ContentType,
    created_at: Time,
    attachments: z.array(SupportAttachment),
    read_receipts: z.array(SupportReceipt).describe('Of readers other than the sender'),
  })
  .meta({ id: 'SupportMessage' })

export const SendSupportMessage = z
  .strictObject({
    content: MessageContent.default(''),
    message_type: z.enum(['text', 'image', 'file'], 'Must be text, image or file').default('text'),
    attachment_ids: z.array(Uuid).max(LIMITS.attachmentsPerMessage).default([]),
  })
  .refine(({ content, attachment_ids: files }) => content.trim() !== '' || files.length > 0, {
    path: ['content'],
    error: 'Message must not be empty',
  })
  .meta({ id: 'SendSupportMessage' })

export const OpenSupportSession = z
  .strictObject({
    subject: Subject.nullish(),
    customer_id: UserId.optional().describe('Whom it is for; oneself when left out'),
  })
  .meta({ id: 'OpenSupportSession' })

export const ReadSupportMessages = z
  .strictObject({
    message_id: MessageId.optional().describe('The last one that was read; all when left out'),
  })
  .meta({ id: 'ReadSupportMessages' })
