import { parseArgs } from 'node:util'
import { parseConfig } from '../src/config.ts'
import { connect, type Database } from '../src/db/connect.ts'
import { createJobStore } from '../src/db/jobs.ts'
import { migrate } from '../src/db/migrate.ts'
import { createPushStore } from '../src/db/queries/push.ts'
import { createMemoryPresence } from '../src/gateway/memory.ts'
import { createPostgresServer } from '../src/hosts/node/faults/servers/postgres.ts'
import { clock } from '../src/hosts/shared/clock.ts'
import type { JobHandlers, NewJob } from '../src/workers/ports.ts'
import { createPush } from '../src/workers/push.ts'
import { createRunner } from '../src/workers/runner.ts'

const USAGE = `node bench/jobs.ts [--count 5000] [--chats 20] [--pool 20]
How many jobs an instance does a second, on a real Postgres of its own: first such as take no time, then pushes, from the
job of a commit to the call of a provider that answers at once, for people in groups of count / chats.`

const { values: flags } = parseArgs({
  options: {
    count: { type: 'string', default: '5000' },
    chats: { type: 'string', default: '20' },
    pool: { type: 'string', default: '20' },
    help: { type: 'boolean', default: false },
  },
})
const COUNT = Number(flags.count)
const CHATS = Number(flags.chats)

const PEOPLE = `
with c as (
  insert into chats (id, kind, name, seq, changed_seq, created_at, history, is_open)
  select gen_random_uuid(), 'group', 'Crew', 2, 1, now(), 'all', false from generate_series(1, $2::int) returning id
), u as (
  insert into users (id, issuer, subject, type, username, display_name, created_at)
  select gen_random_uuid(), 'local', 'p' || n, 'member', 'p' || n, 'P', now() from generate_series(0, $1::int * $2::int - 1) n
  returning id, substr(subject, 2)::int as n
), s as (
  insert into users (id, issuer, subject, type, username, display_name, created_at)
  values (gen_random_uuid(), 'local', 'sender', 'member', 'sender', 'Sender', now()) returning id
), p as (
  insert into chat_participants (chat_id, user_id, role, joined_seq, read_seq, delivered_seq, changed_seq)
  select c.id, u.id, 'member', 1, 0, 0, 1
  from (select id, row_number() over () - 1 as k from c) c join u on u.n % $2::int = c.k
), d as (
  insert into push_devices (id, user_id, provider, token, created_at)
  select gen_random_uuid(), u.id, 'onesignal', u.n::text, now() from u
), m as (
  insert into messages (id, chat_id, seq, changed_seq, sender_id, content_type, content, created_at)
  select gen_random_uuid(), c.id, 2, 2, s.id, 'text', 'The train leaves at nine', now() from c, s
)
select id from c`

if (flags.help) print(USAGE)
else await main()

async function main(): Promise<void> {
  const server = await createPostgresServer()
  try {
    const url = server.url('postgres')
    await migrate(url)
    const db = await connect({ url, poolSize: Number(flags.pool), onFault: (error) => print(String(error)) })
    await measure(db, 'jobs that take no time', async (done) => {
      const work = { atOnce: 32, run: async () => done() }
      return {
        handlers: { work },
        jobs: Array.from({ length: COUNT }, () => ({ kind: 'work', payload: {} })),
      }
    })
    await measure(db, 'pushes', async (done) => ({ handlers: pushes(db, done), jobs: await write(db) }))
    await db.close()
  } finally {
    await server.remove()
  }
}

interface Load {
  readonly handlers: JobHandlers
  readonly jobs: readonly NewJob[]
}

async function measure(
  db: Database,
  what: string,
  prepare: (done: () => never[]) => Promise<Load>,
): Promise<void> {
  const all = Promise.withResolvers<void>()
  let count = 0
  const { handlers, jobs } = await prepare(() => {
    count += 1
    if (count === COUNT) all.resolve()
    return []
  })
  let wake = (_: number) => {}
  const store = createJobStore(db, { onAdded: (delay) => wake(delay) })
  await store.add(jobs)
  await db.pool.query('analyze jobs')
  const begin = performance.now()
  const cpu = process.cpuUsage()
  const onFault = ({ error }: { error: unknown }) => print(String(error))
  const runner = createRunner({ store, handlers, clock, random: Math.random, firstPause: 1_000, onFault })
  wake = runner.wake
  await all.promise
  const seconds = (performance.now() - begin) / 1_000
  await runner.close()
  const { user, system } = process.cpuUsage(cpu)
  print(
    `${COUNT} ${what}: ${Math.round(COUNT / seconds)} a second; own CPU ${Math.round((user + system) / COUNT)} us each`,
  )
}

function pushes(db: Database, done: () => never[]): JobHandlers {
  const config = parseConfig({ ONESIGNAL_APP_ID: 'app', ONESIGNAL_API_KEY: 'key' })
  return createPush({
    config,
    pushes: createPushStore(db),
    presence: createMemoryPresence(),
    async send() {
      done()
      return { status: 'sent' }
    },
  })
}

/** A message in each group, and a phone for everybody in it; answers the jobs that their commits would have stored. */
async function write(db: Database): Promise<NewJob[]> {
  const { rows } = await db.pool.query<{ id: string }>(PEOPLE, [COUNT / CHATS, CHATS])
  return rows.map(({ id }) => ({ kind: 'push', payload: { chatId: id, from: 2, to: 2 } }))
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
