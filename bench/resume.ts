import type { Socket } from 'node:net'
import { parseArgs } from 'node:util'
import type pg from 'pg'
import { connect, type Database } from '../src/db/connect.ts'
import { createSyncReader } from '../src/db/sync-reader.ts'
import { run, startPostgres } from './machine/postgres.ts'
import { cpuOf } from './machine/usage.ts'
import { createPeople, type People } from './people.ts'
import { createParleyTarget } from './targets/parley.ts'

const USAGE = `node bench/resume.ts [--users 300] [--size 300] [--missed 200] [--apart 1] [--rounds 5]
What it costs to read and encode what everybody missed, on a real Postgres of its own, without sockets: all users ask at
once, each for his chat of so many, since as many messages, or up to --apart fewer.`

const { values: flags } = parseArgs({
  options: {
    users: { type: 'string', default: '300' },
    size: { type: 'string', default: '300' },
    missed: { type: 'string', default: '200' },
    apart: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    help: { type: 'boolean', default: false },
  },
})
/** Before anything is measured: plans are made, code is compiled. */
const WARM_UPS = 3
const CONTENT =
  'A message as long as most of those that people write to each other: a line, or sometimes two.'

if (flags.help) print(USAGE)
else await main()

async function main(): Promise<void> {
  const people = createPeople(Number(flags.users), Number(flags.size))
  const postgres = await startPostgres()
  try {
    const url = await postgres.createDatabase()
    await createParleyTarget().prepare(url, people)
    await talk(url, people)
    const db = await connect({ url, onFault: (error) => print(String(error)) })
    await measure(db, people, postgres.pid)
    await db.close()
  } finally {
    await postgres.stop()
  }
}

/** One who sends, of each chat; the others have read everything before. */
async function talk(url: string, { chatIds, userIds, chatSize }: People): Promise<void> {
  await run(
    url,
    `insert into messages (id, chat_id, seq, changed_seq, sender_id, content_type, content, created_at)
     select gen_random_uuid(), chat_id, n + 1, n + 1, sender_id, 'text', $3, now()
     from unnest($1::uuid[], $2::uuid[]) as chats (chat_id, sender_id), generate_series(1, $4::int) n`,
    [chatIds, chatIds.map((_, chat) => userIds[chat * chatSize]), CONTENT, Number(flags.missed)],
  )
  await run(url, 'update chats set seq = $1', [Number(flags.missed) + 1])
  await run(url, 'update chat_participants set read_seq = 1')
  await run(url, 'vacuum analyze')
}

async function measure(db: Database, people: People, postgresPid: number): Promise<void> {
  const sockets = new Set<Socket>()
  db.pool.on('acquire', (client) => sockets.add(socketOf(client)))
  const count = () => ({
    service: process.cpuUsage(),
    postgres: cpuOf(postgresPid),
    bytes: [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0),
  })
  const rounds = Number(flags.rounds)
  for (let round = 0; round < WARM_UPS; round++) await resume(db, people)
  const before = count()
  let sent = 0
  for (let round = 0; round < rounds; round++) sent += await resume(db, people)
  const after = count()
  const each = (all: number) => Math.round(all / rounds / people.userIds.length)
  const { user, system } = after.service
  const service = user + system - before.service.user - before.service.system
  print(`each: ${each(service)} us of the service, ${each(after.postgres - before.postgres)} us of Postgres,
  ${each(after.bytes - before.bytes)} bytes from Postgres, ${each(sent)} characters to the client`)
}

/** Answers how many characters all were told. */
async function resume(db: Database, { userIds, chatOf }: People): Promise<number> {
  const reader = createSyncReader(db)
  const told = await Promise.all(
    userIds.map(async (userId, number) => {
      const wanted = { chatId: chatOf[number] ?? '', since: 1 + (number % Number(flags.apart)) }
      const [read] = await reader.readChanges(userId, [wanted])
      if (read?.status !== 'changes') throw new Error(`Nothing to tell: ${read?.status}`)
      return JSON.stringify({ type: 'sync:batch', data: read.changes }).length
    }),
  )
  return told.reduce((sum, characters) => sum + characters, 0)
}

/** The driver's types do not name it. */
function socketOf(client: pg.PoolClient): Socket {
  return (client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
