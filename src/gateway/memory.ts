import { LIMITS } from '../protocol/limits.ts'
import type { ChangeSet, Membership, Message, PresenceStatus } from '../protocol/model.ts'
import type { MemoryChat, MemoryChats } from '../rooms/memory.ts'
import type { ChangesRead, ChangesReader, ChangesWanted, PresenceStore } from './ports.ts'

/** createMemoryPresence knows the users of this process. */
export function createMemoryPresence(): PresenceStore {
  const statuses = new Map<string, PresenceStatus>()
  return {
    async set(userId, status) {
      if (status === 'offline') statuses.delete(userId)
      else statuses.set(userId, status)
      return status
    },
    async list(userIds) {
      const found = new Map<string, PresenceStatus>()
      for (const userId of userIds) {
        const status = statuses.get(userId)
        if (status) found.set(userId, status)
      }
      return found
    },
  }
}

/** createMemoryChangesReader reads the chats of a memory room store. */
export function createMemoryChangesReader({ chats }: MemoryChats, logId: string): ChangesReader {
  return {
    logId: async () => logId,
    async listHeads(userIds) {
      return [...chats.values()].flatMap(({ state }) =>
        userIds
          .filter((userId) => !state.isDeleted && state.participants.has(userId))
          .map((userId) => ({ userId, chatId: state.chat.id, seq: state.seq })),
      )
    },
    async readChanges(userId, wanted) {
      return wanted.map((it) => readChanges(chats.get(it.chatId), userId, it))
    },
    async locate(userId, messageId) {
      for (const chat of chats.values()) {
        const message = chat.messages.get(messageId)
        const isMine = chat.state.participants.has(userId) && !chat.state.isDeleted
        if (message && isMine) return { chatId: message.chatId, seq: message.seq }
      }
      return undefined
    },
  }
}

function readChanges(
  chat: MemoryChat | undefined,
  userId: string,
  { chatId, since }: ChangesWanted,
): ChangesRead {
  const own = chat?.participants.get(userId)
  if (!chat || !own || chat.state.isDeleted) return { status: 'gone', chatId }
  const { seq } = chat.state
  const nothing = { chatId, from: since, chat: null, me: null, participants: [], messages: [] }
  if (own.row.leftSeq !== null) {
    return { status: 'left', changes: { ...nothing, to: own.row.leftSeq, participants: [own.row] } }
  }
  const messages = [...chat.messages.values()]
    .filter(
      ({ changedSeq, ...message }) => changedSeq > since && isVisible(chat, message.seq, own.row.joinedSeq),
    )
    .sort((a, b) => a.seq - b.seq)
  const participants = [...chat.participants.values()].filter(({ changedSeq }) => changedSeq > since)
  if (since > seq || messages.length + participants.length > LIMITS.changesMost) {
    return { status: 'reset', chatId, head: seq }
  }
  const changes: ChangeSet = {
    ...nothing,
    to: seq,
    chat: chat.changedSeq > since ? chat.state.chat : null,
    me: membership(chat, userId),
    participants: participants.map(({ row }) => row),
    messages,
  }
  return { status: 'changes', changes }
}

function membership(chat: MemoryChat, userId: string): Membership | null {
  const me = chat.state.participants.get(userId)
  if (!me) return null
  const isUnread = (message: Message) =>
    message.seq > me.readSeq &&
    !message.isDeleted &&
    message.senderId !== userId &&
    isVisible(chat, message.seq, me.joinedSeq)
  return {
    role: me.role,
    readSeq: me.readSeq,
    unread: [...chat.messages.values()].filter(isUnread).length,
    mutedUntil: chat.mutes.get(userId) ?? null,
  }
}

function isVisible(chat: MemoryChat, seq: number, joinedSeq: number): boolean {
  return chat.state.chat.history === 'all' || seq >= joinedSeq
}
