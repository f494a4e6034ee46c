import { z } from 'zod'
import { ChatId, MessageId, Time, Uuid } from './ids.ts'
import { LIMITS } from './limits.ts'
import { Attachment } from './model.ts'
import { text } from './text.ts'

/** What goes with files, as fields of the form or in the query, where it is known before the files arrive. */
export const UploadQuery = z
  .strictObject({
    chatId: ChatId.optional().describe('The chat of the message that will have the files'),
    messageId: MessageId.optional().describe('The id that the message will have, where that is known'),
    purpose: z
      .enum(['message', 'avatar'], 'Must be message or avatar')
      .default('message')
      .describe('avatar: one picture of a user or a group, of no chat'),
  })
  .meta({ id: 'UploadQuery' })

/** A form with files, as the reference shows it: it is read as it arrives, and not by this. */
export const UploadForm = UploadQuery.extend({
  images: z
    .array(z.string().meta({ format: 'binary' }))
    .max(LIMITS.attachmentsPerMessage)
    .describe('The files, last; `files` is the same'),
}).meta({ id: 'UploadForm' })

export const Uploaded = z
  .object({ attachments: z.array(Attachment).describe('In the order of the files') })
  .meta({ id: 'Uploaded', description: 'Files that a message may claim by their ids within 24 hours' })

/** Signed URLs, which need no login, to show files by. */
export const AttachmentLinks = z
  .object({
    original: z.string(),
    medium: z.string().nullable(),
    thumbnail: z.string().nullable(),
    expiresAt: Time,
  })
  .meta({ id: 'AttachmentLinks' })

export const AttachmentWithLinks = z.object({ attachment: Attachment, links: AttachmentLinks })

export const BeginUploadBody = z
  .strictObject({
    chatId: ChatId,
    fileName: text(1_000),
    contentType: z
      .string()
      .max(255)
      .regex(/^[\w.+-]+\/[\w.+-]+$/, 'Must be a type such as image/jpeg'),
    bytes: z
      .int()
      .min(1, 'The file is empty')
      .max(LIMITS.attachmentBytes, `A file has at most ${LIMITS.attachmentBytes} bytes`),
  })
  .meta({ id: 'BeginUpload' })

export const BegunUpload = z
  .object({
    id: Uuid,
    form: z
      .object({ url: z.string(), fields: z.record(z.string(), z.string()) })
      .describe('POST these fields as multipart/form-data, then the field `file`'),
    expiresAt: Time,
  })
  .meta({ id: 'BegunUpload', description: 'Send the file there, then complete the upload' })

export const CompleteUploadBody = z
  .strictObject({ messageId: UploadQuery.shape.messageId })
  .meta({ id: 'CompleteUpload' })

export const AttachmentEnvelope = z.object({ attachment: Attachment })
