import type { Message } from '../../src/protocol/model.ts'
import type { MemoryChat, MemoryChats } from '../../src/rooms/memory.ts'
import type { Hold, Newest, PushStore, PushTarget } from '../../src/workers/ports.ts'
import type { Cluster } from './cluster.ts'
import type { Machine, World } from './world.ts'

/** Everybody has one phone. */
const PHONE = 'onesignal'

interface Mark {
  seq: number
  at: number
  holder: string | null
  heldUntil: number
}

/** PushTable is what `db/queries/push.ts` reads, over the chats of a simulation. */
export class PushTable {
  readonly #world: World
  readonly #chats: MemoryChats
  /** Negative controls: what was read meanwhile is pushed nevertheless; two jobs may tell one target at once. */
  readonly #isBlind: boolean
  readonly #isUnheld: boolean
  readonly #marks = new Map<string, Mark>()

  constructor(
    world: World,
    chats: MemoryChats,
    { isBlind, isUnheld }: { readonly isBlind: boolean; readonly isUnheld: boolean },
  ) {
    this.#world = world
    this.#chats = chats
    this.#isBlind = isBlind
    this.#isUnheld = isUnheld
  }

  /** Messages of others that the user has neither read nor muted, oldest first. */
  newsTo(userId: string, chatId: string): Message[] {
    const chat = this.#chats.chats.get(chatId)
    const { row } = chat?.participants.get(userId) ?? {}
    if (!chat || !row || row.leftSeq !== null || this.#isMuted(chat, userId)) return []
    const isNews = ({ seq, senderId, deletedAt, contentType }: Message) =>
      seq > row.readSeq && senderId !== userId && deletedAt === null && contentType !== 'system'
    return [...chat.messages.values()].filter(isNews).sort((a, b) => a.seq - b.seq)
  }

  of(cluster: Cluster, machine: Machine): PushStore {
    const trip = <T>(run: () => T): Promise<T> => cluster.trip(machine, run)
    return {
      listRecipients: ({ chatId, from, to }) =>
        trip(() => {
          const participants = [...(this.#chats.chats.get(chatId)?.participants.values() ?? [])]
          return participants.flatMap(({ row: { userId, deliveredSeq } }) => {
            const isMissing = this.newsTo(userId, chatId).some(({ seq }) => seq >= from && seq <= to)
            const devices = [{ id: userId, provider: PHONE } as const]
            return isMissing ? [{ userId, deliveredSeq, issuer: 'local', devices }] : []
          })
        }),
      holdNewest: (to, hold) => trip(() => this.#hold(to, hold)),
      markTold: (to, seq) =>
        trip(() => {
          const before = this.#marks.get(keyOf(to))?.seq ?? 0
          const { now } = this.#world
          this.#marks.set(keyOf(to), { seq: Math.max(before, seq), at: now, holder: null, heldUntil: now })
        }),
      removeDevice: async () => {},
    }
  }

  #hold(to: PushTarget, { jobId, pause, milliseconds }: Hold): Newest | undefined {
    const { now } = this.#world
    const chat = this.#chats.chats.get(to.chatId)
    const news = this.newsTo(to.userId, to.chatId)
    const anything = [...(chat?.messages.values() ?? [])].filter(({ senderId }) => senderId !== to.userId)
    const newest = (this.#isBlind ? anything : news).at(-1)
    if (!chat || !newest) return undefined
    const mark = this.#marks.get(keyOf(to)) ?? { seq: 0, at: 0, holder: null, heldUntil: now }
    const { seq: toldSeq, at, holder, heldUntil } = mark
    const isFree = this.#isUnheld || holder === jobId || heldUntil <= now
    const isHeld = toldSeq < newest.seq && at <= now - pause && isFree
    if (isHeld) this.#marks.set(keyOf(to), { ...mark, holder: jobId, heldUntil: now + milliseconds })
    return {
      messageId: newest.id,
      ...{ seq: newest.seq, content: newest.content, contentType: newest.contentType },
      ...{ sender: 'Somebody', kind: chat.state.chat.kind, chatName: chat.state.chat.name },
      ...{ issuer: 'local', subject: to.userId, unread: news.length },
      ...{ toldSeq, isHeld, wait: Math.max(at + pause - now, heldUntil - now) },
      addresses: [{ token: to.userId, keys: null }],
    }
  }

  #isMuted({ mutes }: MemoryChat, userId: string): boolean {
    const until = mutes.get(userId) ?? null
    return until !== null && Date.parse(until) > this.#world.now
  }
}

function keyOf({ userId, chatId, target }: PushTarget): string {
  return `${userId} ${chatId} ${target}`
}
