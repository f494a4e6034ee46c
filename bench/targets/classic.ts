import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { findPort } from '../../src/hosts/node/faults/servers/port.ts'
import { startChild } from '../machine/child.ts'
import { run } from '../machine/postgres.ts'
import { startRedis } from '../machine/redis.ts'
import { answers, NODE, ROOT, type Target, toStored } from './target.ts'

const FOLDER = join(ROOT, 'bench/peers/classic')
const SECRET = 'a-secret-of-the-bench-that-guards-nothing'

/** createClassicTarget installs the comparison server on first use and starts its Redis. */
export async function createClassicTarget(): Promise<Target> {
  if (!existsSync(join(FOLDER, 'node_modules'))) {
    console.error('Installing the comparison server (npm ci in bench/peers/classic)')
    execFileSync('npm', ['ci', '--omit=dev'], { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] })
  }
  const redis = await startRedis()
  return {
    speaks: 'classic',
    otherPids: [redis.pid],

    async prepare(url, { userIds, chatIds, chatSize, chatOf }) {
      await run(url, readFileSync(join(FOLDER, 'schema.sql'), 'utf8'))
      await run(
        url,
        `insert into users (id, username) select id, 'u' || n from unnest($1::uuid[]) with ordinality as t (id, n)`,
        [userIds],
      )
      await run(url, 'insert into chats (id, type) select unnest($1::uuid[]), $2', [
        chatIds,
        chatSize === 2 ? 'direct' : 'group',
      ])
      await run(
        url,
        'insert into chat_participants (chat_id, user_id) select * from unnest($1::uuid[], $2::uuid[])',
        [chatOf, userIds],
      )
      await run(url, 'vacuum analyze')
      const key = new TextEncoder().encode(SECRET)
      return Promise.all(
        userIds.map(async (userId, number) => ({
          token: await new SignJWT({ userId, type: 'access' })
            .setProtectedHeader({ alg: 'HS256' })
            .setExpirationTime('1h')
            .sign(key),
          chatId: chatOf[number] ?? '',
        })),
      )
    },

    async start(url, given = []) {
      const port = given[0] ?? (await findPort())
      const env = {
        ...process.env,
        PORT: String(port),
        DATABASE_URL: url,
        REDIS_PATH: redis.path,
        JWT_SECRET: SECRET,
      }
      const child = await startChild(NODE, ['server.ts'], {
        cwd: FOLDER,
        env,
        isReady: () => answers(port, '/health'),
      })
      return { stop: child.stop, ports: [port], pids: [child.pid] }
    },

    async readStored(url, { chatIds }) {
      const rows = await run(
        url,
        `select substr(content, 2, 8)::int as index, floor(extract(epoch from created_at) * 1000) as "order",
           chats.number - 1 as chat
         from unnest($1::uuid[]) with ordinality as chats (id, number) join messages on chat_id = chats.id
         order by chats.number, created_at`,
        [chatIds],
      )
      return toStored(rows)
    },

    close: () => redis.stop(),
  }
}
