import { v7 as uuidv7 } from 'uuid'
import type { ChatEvent } from '../../src/protocol/events.ts'
import type {
  ChatInfo,
  Message,
  Participant,
  Reaction,
  ReceiptMark,
  Role,
  User,
} from '../../src/protocol/model.ts'
import type { Turn } from '../../src/rooms/ports.ts'

const BEGIN = Date.parse('2026-01-01T00:00:00.000Z')

export function createUser(username = `user-${uuidv7().slice(-12)}`): User {
  const id = uuidv7()
  return {
    id,
    username,
    displayName: username,
    avatarUrl: null,
    type: 'member',
    status: 'offline',
    lastSeen: null,
  }
}

/** The data of an event before its place in the chat is known. */
type Unplaced = {
  [T in ChatEvent['type']]: Pick<Extract<ChatEvent, { type: T }>, 'type' | 'data'>
}[ChatEvent['type']]

/**
 * Script writes the turns of one chat, each following the last, a second apart. It decides nothing: a test says what
 * happens, allowed or not.
 */
export class Script {
  readonly chat: ChatInfo
  readonly users: readonly User[]
  seq = 0

  constructor(users: readonly User[], chat: Partial<ChatInfo> = {}) {
    this.users = users
    const kind = chat.kind ?? 'group'
    this.chat = {
      ...{ id: uuidv7(), kind, name: kind === 'group' ? 'Crew' : null, slug: null, avatarUrl: null },
      ...{ ownerId: kind === 'group' ? (users[0]?.id ?? null) : null, subject: null, status: null },
      ...{
        assigneeId: null,
        parentId: null,
        session: null,
        history: 'all',
        isOpen: false,
        createdAt: timeOf(1),
      },
      ...chat,
    }
  }

  turn(...changes: readonly Unplaced[]): Turn {
    const prevSeq = this.seq
    const events = changes.map((change) => {
      this.seq += 1
      return { ...change, chatId: this.chat.id, seq: this.seq, at: timeOf(this.seq) } as ChatEvent
    })
    return { chatId: this.chat.id, prevSeq, events, mutes: [] }
  }

  created(): Turn {
    const participants = this.users.map((user, index) =>
      toParticipant(user, { role: this.chat.kind === 'group' && index === 0 ? 'owner' : 'member', seq: 1 }),
    )
    return this.turn({ type: 'chat:created', data: { chat: this.chat, participants } })
  }

  message(sender: User, fields: Partial<Message> = {}, offset = 1): Message {
    const seq = this.seq + offset
    return {
      ...{
        id: uuidv7(),
        chatId: this.chat.id,
        seq,
        changedSeq: seq,
        senderId: sender.id,
        contentType: 'text',
      },
      ...{ content: `Message ${seq}`, formatting: null, metadata: null, replyToId: null, mentions: [] },
      ...{
        reactions: [],
        attachments: [],
        isEdited: false,
        editedAt: null,
        isDeleted: false,
        deletedAt: null,
      },
      createdAt: timeOf(seq),
      ...fields,
    }
  }

  sent(sender: User, ...messages: readonly Message[]): Turn {
    const all = messages.length > 0 ? messages : [this.message(sender)]
    return this.turn(...all.map((message) => ({ type: 'message:new' as const, data: { message, sender } })))
  }

  edited(message: Message, content: string): Turn {
    const seq = this.seq + 1
    const edited = { ...message, content, changedSeq: seq, isEdited: true, editedAt: timeOf(seq) }
    return this.turn({ type: 'message:edited', data: { message: edited } })
  }

  deleted({ id, seq, senderId }: Message): Turn {
    return this.turn({ type: 'message:deleted', data: { messageId: id, messageSeq: seq, senderId } })
  }

  reacted(type: 'reaction:added' | 'reaction:removed', on: Message, user: User, emoji: string): Turn {
    const reactions: Reaction[] = []
    return this.turn({ type, data: { messageId: on.id, emoji, userId: user.id, reactions } })
  }

  receipts(...marks: readonly Omit<ReceiptMark, 'at'>[]): Turn {
    const at = timeOf(this.seq + 1)
    return this.turn({ type: 'receipts', data: { marks: marks.map((mark) => ({ ...mark, at })) } })
  }

  read(user: User, seq: number): Turn {
    return this.receipts({ userId: user.id, readSeq: seq, deliveredSeq: seq })
  }

  updated(fields: Partial<ChatInfo>, participants: Participant[] = []): Turn {
    Object.assign(this.chat, fields)
    return this.turn({ type: 'chat:updated', data: { chat: { ...this.chat }, participants } })
  }

  chatDeleted(): Turn {
    return this.turn({ type: 'chat:deleted', data: {} })
  }

  joined(...users: readonly User[]): Turn {
    return this.turn(
      ...users.map((user, index) => ({
        type: 'participant:joined' as const,
        data: { participant: toParticipant(user, { role: 'member', seq: this.seq + 1 + index }) },
      })),
    )
  }

  left(user: User, by = user): Turn {
    return this.turn({ type: 'participant:left', data: { userId: user.id, by: by.id } })
  }

  muted(participant: Participant, until: string | null): Turn {
    const turn = this.turn({ type: 'participant:updated', data: { participant } })
    return { ...turn, mutes: [{ userId: participant.userId, until }] }
  }
}

export function toParticipant(user: User, { role, seq }: { role: Role; seq: number }): Participant {
  return { userId: user.id, role, joinedSeq: seq, leftSeq: null, readSeq: seq, deliveredSeq: seq, user }
}

/** The time of a change: a second after the one before it. */
export function timeOf(seq: number): string {
  return new Date(BEGIN + seq * 1_000).toISOString()
}
