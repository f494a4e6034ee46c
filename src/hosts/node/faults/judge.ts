import pg from 'pg'
import { createReader } from '../../../client/rest.ts'
import { check, type Rule } from '../../../conformance/checker.ts'
import type { ChatView, StoredChat } from '../../../conformance/history.ts'
import { patiently } from '../patiently.ts'
import { inParallel } from '../replay/parallel.ts'
import { readHistory } from '../replay/read.ts'
import type { Scene } from './scene.ts'
import { until } from './until.ts'
import type { Notes } from './voice.ts'

/** Once clients are connected again, they have this long to be where the database is: C4. Milliseconds. */
const CATCH_UP = 10_000
/** Backoff grows to 30 s and tokens, hello and sync take their time. */
const RECONNECT = 45_000
/** Watermarks that a group holds back are told within this. */
const QUIET = 1_500
const READ_AT_ONCE = 8
/** So often all is looked at before chats that change on and on are wrong by themselves. */
const LOOKS_MOST = 5

export interface Verdict {
  readonly lost: number
  readonly doubled: number
  readonly reordered: number
  /** What else is wrong: C9 to C11, and clients that did not catch up. */
  readonly others: number
  readonly messages: readonly string[]
}

/** What each rule's violation means to the one who reads the table. */
const KINDS: Record<Rule, 'lost' | 'doubled' | 'reordered' | 'others'> = {
  C1: 'lost',
  C2: 'lost',
  C3: 'reordered',
  C4: 'lost',
  C5: 'reordered',
  C6: 'doubled',
  C7: 'reordered',
  C8: 'lost',
  C9: 'others',
  C10: 'others',
  C11: 'others',
  C12: 'lost',
}

/** judge waits until every client is caught up, or should be, and holds all that was seen against the database. */
export async function judge(scene: Scene, notes: Notes): Promise<Verdict> {
  const { stage } = scene
  const database = new pg.Client({ connectionString: stage.databaseUrl })
  await database.connect()
  try {
    const crashes = stage.unexpected.splice(0)
    const { restless, ...seen } = await lookAtRest(scene, database)
    const found = check({ sends: notes.sends, ...seen, unexpected: [...crashes, ...restless] })
    const violations = [...scene.violations, ...found]
    const verdict = { lost: 0, doubled: 0, reordered: 0, others: 0 }
    for (const { rule } of violations) verdict[KINDS[rule]] += 1
    return { ...verdict, messages: violations.map(({ rule, message }) => `${rule} ${message}`) }
  } finally {
    await database.end()
  }
}

/**
 * Clients, database and service can be compared only if nothing changed while they were read, one after the other: a
 * watermark may still come after a rest, as devices tell theirs late when there is little processor time.
 */
async function lookAtRest(scene: Scene, database: pg.Client) {
  const { voices, chatIds } = scene
  for (let look = 1; ; look += 1) {
    const { heads: before, restless } = await catchUp(scene, database)
    const clients = [...voices.map((voice) => voice.history()), ...scene.witnesses]
    const stored = await readStored(database, chatIds)
    const fresh = await readFresh(scene)
    const after = await readHeads(database, chatIds)
    const moved = chatIds.filter((chatId) => before.get(chatId) !== after.get(chatId)).length
    if (moved === 0 || restless.length > 0) return { clients, stored, fresh, restless }
    scene.remarks.push(`looked at again: ${moved} chats had changed meanwhile`)
    if (look === LOOKS_MOST) return { clients, stored, fresh, restless: ['the chats did not come to rest'] }
  }
}

interface Rest {
  /** What all were level with. */
  readonly heads: ReadonlyMap<string, number>
  /** What did not come to rest in time. */
  readonly restless: readonly string[]
}

async function catchUp({ voices, chatIds }: Scene, database: pg.Client): Promise<Rest> {
  let heads = await readHeads(database, chatIds)
  const isLive = () => voices.every(({ client }) => client.status.state === 'live')
  if (!(await until(isLive, RECONNECT))) {
    const away = voices.filter(({ client }) => client.status.state !== 'live')
    const restless = away.map(({ name, client }) => `${name} did not come back: it is ${client.status.state}`)
    return { heads, restless }
  }
  let restSince = performance.now()
  const isThere = async () => {
    const now = await readHeads(database, chatIds)
    const isSame = chatIds.every((chatId) => now.get(chatId) === heads.get(chatId))
    const isWhole = voices.every((voice) => voice.chatIds.every((it) => voice.applied(it) === now.get(it)))
    heads = now
    if (!isSame || !isWhole) restSince = performance.now()
    return performance.now() - restSince > QUIET
  }
  if (await until(isThere, CATCH_UP + QUIET)) return { heads, restless: [] }
  const behind = voices.filter((voice) => voice.chatIds.some((it) => voice.applied(it) !== heads.get(it)))
  const restless = behind.map(({ name }) => `${name} did not catch up within ${CATCH_UP / 1_000} s`)
  return { heads, restless }
}

async function readHeads(database: pg.Client, chatIds: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await database.query<{ id: string; seq: string }>(
    'select id, seq from chats where id = any($1)',
    [chatIds],
  )
  return new Map(rows.map(({ id, seq }) => [id, Number(seq)]))
}

/** What is in the tables, past everything that could remember it wrongly. */
async function readStored(database: pg.Client, chatIds: readonly string[]): Promise<StoredChat[]> {
  const heads = await readHeads(database, chatIds)
  const { rows: messages } = await database.query<StoredRow>(
    `select id, chat_id as "chatId", seq, content, deleted_at is not null as "isDeleted"
       from messages where chat_id = any($1) order by seq`,
    [chatIds],
  )
  const { rows: participants } = await database.query<ParticipantRow>(
    `select chat_id as "chatId", user_id as "userId", joined_seq as "joinedSeq", left_seq as "leftSeq"
       from chat_participants where chat_id = any($1)`,
    [chatIds],
  )
  const messagesOf = Map.groupBy(messages, ({ chatId }) => chatId)
  const participantsOf = Map.groupBy(participants, ({ chatId }) => chatId)
  return chatIds.map((chatId) => ({
    chatId,
    head: heads.get(chatId) ?? 0,
    messages: (messagesOf.get(chatId) ?? []).map(({ seq, ...message }) => ({ ...message, seq: Number(seq) })),
    stays: new Map(
      (participantsOf.get(chatId) ?? []).map(({ userId, joinedSeq, leftSeq }) => [
        userId,
        [[Number(joinedSeq), leftSeq === null ? null : Number(leftSeq)]],
      ]),
    ),
  }))
}

interface StoredRow {
  readonly id: string
  readonly chatId: string
  readonly seq: string
  readonly content: string
  readonly isDeleted: boolean
}

interface ParticipantRow {
  readonly chatId: string
  readonly userId: string
  readonly joinedSeq: string
  readonly leftSeq: string | null
}

/** Each user's chats as the service tells them over REST; the messages of a chat are the same to all. */
async function readFresh({ voices, chatIds }: Scene): Promise<Map<string, Map<string, ChatView>>> {
  const messages = new Map(
    await inParallel(chatIds, READ_AT_ONCE, async (chatId) => {
      const reader = voices.find((voice) => voice.chatIds.includes(chatId))
      return [chatId, reader ? await readHistory(reader.client, chatId) : []] as const
    }),
  )
  const views = await inParallel(voices, READ_AT_ONCE, async (voice) => {
    const reader = createReader(voice.client.rest)
    const own = await Promise.all(
      voice.chatIds.map(async (chatId): Promise<[string, ChatView]> => {
        const { seq, participants, me } = await patiently(() => reader.getChat(chatId))
        return [
          chatId,
          {
            seq,
            messages: messages.get(chatId) ?? [],
            participants: participants ?? [],
            unread: me?.unread ?? 0,
          },
        ]
      }),
    )
    return [voice.userId, new Map(own)] as const
  })
  return new Map(views)
}
