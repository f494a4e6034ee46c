import type { CommandOf } from '../protocol/commands.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Attachment, Formatting, Message, Reaction } from '../protocol/model.ts'
import {
  type Decide,
  type Decision,
  isRefusal,
  type Permitted,
  permitted,
  refused,
  type Situation,
  senderOf,
} from './decision.ts'
import type { RoomState } from './ports.ts'

const NO_MESSAGE = refused('NOT_FOUND', 'No such message in this chat', 'messageId')
const CLOSED = refused(
  'CONFLICT',
  'This session is closed and takes no more messages: reopen it first',
  'chatId',
)
const BLOCKED = refused('FORBIDDEN', 'One of the two has blocked the other')

export const decideSend: Decide<'message:send'> = (situation, command) => {
  const { principal, known, at } = situation
  const earlier = command.id === undefined ? undefined : known.messages.get(command.id)
  if (earlier) return replay(situation, command, earlier)
  const right = permitted(situation, 'message:send')
  if (isRefusal(right)) return right
  const { state } = right
  if (state.isBlocked) return BLOCKED
  if (state.chat.status === 'closed') return CLOSED
  const fault = contentFault(command, situation, right)
  if (fault) return fault
  const attachments = claimed(command, situation)
  if (isRefusal(attachments)) return attachments
  const seq = state.seq + 1
  const id = command.id ?? situation.freshId()
  const message = toMessage(command, { id, seq, senderId: principal.user.id, at, attachments })
  const data = { message, sender: senderOf(situation) }
  return {
    kind: 'done',
    events: [{ type: 'message:new', chatId: command.chatId, seq, at, data }],
    ack: { message, seq, replayed: false },
  }
}

export const decideEdit: Decide<'message:edit'> = (situation, command) => {
  const right = permitted(situation, 'message:edit')
  if (isRefusal(right)) return right
  const { state, me } = right
  const before = liveMessage(situation, right, command.messageId)
  if (!before) return NO_MESSAGE
  if (state.isBlocked) return BLOCKED
  if (before.senderId !== me.userId) return refused('FORBIDDEN', 'Only the sender may edit a message')
  const formatting = command.formatting ?? null
  if (command.content.trim() === '' && before.attachments.length === 0) {
    return refused('VALIDATION_ERROR', 'Message must not be empty unless it has an attachment', 'content')
  }
  if (before.content === command.content && sameFormatting(before.formatting, formatting)) {
    return { kind: 'done', events: [], ack: { message: before, seq: before.changedSeq } }
  }
  const { at } = situation
  const seq = state.seq + 1
  const message = {
    ...before,
    content: command.content,
    formatting,
    changedSeq: seq,
    isEdited: true,
    editedAt: at,
  }
  return {
    kind: 'done',
    events: [{ type: 'message:edited', chatId: command.chatId, seq, at, data: { message } }],
    ack: { message, seq },
  }
}

export const decideDelete: Decide<'message:delete'> = (situation, command) => {
  const right = permitted(situation, 'message:delete')
  if (isRefusal(right)) return right
  const { state, me } = right
  const message = visibleMessage(situation, right, command.messageId)
  if (!message) return NO_MESSAGE
  if (message.isDeleted) {
    return { kind: 'done', events: [], ack: { messageId: message.id, seq: message.changedSeq } }
  }
  if (message.senderId !== me.userId) {
    const wider = permitted(situation, 'message:delete:any')
    if (isRefusal(wider))
      return refused('FORBIDDEN', "Only the sender or the group's staff may delete a message")
  }
  const seq = state.seq + 1
  const data = { messageId: message.id, messageSeq: message.seq, senderId: message.senderId }
  return {
    kind: 'done',
    events: [{ type: 'message:deleted', chatId: command.chatId, seq, at: situation.at, data }],
    ack: { messageId: message.id, seq },
  }
}

export const decideReact: Decide<'reaction:add'> = (situation, command) => {
  const right = permitted(situation, 'reaction:add')
  if (isRefusal(right)) return right
  const message = liveMessage(situation, right, command.messageId)
  if (!message) return NO_MESSAGE
  if (right.state.isBlocked) return BLOCKED
  const userId = right.me.userId
  const reaction = message.reactions.find(({ emoji }) => emoji === command.emoji)
  if (reaction?.users.includes(userId)) return unchanged(message)
  if (!reaction && message.reactions.length >= LIMITS.emojiPerMessage) {
    return refused('CONFLICT', `A message has at most ${LIMITS.emojiPerMessage} distinct emoji`, 'emoji')
  }
  const users = [...(reaction?.users ?? []), userId]
  const changed = { emoji: command.emoji, count: users.length, users }
  const reactions = reaction
    ? message.reactions.map((it) => (it === reaction ? changed : it))
    : [...message.reactions, changed]
  return reacted({ situation, state: right.state, command, reactions })
}

export const decideUnreact: Decide<'reaction:remove'> = (situation, command) => {
  const right = permitted(situation, 'reaction:remove')
  if (isRefusal(right)) return right
  const message = liveMessage(situation, right, command.messageId)
  if (!message) return NO_MESSAGE
  const userId = right.me.userId
  const reaction = message.reactions.find(({ emoji }) => emoji === command.emoji)
  if (!reaction?.users.includes(userId)) return unchanged(message)
  const users = reaction.users.filter((it) => it !== userId)
  const changed = { emoji: command.emoji, count: users.length, users }
  const reactions = message.reactions
    .map((it) => (it === reaction ? changed : it))
    .filter(({ count }) => count > 0)
  return reacted({ situation, state: right.state, command, reactions })
}

export const decideWatermark: Decide<'message:read' | 'message:delivered'> = (situation, command) => {
  const right = permitted(situation, command.type)
  if (isRefusal(right)) return right
  const { state, me } = right
  const seq =
    command.messageId === undefined ? command.seq : visibleMessage(situation, right, command.messageId)?.seq
  if (seq === undefined) return NO_MESSAGE
  if (seq > state.seq)
    return refused('VALIDATION_ERROR', `Must not be past the chat's last change (${state.seq})`, 'seq')
  const readSeq = command.type === 'message:read' ? Math.max(me.readSeq, seq) : me.readSeq
  return {
    kind: 'watermark',
    userId: me.userId,
    readSeq,
    deliveredSeq: Math.max(me.deliveredSeq, readSeq, seq),
  }
}

/**
 * The same id is the same send: a retry gets the answer, also of somebody who has left since, who then hears of no
 * later change of the message. Another's or another chat's id is a mistake.
 */
function replay(
  { state, principal }: Situation,
  command: CommandOf<'message:send'>,
  earlier: Message,
): Decision<'message:send'> {
  if (earlier.chatId !== command.chatId || earlier.senderId !== principal.user.id) {
    return refused('CONFLICT', 'This id names another message: choose a fresh UUIDv7', 'id')
  }
  const { id, seq, createdAt: at, attachments } = earlier
  const senderId = principal.user.id
  const isHere = state?.participants.has(senderId)
  const message = isHere ? earlier : toMessage(command, { id, seq, senderId, at, attachments })
  return { kind: 'done', events: [], isReplay: true, ack: { message, seq, replayed: true } }
}

interface Sent {
  readonly id: string
  readonly seq: number
  readonly senderId: string
  readonly at: string
  readonly attachments: Attachment[]
}

/** The message as it is when it is sent. */
function toMessage(
  command: CommandOf<'message:send'>,
  { id, seq, senderId, at, attachments }: Sent,
): Message {
  return {
    id,
    chatId: command.chatId,
    seq,
    changedSeq: seq,
    senderId,
    contentType: command.contentType,
    content: command.content,
    formatting: command.formatting ?? null,
    metadata: command.metadata ?? null,
    replyToId: command.replyToId ?? null,
    mentions: command.mentions ? [...new Set(command.mentions)] : [],
    reactions: [],
    attachments,
    isEdited: false,
    editedAt: null,
    isDeleted: false,
    deletedAt: null,
    createdAt: at,
  }
}

function contentFault(
  command: CommandOf<'message:send'>,
  situation: Situation,
  right: Permitted,
): Decision<never> | undefined {
  if (command.replyToId != null && !visibleMessage(situation, right, command.replyToId)) {
    return refused('NOT_FOUND', 'No such message in this chat to reply to', 'replyToId')
  }
  const stranger = command.mentions?.find((userId) => !right.state.participants.has(userId))
  if (stranger !== undefined)
    return refused('VALIDATION_ERROR', `${stranger} takes no part in this chat`, 'mentions')
  return undefined
}

/** What the message takes with it, each once: uploads of the sender's own in this chat that no message has. */
function claimed(
  { chatId, attachmentIds = [] }: CommandOf<'message:send'>,
  { principal, known }: Situation,
): Attachment[] | Decision<never> {
  const attachments: Attachment[] = []
  for (const id of new Set(attachmentIds)) {
    const upload = known.uploads.get(id)
    if (upload?.chatId !== chatId || upload.uploaderId !== principal.user.id) {
      return refused('NOT_FOUND', `${id} is no finished upload of yours in this chat`, 'attachmentIds')
    }
    attachments.push(upload.attachment)
  }
  return attachments
}

/** The named message if it is of this chat and the participant may see it. */
function visibleMessage(
  { known }: Situation,
  { state, me }: Permitted,
  messageId: string,
): Message | undefined {
  const message = known.messages.get(messageId)
  if (message?.chatId !== state.chat.id) return undefined
  return state.chat.history === 'since_join' && message.seq < me.joinedSeq ? undefined : message
}

function liveMessage(situation: Situation, right: Permitted, messageId: string): Message | undefined {
  const message = visibleMessage(situation, right, messageId)
  return message?.isDeleted ? undefined : message
}

function unchanged(message: Message): Decision<'reaction:add' | 'reaction:remove'> {
  return { kind: 'done', events: [], ack: { seq: message.changedSeq } }
}

interface Reacted {
  readonly situation: Situation
  readonly state: RoomState
  readonly command: CommandOf<'reaction:add' | 'reaction:remove'>
  readonly reactions: Reaction[]
}

function reacted({
  situation,
  state,
  command,
  reactions,
}: Reacted): Decision<'reaction:add' | 'reaction:remove'> {
  const { chatId, messageId, emoji } = command
  const seq = state.seq + 1
  const change = {
    chatId,
    seq,
    at: situation.at,
    data: { messageId, emoji, userId: situation.principal.user.id, reactions },
  }
  return {
    kind: 'done',
    events: [
      command.type === 'reaction:add'
        ? { type: 'reaction:added', ...change }
        : { type: 'reaction:removed', ...change },
    ],
    ack: { seq },
  }
}

function sameFormatting(a: Formatting | null, b: Formatting | null): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
