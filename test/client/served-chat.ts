import type { MessagePage } from '../../src/client/ports.ts'
import { createMemoryChangesReader } from '../../src/gateway/memory.ts'
import type { CommandOf, CommandType } from '../../src/protocol/commands.ts'
import type { ChatEvent } from '../../src/protocol/events.ts'
import type { Chat, Message, User } from '../../src/protocol/model.ts'
import type { Changes } from '../../src/protocol/rest.ts'
import { createMemoryChats, createMemoryRoomStore } from '../../src/rooms/memory.ts'
import type { Envelope } from '../../src/rooms/ports.ts'
import { needsOf, planTurn } from '../../src/rooms/turn.ts'
import { aUser, GROUP, uuid } from '../support/builders.ts'

/** The command without what every command of these tests has. */
type Wish = { [T in CommandType]: { type: T } & Omit<CommandOf<T>, 'type' | 'chatId'> }[CommandType]

export function userOf(number: number): User {
  return aUser(number, `user${number}`)
}

/** ServedChat is one group with the real rules and a store in memory: what clients see of a server. */
export class ServedChat {
  readonly events: ChatEvent[] = []
  readonly #tables = createMemoryChats()
  readonly #store = createMemoryRoomStore(this.#tables)
  readonly #reader = createMemoryChangesReader(this.#tables, 'log-1')
  #ids = 1_000

  /** A group of users 1 to `size`, owned by user 1. */
  static async create(size: number, users = size): Promise<ServedChat> {
    const chat = new ServedChat()
    for (let number = 1; number <= users; number += 1) {
      chat.#tables.users.set(uuid(number), userOf(number))
    }
    const others = Array.from({ length: size - 1 }, (_, index) => uuid(index + 2))
    await chat.command(1, {
      ...{ type: 'chat:create', kind: 'group', name: 'Group', participantIds: others },
      ...{ history: 'all', isOpen: true },
    })
    return chat
  }

  get head(): number {
    return this.events.length
  }

  get messages(): Message[] {
    return [...(this.#tables.chats.get(GROUP)?.messages.values() ?? [])]
  }

  /** Has a user do something; gives the events that came of it, none when it was refused or nothing to do. */
  async command(user: number, wish: Wish): Promise<ChatEvent[]> {
    const envelope: Envelope = {
      principal: { user: userOf(user), sessionId: 'session' },
      command: { ...wish, chatId: GROUP } as Envelope['command'],
      origin: null,
    }
    const plan = planTurn({
      chatId: GROUP,
      state: await this.#store.load(GROUP),
      envelopes: [envelope],
      known: await this.#store.read(needsOf([envelope], true)),
      at: new Date(Date.UTC(2026, 0, 1) + this.head * 1_000).toISOString(),
      freshId: () => uuid(++this.#ids),
    })
    if (plan.turn.events.length > 0) await this.#store.commit(plan.turn)
    this.events.push(...plan.turn.events)
    return [...plan.turn.events]
  }

  send(user: number, content: string): Promise<ChatEvent[]> {
    return this.command(user, { type: 'message:send', id: uuid(++this.#ids), content, contentType: 'text' })
  }

  /** What `GET /api/chats/:id/changes` answers; undefined for 404. */
  async changes(user: number, since: number): Promise<Changes | undefined> {
    const [read] = await this.#reader.readChanges(uuid(user), [{ chatId: GROUP, since }])
    if (read?.status !== 'changes' && read?.status !== 'left') return undefined
    const { me, participants, to } = read.changes
    // where nothing of one's own has changed, a server may leave `me` out
    const isMine = participants.some(({ userId }) => userId === uuid(user))
    return { ...read.changes, me: isMine ? me : null, head: to, more: false, reset: false }
  }

  /** What `GET /api/chats/:id` answers; undefined for 404. */
  async chat(user: number): Promise<Chat | undefined> {
    const all = await this.changes(user, 0)
    if (!all?.chat || !all.me) return undefined
    const lastMessage = all.messages.at(-1) ?? null
    const participants = all.participants.filter(({ leftSeq }) => leftSeq === null)
    return {
      ...all.chat,
      ...{ seq: all.to, lastMessage, lastMessageAt: lastMessage?.createdAt ?? null, me: all.me },
      ...{ participants, participantCount: participants.length },
    }
  }

  /** What `GET /api/chats/:id/messages?before=` answers; undefined for 404. */
  async older(user: number, before: number, limit = 3): Promise<MessagePage | undefined> {
    const all = await this.changes(user, 0)
    if (!all?.chat) return undefined
    const older = all.messages.filter(({ seq }) => seq < before)
    return { data: older.slice(-limit).reverse(), hasMore: older.length > limit }
  }
}
