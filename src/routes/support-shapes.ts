import type { z } from 'zod'
import type { listReceipts } from '../db/queries/messages.ts'
import type { Attachment, ChatInfo, Message } from '../protocol/model.ts'
import type { SupportAttachment, SupportMessage, SupportSession } from '../protocol/support.ts'

type Receipts = Awaited<ReturnType<typeof listReceipts>>

export function toSupportSession(chat: ChatInfo): z.infer<typeof SupportSession> {
  return {
    id: chat.id,
    subject: chat.subject,
    status: chat.status ?? 'closed',
    customer_id: chat.ownerId,
    agent_id: chat.assigneeId,
    created_at: chat.createdAt,
  }
}

/** `receipts` may be those of other messages, too. */
export function toSupportMessage(message: Message, receipts: Receipts): z.infer<typeof SupportMessage> {
  return {
    id: message.id,
    session_id: message.chatId,
    sender_id: message.senderId,
    content: message.content,
    message_type: message.contentType,
    created_at: message.createdAt,
    attachments: message.attachments.map((file) => toSupportAttachment(file, message.id)),
    read_receipts: receipts.flatMap(({ messageId, userId, readAt }) =>
      messageId === message.id && readAt !== null
        ? [{ message_id: messageId, user_id: userId, read_at: readAt }]
        : [],
    ),
  }
}

export function toSupportAttachment(
  file: Attachment,
  messageId: string | null,
): z.infer<typeof SupportAttachment> {
  return {
    id: file.id,
    message_id: messageId,
    file_name: file.fileName,
    file_url: file.url,
    file_size: file.bytes,
  }
}
