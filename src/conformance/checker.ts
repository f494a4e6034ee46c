import type { ChatView, ClientHistory, History, SeenRecord, SendRecord, StoredChat } from './history.ts'

/** Rule is what a history must keep; the numbers are those of `docs/protocol.md`, The checker. */
export type Rule = 'C1' | 'C2' | 'C3' | 'C4' | 'C5' | 'C6' | 'C7' | 'C8' | 'C9' | 'C10' | 'C11' | 'C12'

export interface Violation {
  readonly rule: Rule
  readonly message: string
}

/**
 * check finds what a history breaks of the promises; an empty answer means nothing lost, doubled or reordered.
 * Pure, and linear in the size of the history but for sorting.
 */
export function check(history: History): Violation[] {
  const chats = new Map(history.stored.map((chat) => [chat.chatId, chat]))
  return [
    ...acknowledgedOnce(history.sends, chats),
    ...withoutHoles(history.stored),
    ...oneContentPerNumber(history),
    ...inOrderOfAcks(history.sends),
    ...unknownAtMostOnce(history.sends, chats),
    ...history.clients.flatMap((client) => [...watermarksRise(client)]),
    ...history.clients.flatMap((client) => [...nothingAfterRemoval(client, chats)]),
    ...history.unexpected.map((message): Violation => ({ rule: 'C10', message })),
    ...history.clients.flatMap((client) => [...converged(client, history.fresh.get(client.userId))]),
    ...resumedFromNow(history),
  ]
}

function* acknowledgedOnce(
  sends: readonly SendRecord[],
  chats: ReadonlyMap<string, StoredChat>,
): Generator<Violation> {
  const index = new Map(
    [...chats].map(([chatId, chat]) => [chatId, new Map(chat.messages.map((it) => [it.id, it]))]),
  )
  for (const send of sends) {
    if (send.outcome !== 'ok') continue
    const stored = index.get(send.chatId)?.get(send.messageId)
    const name = `${send.messageId} (${send.content})`
    if (!stored) yield { rule: 'C1', message: `${name} was acknowledged and is not stored` }
    else if (stored.seq !== send.seq) {
      yield { rule: 'C1', message: `${name} was acknowledged at ${send.seq} and is stored at ${stored.seq}` }
    }
  }
}

function* withoutHoles(stored: readonly StoredChat[]): Generator<Violation> {
  for (const { chatId, head, messages, numbers } of stored) {
    const places = new Set<number>()
    for (const { id, seq } of messages) {
      if (places.has(seq)) yield { rule: 'C2', message: `${chatId}: two messages at ${seq}, one is ${id}` }
      places.add(seq)
      if (seq > head)
        yield { rule: 'C2', message: `${chatId}: ${id} stands at ${seq}, past the head ${head}` }
    }
    if (!numbers) continue
    const sorted = [...numbers].sort((a, b) => a - b)
    const hole = sorted.findIndex((seq, at) => seq !== at + 1)
    if (hole !== -1)
      yield {
        rule: 'C2',
        message: `${chatId}: ${hole + 1} is missing or doubled: ${sorted[hole]} stands there`,
      }
    if (sorted.length !== head)
      yield { rule: 'C2', message: `${chatId}: ${sorted.length} changes, but the head is ${head}` }
  }
}

function* oneContentPerNumber({ clients }: History): Generator<Violation> {
  const keys = new Map<string, string>()
  for (const { clientId, seen } of clients) {
    for (const { chatId, seq, key } of seen) {
      if (key === null) continue
      const place = `${chatId} ${seq}`
      const first = keys.get(place)
      if (first === undefined) keys.set(place, key)
      else if (first !== key)
        yield { rule: 'C3', message: `${place} was "${first}" and, for ${clientId}, "${key}"` }
    }
  }
}

/** In each chat: a send that began after another was acknowledged has the greater number. */
function* inOrderOfAcks(sends: readonly SendRecord[]): Generator<Violation> {
  const done = sends.filter((send) => send.outcome === 'ok')
  for (const group of Map.groupBy(done, ({ chatId }) => chatId).values()) {
    const acks = [...group].sort((a, b) => (a.settledAt ?? 0) - (b.settledAt ?? 0))
    const begun = [...group].sort((a, b) => a.invokedAt - b.invokedAt)
    let highest: SendRecord | undefined
    let next = 0
    for (const send of begun) {
      for (let ack = acks[next]; ack && (ack.settledAt ?? 0) < send.invokedAt; ack = acks[next]) {
        if ((ack.seq ?? 0) > (highest?.seq ?? 0)) highest = ack
        next += 1
      }
      if (highest && (highest.seq ?? 0) > (send.seq ?? 0)) {
        yield {
          rule: 'C5',
          message: `${send.content} began after ${highest.content} was acknowledged, but stands before it`,
        }
      }
    }
  }
}

function* unknownAtMostOnce(
  sends: readonly SendRecord[],
  chats: ReadonlyMap<string, StoredChat>,
): Generator<Violation> {
  const counts = new Map<string, number>()
  for (const { messages } of chats.values()) {
    for (const { id } of messages) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const contents = new Map<string, number>()
  for (const { messages } of chats.values()) {
    for (const { content, isDeleted } of messages) {
      if (!isDeleted) contents.set(content, (contents.get(content) ?? 0) + 1)
    }
  }
  for (const { messageId, content, outcome } of sends) {
    const times = Math.max(counts.get(messageId) ?? 0, contents.get(content) ?? 0)
    if (times > 1) yield { rule: 'C6', message: `${content} (${outcome}) is stored ${times} times` }
    if (times > 0 && outcome === 'failed') yield { rule: 'C6', message: `${content} failed and is stored` }
  }
}

function* watermarksRise({ clientId, seen }: ClientHistory): Generator<Violation> {
  const last = new Map<string, { seq: number; readSeq: number; deliveredSeq: number }>()
  for (const { chatId, seq, marks } of [...seen].sort((a, b) => a.seq - b.seq)) {
    for (const { userId, readSeq, deliveredSeq } of marks ?? []) {
      const place = `${chatId} ${userId}`
      const before = last.get(place)
      if (before && (readSeq < before.readSeq || deliveredSeq < before.deliveredSeq)) {
        yield {
          rule: 'C7',
          message: `${clientId}: a watermark of ${place} fell between ${before.seq} and ${seq}`,
        }
      }
      if (readSeq > seq || deliveredSeq > seq) {
        yield {
          rule: 'C7',
          message: `${clientId}: a watermark of ${place} is past the change ${seq} that carries it`,
        }
      }
      last.set(place, { seq, readSeq, deliveredSeq })
    }
  }
}

function* nothingAfterRemoval(
  { clientId, userId, seen }: ClientHistory,
  chats: ReadonlyMap<string, StoredChat>,
): Generator<Violation> {
  for (const record of seen) {
    const stays = chats.get(record.chatId)?.stays.get(userId) ?? []
    if (!stays.some((stay) => wasHeardIn(stay, record))) {
      yield {
        rule: 'C9',
        message: `${clientId} saw ${record.chatId} ${record.seq} (${record.key}) while no participant`,
      }
    }
  }
}

/** Whoever joins may read what was before; whoever left, nothing after. */
function wasHeardIn([, left]: readonly [number, number | null], { seq }: SeenRecord): boolean {
  return left === null || seq <= left
}

function* converged(
  client: ClientHistory,
  fresh: ReadonlyMap<string, ChatView> | undefined,
): Generator<Violation> {
  for (const [chatId, view] of fresh ?? []) {
    const own = client.state.get(chatId)
    if (!own) yield { rule: 'C4', message: `${client.clientId} does not know ${chatId}` }
    else if (own.seq !== view.seq) {
      yield {
        rule: 'C4',
        message: `${client.clientId} is at ${own.seq} of ${chatId}, whose head is ${view.seq}`,
      }
    } else yield* sameView(`${client.clientId} ${chatId}`, own, view)
  }
}

function* sameView(name: string, own: ChatView, fresh: ChatView): Generator<Violation> {
  const differ = (what: string, a: unknown, b: unknown): Violation[] =>
    canonical(a) === canonical(b)
      ? []
      : [{ rule: 'C11', message: `${name}: ${what} is ${canonical(a)} and, read afresh, ${canonical(b)}` }]
  const freshMessages = new Map(fresh.messages.map((it) => [it.id, it]))
  for (const message of own.messages)
    yield* differ(`message ${message.seq}`, message, freshMessages.get(message.id))
  const first = own.messages[0]?.seq ?? 0
  const ids = new Set(own.messages.map(({ id }) => id))
  const missing = fresh.messages.filter(({ id, seq }) => seq >= first && !ids.has(id))
  if (missing.length > 0) yield { rule: 'C4', message: `${name}: ${missing.length} messages are missing` }
  const misplaced = own.messages.find(({ seq }, at) => seq <= (own.messages[at - 1]?.seq ?? 0))
  if (misplaced) yield { rule: 'C4', message: `${name}: message ${misplaced.seq} is doubled or out of order` }
  const marks = (view: ChatView) =>
    view.participants
      .filter(({ leftSeq }) => leftSeq === null)
      .map(({ userId, role, readSeq, deliveredSeq }) => ({ userId, role, readSeq, deliveredSeq }))
      .sort((a, b) => (a.userId < b.userId ? -1 : 1))
  yield* differ('participants', marks(own), marks(fresh))
  yield* differ('unread', own.unread, fresh.unread)
}

/** Who resumes is told of each change at least that was acknowledged to anybody before he asked. */
function* resumedFromNow({ sends, clients }: History): Generator<Violation> {
  const resumes = clients
    .flatMap(({ clientId, resumes = [] }) => resumes.map((resume) => ({ ...resume, clientId })))
    .sort((a, b) => a.invokedAt - b.invokedAt)
  const done = sends.filter((send) => send.outcome === 'ok')
  for (const [chatId, group] of Map.groupBy(done, ({ chatId }) => chatId)) {
    const acks = [...group].sort((a, b) => (a.settledAt ?? 0) - (b.settledAt ?? 0))
    let highest = 0
    let next = 0
    for (const { clientId, invokedAt, heads } of resumes) {
      for (let ack = acks[next]; ack && (ack.settledAt ?? 0) < invokedAt; ack = acks[next]) {
        highest = Math.max(highest, ack.seq ?? 0)
        next += 1
      }
      const head = heads[chatId]
      if (head !== undefined && head < highest) {
        const message = `${clientId} resumed ${chatId} up to ${head} after ${highest} was acknowledged`
        yield { rule: 'C12', message }
      }
    }
  }
}

/** JSON with its keys in order, so that equal values have equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
