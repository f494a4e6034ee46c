import type { ChatEvent } from '../protocol/events.ts'
import type { Message, UserSummary } from '../protocol/model.ts'

/**
 * toEvent gives the event that an ack with a message stands for: its connection hears the ack in its place.
 * undefined when nothing was changed because it was so already: the seq is then of an earlier change.
 */
export function toEvent(
  { message, seq }: { readonly message: Message; readonly seq: number },
  sender: UserSummary,
): ChatEvent | undefined {
  const { chatId, changedSeq, createdAt, editedAt } = message
  if (message.seq === seq) {
    return { type: 'message:new', chatId, seq, at: createdAt, data: { message, sender } }
  }
  if (changedSeq !== seq) return undefined
  return { type: 'message:edited', chatId, seq, at: editedAt ?? createdAt, data: { message } }
}
