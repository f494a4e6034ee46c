import { randomUUID } from 'node:crypto'
import { connect, type Database } from '../../src/db/connect.ts'
import { migrate } from '../../src/db/migrate.ts'
import { findLogin } from '../../src/db/queries/auth-sessions.ts'
import { createChangesReader } from '../../src/db/queries/changes.ts'
import { createUserReader } from '../../src/db/user-reader.ts'
import { createPostgresServer } from '../../src/hosts/node/faults/servers/postgres.ts'
import { createRandom } from '../generator/words.ts'
import { run } from '../machine/postgres.ts'
import { cpuOf } from '../machine/usage.ts'
import { createPopulation } from './population.ts'

const USERS = 20_000
/** Users of one comparison of heads, as in the gateway's heartbeat. */
const AT_ONCE = 500
const CALLS = 4_000

/** Microseconds of Postgres's processor time, all its processes together. */
export interface PostgresCosts {
  /** Of one row of a comparison of heads, asked for 500 users at once. */
  readonly headRow: number
  /** Of the same for one user. */
  readonly headsOfOne: number
  readonly logId: number
  readonly login: number
  readonly profile: number
  /** Of one user, who asks what is new in the chats that he takes part in. */
  readonly changes: number
}

/** measurePostgres runs a Postgres of its own with 20,000 people in 100,000 chats. Commits have `bench/commit.ts`. */
export async function measurePostgres(): Promise<PostgresCosts> {
  const server = await createPostgresServer({})
  try {
    const url = server.url('postgres')
    await migrate(url)
    const { userIds, sessionIds } = await fill(url)
    const db = await connect({ url, onFault: (error) => console.error(error) })
    const spent = async (calls: number, call: () => Promise<unknown>) => {
      await each(calls / 10, call)
      const before = cpuOf(server.pid() ?? 0)
      await each(calls, call)
      return (cpuOf(server.pid() ?? 0) - before) / calls
    }
    try {
      return await measureWith(db, { userIds, sessionIds, spent })
    } finally {
      await db.close()
    }
  } finally {
    await server.remove()
  }
}

interface Filled {
  readonly userIds: readonly string[]
  readonly sessionIds: readonly string[]
  readonly spent: (calls: number, call: () => Promise<unknown>) => Promise<number>
}

async function measureWith(db: Database, { userIds, sessionIds, spent }: Filled): Promise<PostgresCosts> {
  const changes = createChangesReader(db)
  const users = createUserReader(db)
  const random = createRandom(1)
  const one = (ids: readonly string[]) => ids[Math.floor(random() * ids.length)] ?? ''
  let [calls, rows] = [0, 0]
  const heads = await spent(CALLS / 40, async () => {
    calls += 1
    rows += (await changes.listHeads(Array.from({ length: AT_ONCE }, () => one(userIds)))).length
  })
  return {
    headRow: heads / (rows / calls),
    headsOfOne: await spent(CALLS, () => changes.listHeads([one(userIds)])),
    logId: await spent(CALLS, () => changes.logId()),
    login: await spent(CALLS, () => findLogin(db, one(sessionIds))),
    profile: await spent(CALLS, () => users.profile(one(userIds))),
    changes: await spent(CALLS / 4, async () => {
      const userId = one(userIds)
      const wanted = (await changes.listHeads([userId])).map(({ chatId }) => ({ chatId, since: 0 }))
      return changes.readChanges(userId, wanted)
    }),
  }
}

async function each(calls: number, call: () => Promise<unknown>): Promise<void> {
  for (let done = 0; done < calls; done += 1) await call()
}

async function fill(url: string): Promise<Pick<Filled, 'userIds' | 'sessionIds'>> {
  const { chats, starts, members } = createPopulation(USERS, createRandom(1))
  const userIds = Array.from({ length: USERS }, () => randomUUID())
  const sessionIds = userIds.map(() => randomUUID())
  const chatIds = Array.from({ length: chats }, () => randomUUID())
  const chatOf = chatIds.flatMap((id, chat) => new Array<string>(sizeOf(starts, chat)).fill(id))
  await run(
    url,
    `insert into users (id, issuer, subject, type, username, display_name, created_at)
     select id, 'local', id, 'member', 'u' || n, 'User ' || n, now() from unnest($1::uuid[]) with ordinality as t (id, n)`,
    [userIds],
  )
  await run(
    url,
    `insert into auth_sessions (id, user_id, token_hash, created_at, last_used_at, expires_at)
     select id, user_id, id::text, now(), now(), now() + interval '7 days' from unnest($1::uuid[], $2::uuid[]) as t (id, user_id)`,
    [sessionIds, userIds],
  )
  await run(
    url,
    `insert into chats (id, kind, history, is_open, seq, changed_seq, created_at)
     select id, 'group', 'all', false, 1, 1, now() from unnest($1::uuid[]) as t (id)`,
    [chatIds],
  )
  await run(
    url,
    `insert into chat_participants (chat_id, user_id, role, joined_seq, read_seq, delivered_seq, changed_seq)
     select chat_id, user_id, 'member', 1, 0, 0, 1 from unnest($1::uuid[], $2::uuid[]) as t (chat_id, user_id)`,
    [chatOf, Array.from(members, (user) => userIds[user])],
  )
  await run(url, 'vacuum analyze')
  return { userIds, sessionIds }
}

function sizeOf(starts: Uint32Array, chat: number): number {
  return (starts[chat + 1] ?? 0) - (starts[chat] ?? 0)
}
