import { randomUUID } from 'node:crypto'
import { createAccessTokens, LOCAL_ISSUER } from '../../src/auth/tokens.ts'
import { migrate } from '../../src/db/migrate.ts'
import { findPort } from '../../src/hosts/node/faults/servers/port.ts'
import { startChild } from '../machine/child.ts'
import { createFolder } from '../machine/folder.ts'
import { run } from '../machine/postgres.ts'
import { type Redis, startRedis } from '../machine/redis.ts'
import { answers, NODE, ROOT, type Target, toStored } from './target.ts'

/** What every host of this project is given, and tokens of its people are signed with. */
export const SECRETS = {
  access: 'an-access-secret-of-the-bench-that-guards-nothing',
  refresh: 'a-refresh-secret-of-the-bench-that-guards-nothing',
}
const CLOCK = { now: () => Date.now(), after: () => () => {} }

/** createParleyTarget measures this project as an operator would run it: one instance over Postgres. */
export function createParleyTarget(settings: Settings = {}): Target {
  return createTarget(1, settings)
}

/** createFleetTarget measures instances over Postgres and Redis. Chats of two have their clients at two of them. */
export async function createFleetTarget(instances = 2, settings: Settings = {}): Promise<Target> {
  return createTarget(instances, settings, await startRedis())
}

type Settings = Readonly<Record<string, string>>

function createTarget(instances: number, settings: Settings = {}, redis?: Redis): Target {
  const folder = createFolder('parley')
  return {
    speaks: 'parley',
    otherPids: redis ? [redis.pid] : [],
    ...(redis && { redis }),

    async prepare(url, { userIds, chatIds, chatSize, chatOf }) {
      await migrate(url)
      const sessionIds = userIds.map(() => randomUUID())
      await run(
        url,
        `insert into users (id, issuer, subject, type, username, display_name, created_at)
         select id, $2, id, 'member', 'u' || n, 'User ' || n, now() from unnest($1::uuid[]) with ordinality as t (id, n)`,
        [userIds, LOCAL_ISSUER],
      )
      await run(
        url,
        `insert into auth_sessions (id, user_id, token_hash, created_at, last_used_at, expires_at)
         select id, user_id, id::text, now(), now(), now() + interval '7 days'
         from unnest($1::uuid[], $2::uuid[]) as t (id, user_id)`,
        [sessionIds, userIds],
      )
      await run(
        url,
        `insert into chats (id, kind, name, history, is_open, seq, changed_seq, created_at)
         select unnest($1::uuid[]), $2, $3, 'all', false, 1, 1, now()`,
        [chatIds, chatSize === 2 ? 'direct' : 'group', chatSize === 2 ? null : 'A group'],
      )
      await run(
        url,
        `insert into chat_participants (chat_id, user_id, role, joined_seq, read_seq, delivered_seq, changed_seq)
         select chat_id, user_id, 'member', 1, 0, 0, 1 from unnest($1::uuid[], $2::uuid[]) as t (chat_id, user_id)`,
        [chatOf, userIds],
      )
      await run(url, 'vacuum analyze')
      const tokens = await createAccessTokens(SECRETS.access, CLOCK)
      return Promise.all(
        userIds.map(async (userId, number) => ({
          token: await tokens.sign({ userId, sessionId: sessionIds[number] ?? '' }),
          chatId: chatOf[number] ?? '',
        })),
      )
    },

    async start(url, given = []) {
      const env = {
        ...process.env,
        ...(redis && { REDIS_URL: redis.url }),
        DATABASE_URL: url,
        DATA_DIR: folder,
        JWT_SECRET: SECRETS.access,
        JWT_REFRESH_SECRET: SECRETS.refresh,
        RATE_LIMITS: 'off',
        NODE_ENV: 'production',
        ...settings,
      }
      const started = Array.from({ length: instances }, async (_, number) => {
        const port = given[number] ?? (await findPort())
        const isReady = () => answers(port, '/health/ready')
        const own = { cwd: ROOT, env: { ...env, PORT: String(port) }, isReady }
        return { port, child: await startChild(NODE, ['src/hosts/node/cli.ts', 'start'], own) }
      })
      const running = await Promise.all(started)
      return {
        ports: running.map(({ port }) => port),
        pids: running.map(({ child }) => child.pid),
        stop: async (signal) => void (await Promise.all(running.map(({ child }) => child.stop(signal)))),
      }
    },

    async readStored(url, { chatIds }) {
      const rows = await run(
        url,
        `select substr(content, 2, 8)::int as index, seq as "order", chats.number - 1 as chat
         from unnest($1::uuid[]) with ordinality as chats (id, number) join messages on chat_id = chats.id
         order by chats.number, seq`,
        [chatIds],
      )
      const heads = await run(
        url,
        `select seq from unnest($1::uuid[]) with ordinality as wanted (id, number) join chats using (id)
         order by number`,
        [chatIds],
      )
      return toStored(
        rows,
        heads.map(({ seq }) => Number(seq)),
      )
    },

    close: async () => redis?.stop(),
  }
}
