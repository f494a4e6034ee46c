import { attachments } from '../../src/db/attachment-schema.ts'
import type { Message } from '../../src/protocol/model.ts'
import type { TestApp, TestUser } from './app.ts'

/** insertFiles makes the rows of a file of the message and of one that no message has: rights depend on no more. */
export async function insertFiles(
  it: TestApp,
  { id: uploaderId }: TestUser,
  { id: messageId, chatId }: Message,
) {
  const [attachmentId, uploadId] = [it.deps.ids.uuid(), it.deps.ids.uuid()]
  const file = {
    chatId,
    uploaderId,
    kind: 'image',
    fileName: 'a.png',
    contentType: 'image/png',
    bytes: 68,
  } as const
  const keys = { storageKey: 'a', mediumKey: 'b', thumbnailKey: 'c', createdAt: new Date() }
  await it.db.orm.insert(attachments).values([
    { ...file, ...keys, id: attachmentId, messageId, place: 0, status: 'claimed' },
    { ...file, ...keys, id: uploadId, status: 'ready' },
  ])
  return { attachmentId, uploadId }
}
