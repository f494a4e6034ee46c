import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { v7 as uuidv7 } from 'uuid'
import { createCommitter } from '../src/db/commit.ts'
import { connect, type Database } from '../src/db/connect.ts'
import { createIndexer } from '../src/db/indexer.ts'
import { migrate } from '../src/db/migrate.ts'
import { createPostgresServer } from '../src/hosts/node/faults/servers/postgres.ts'
import { clock } from '../src/hosts/shared/clock.ts'
import type { ChatEvent } from '../src/protocol/events.ts'
import type { ChatInfo, User } from '../src/protocol/model.ts'
import type { Turn } from '../src/rooms/ports.ts'
import type { NewJob } from '../src/workers/ports.ts'

const USAGE = `node bench/commit.ts [--rooms 100] [--messages 1] [--receipts] [--jobs] [--index] [--seconds 5] [--settings name=value ...]
The group commit alone, on a real Postgres of its own: each room commits turns one after another, --messages in each,
with --receipts one receipt too, and with --jobs one job in the outbox; with --index the text index is filled meanwhile.`
/** Clock ticks of /proc a second. */
const TICKS = 100

const { values: flags } = parseArgs({
  options: {
    rooms: { type: 'string', default: '100' },
    messages: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '5' },
    receipts: { type: 'boolean', default: false },
    jobs: { type: 'boolean', default: false },
    index: { type: 'boolean', default: false },
    settings: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', default: false },
  },
})

interface BenchRoom {
  readonly chat: ChatInfo
  readonly users: readonly [User, User]
  seq: number
}

if (flags.help) print(USAGE)
else await main()

async function main(): Promise<void> {
  const server = await createPostgresServer(Object.fromEntries(flags.settings.map((it) => it.split('='))))
  try {
    const url = server.url('postgres')
    await migrate(url)
    const db = await connect({ url, onFault: (error) => print(String(error)) })
    await measure(db, server.pid())
    await db.close()
  } finally {
    await server.remove()
  }
}

async function measure(db: Database, serverPid: number | undefined): Promise<void> {
  const onFault = (error: unknown) => print(String(error))
  const indexer = flags.index ? createIndexer(db, { clock, language: 'simple', onFault }) : undefined
  const committer = createCommitter(db, {
    onFault,
    onMessages: (chatId) => indexer?.changed(chatId),
    ...(flags.jobs && { outbox }),
  })
  const rooms = await Promise.all(Array.from({ length: Number(flags.rooms) }, () => createRoom(db)))
  for (const { chat, users, seq } of rooms) {
    const participants = users.map((user) => toParticipant(user))
    const event: ChatEvent = {
      type: 'chat:created',
      chatId: chat.id,
      seq,
      at: now(),
      data: { chat, participants },
    }
    await committer.commit({ chatId: chat.id, prevSeq: 0, events: [event], mutes: [] })
  }
  await drive(rooms, committer.commit, 1)
  const before = cpu(serverPid)
  const flushes = await countFlushes(db)
  const seconds = Number(flags.seconds)
  const messages = await drive(rooms, committer.commit, seconds)
  const after = cpu(serverPid)
  const used = (of: keyof typeof after) => Math.round(((after[of] - before[of]) * 1e6) / messages)
  const batch = messages / ((await countFlushes(db)) - flushes)
  print(
    `${flags.rooms} rooms, ${flags.messages} messages a turn: ${Math.round(messages / seconds)} acked/s, ` +
      `${batch.toFixed(1)} messages a statement; CPU a message: Postgres ${used('postgres')} us, driver ${used('own')} us`,
  )
  await committer.close()
  if (!indexer) return
  const begin = performance.now()
  await indexer.close()
  print(`The text index was behind by ${Math.round(performance.now() - begin)} ms of work`)
}

/** What a service with push stores beside a message. */
function outbox({ chatId, prevSeq, events }: Turn): NewJob[] {
  return [{ kind: 'push', payload: { chatId, from: prevSeq + 1, to: prevSeq + events.length }, delay: 5_000 }]
}

/** Every room commits turn after turn until the time is up; answers how many messages were committed. */
async function drive(
  rooms: readonly BenchRoom[],
  commit: (turn: Turn) => Promise<{ status: string }>,
  seconds: number,
) {
  const end = performance.now() + seconds * 1_000
  let messages = 0
  await Promise.all(
    rooms.map(async (room) => {
      while (performance.now() < end) {
        const turn = nextTurn(room)
        const { status } = await commit(turn)
        if (status !== 'committed') throw new Error(`A turn was ${status}`)
        room.seq += turn.events.length
        messages += Number(flags.messages)
      }
    }),
  )
  return messages
}

function nextTurn({ chat, users, seq }: BenchRoom): Turn {
  const [sender, reader] = users
  const at = now()
  const events: ChatEvent[] = []
  for (let index = 1; index <= Number(flags.messages); index += 1) {
    const message = {
      ...{ id: uuidv7(), chatId: chat.id, seq: seq + index, changedSeq: seq + index, senderId: sender.id },
      ...({
        contentType: 'text',
        content: `Message ${seq + index}: the train leaves at nine, be there`,
      } as const),
      ...{ formatting: null, metadata: null, replyToId: null, mentions: [], reactions: [], attachments: [] },
      ...{ isEdited: false, editedAt: null, isDeleted: false, deletedAt: null, createdAt: at },
    }
    events.push({ type: 'message:new', chatId: chat.id, seq: message.seq, at, data: { message, sender } })
  }
  if (flags.receipts) {
    const mark = { userId: reader.id, readSeq: seq, deliveredSeq: seq, at }
    events.push({
      type: 'receipts',
      chatId: chat.id,
      seq: seq + events.length + 1,
      at,
      data: { marks: [mark] },
    })
  }
  return { chatId: chat.id, prevSeq: seq, events, mutes: [] }
}

async function createRoom(db: Database): Promise<BenchRoom> {
  const users = [createUser(), createUser()] as const
  for (const { id, username, displayName, type } of users) {
    await db.pool.query(
      `insert into users (id, issuer, subject, type, username, display_name, created_at)
       values ($1, 'local', $3, $2, $3, $4, now())`,
      [id, type, username, displayName],
    )
  }
  const chat: ChatInfo = {
    ...{
      id: uuidv7(),
      kind: 'direct',
      name: null,
      slug: null,
      avatarUrl: null,
      ownerId: null,
      subject: null,
    },
    ...{
      status: null,
      assigneeId: null,
      parentId: null,
      session: null,
      history: 'all',
      isOpen: false,
      createdAt: now(),
    },
  }
  return { chat, users, seq: 1 }
}

function createUser(): User {
  const id = uuidv7()
  const name = `user-${id}`
  return {
    id,
    username: name,
    displayName: name,
    avatarUrl: null,
    type: 'member',
    status: 'offline',
    lastSeen: null,
  }
}

function toParticipant(user: User) {
  return {
    userId: user.id,
    role: 'member',
    joinedSeq: 1,
    leftSeq: null,
    readSeq: 1,
    deliveredSeq: 1,
    user,
  } as const
}

async function countFlushes(db: Database): Promise<number> {
  const { rows } = await db.pool.query(
    'select xact_commit as count from pg_stat_database where datname = current_database()',
  )
  return rows[0].count
}

/** Seconds of CPU used so far, by this process and by the processes of the server. */
function cpu(serverPid: number | undefined): { own: number; postgres: number } {
  const { user, system } = process.cpuUsage()
  let postgres = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (Number(fields[1]) === serverPid) postgres += (Number(fields[11]) + Number(fields[12])) / TICKS
    } catch {
      // Ended meanwhile.
    }
  }
  return { own: (user + system) / 1e6, postgres }
}

function now(): string {
  return new Date().toISOString()
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
