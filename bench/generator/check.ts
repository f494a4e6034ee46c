import { check } from '../../src/conformance/checker.ts'
import type { ClientHistory, SendRecord, StoredChat } from '../../src/conformance/history.ts'
import type { History } from './history.ts'
import type { Plan } from './load.ts'
import { toMessageId } from './parley-client.ts'
import type { Stored } from './verdict.ts'

/** The checker wants an object per delivery: of more than this, only some listeners are checked. */
const MOST_SEEN = 1_000_000

/** findViolations hands a run's history to the checker that the tests use, and answers what it finds, in words. */
export function findViolations(history: History, stored: Stored, plan: Plan): string[] {
  return check({
    sends: toSends(history, plan),
    clients: toClients(history, plan),
    stored: toStoredChats(stored, plan),
    fresh: new Map(),
    unexpected: [],
  }).map(({ rule, message }) => `${rule} ${message}`)
}

function toSends(history: History, { users }: Plan): SendRecord[] {
  return Array.from({ length: history.sender.length }, (_, index) => {
    const seq = history.order.get(index)
    const failed = history.hasFailed.get(index) === 1
    return {
      chatId: users[history.sender.get(index)]?.chatId ?? '',
      messageId: toMessageId(index),
      content: String(index),
      invokedAt: history.intendedAt.get(index),
      settledAt: history.settledAt.get(index) || undefined,
      outcome: seq > 0 ? 'ok' : failed ? 'failed' : 'unknown',
      seq: seq || undefined,
    }
  })
}

function toClients(history: History, { users }: Plan): ClientHistory[] {
  const step = Math.ceil(history.heard.length / MOST_SEEN)
  const clients = users.map(({ chatId }, number) => ({
    ...{ clientId: String(number), userId: String(number), chatId },
    seen: [] as ClientHistory['seen'][number][],
    state: new Map(),
  }))
  for (let row = 0; row < history.heard.length; row++) {
    const listener = history.listener.get(row)
    const client = clients[listener]
    if (listener % step !== 0 || !client) continue
    const key = toMessageId(history.heard.get(row))
    client.seen.push({ chatId: client.chatId, seq: history.heardOrder.get(row), key })
  }
  return clients
}

/** Nobody joins or leaves, reads or edits during a run: after its creation, each change of a chat is a message. */
function toStoredChats(stored: Stored, { users, chatSize }: Plan): StoredChat[] {
  const chats: (StoredChat & { messages: StoredChat['messages'][number][] })[] = []
  for (let first = 0; first < users.length; first += chatSize) {
    const members = Array.from({ length: chatSize }, (_, place) => String(first + place))
    chats.push({
      chatId: users[first]?.chatId ?? '',
      head: stored.heads[first / chatSize] ?? 0,
      messages: [],
      stays: new Map(members.map((member) => [member, [[1, null]]])),
    })
  }
  stored.index.forEach((index, row) => {
    const seq = stored.order[row] ?? 0
    const message = { id: toMessageId(index), seq, content: String(index), isDeleted: false }
    chats[stored.chat[row] ?? 0]?.messages.push(message)
  })
  return chats.map((chat) => ({ ...chat, numbers: [1, ...chat.messages.map(({ seq }) => seq)] }))
}
