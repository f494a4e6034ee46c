import type { ChatChange } from '../../../client/account.ts'
import type { ChatState } from '../../../client/chat-state.ts'
import type { Message, Reaction } from '../../../protocol/model.ts'

type NameOf = (userId: string | null) => string

/** narrate says in lines what somebody hears of others when a chat goes from one state to the next. */
export function narrate({ before, after }: ChatChange, nameOf: NameOf): string[] {
  if (!before) return [`takes part in ${after.info.name ?? 'a direct chat'} now, at #${after.applied}`]
  return [
    ...hearMessages(before, after, nameOf),
    ...hearReaders(before, after, nameOf),
    ...after.typing.filter((id) => !before.typing.includes(id)).map((id) => `${nameOf(id)} is typing`),
  ]
}

function hearMessages(before: ChatState, after: ChatState, nameOf: NameOf): string[] {
  return [...after.messages]
    .filter(({ changedSeq }) => changedSeq > before.applied)
    .sort((a, b) => a.changedSeq - b.changedSeq)
    .flatMap((message) => {
      const known = message.seq > before.applied ? undefined : before.messages.find(message.seq)
      return hearMessage(message, known, after.userId, nameOf)
    })
}

/** A message that changed while one was away is heard once, as it is now. */
function hearMessage(
  message: Message,
  before: Message | undefined,
  listenerId: string,
  nameOf: NameOf,
): string[] {
  const { seq, changedSeq, senderId, content, isDeleted, isEdited, reactions } = message
  const sender = nameOf(senderId)
  const lines: string[] = []
  if (senderId !== listenerId) {
    if (isDeleted) lines.push(`#${changedSeq} ${sender} deleted #${seq}`)
    else if (!before)
      lines.push(`#${seq} ${sender}: ${content}${isEdited ? ` (edited at #${changedSeq})` : ''}`)
    else if (before.content !== content) lines.push(`#${changedSeq} ${sender} edited #${seq}: ${content}`)
  }
  for (const { emoji, users } of reactions) {
    const known = usersOf(before?.reactions, emoji)
    for (const userId of users) {
      if (userId === listenerId || known.includes(userId)) continue
      lines.push(`#${changedSeq} ${nameOf(userId)} reacted to #${seq}: ${emoji}`)
    }
  }
  return lines
}

function usersOf(reactions: readonly Reaction[] = [], emoji: string): readonly string[] {
  return reactions.find((reaction) => reaction.emoji === emoji)?.users ?? []
}

function hearReaders(before: ChatState, after: ChatState, nameOf: NameOf): string[] {
  return [...after.participants.values()]
    .filter(({ userId, readSeq }) => {
      const known = before.participants.get(userId)
      return userId !== after.userId && known !== undefined && readSeq > known.readSeq
    })
    .map(({ userId, readSeq }) => `#${after.applied} ${nameOf(userId)} has read up to #${readSeq}`)
}
