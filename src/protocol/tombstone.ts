import type { Message } from './model.ts'

/** toTombstone is what a deletion leaves: the place of the message, and nothing that it said. */
export function toTombstone(message: Message, { seq, at }: { seq: number; at: string }): Message {
  return {
    ...message,
    changedSeq: seq,
    content: '',
    formatting: null,
    metadata: null,
    mentions: [],
    reactions: [],
    attachments: [],
    isDeleted: true,
    deletedAt: at,
  }
}
