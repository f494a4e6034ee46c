import { fileURLToPath } from 'node:url'
import { migrate } from '../src/db/migrate.ts'
import { createBadNetwork } from '../src/hosts/node/faults/bad-network.ts'
import { createPostgresServer } from '../src/hosts/node/faults/servers/postgres.ts'
import { startWorkerd } from '../src/hosts/node/workerd.ts'

/**
 * The Cloudflare host on this machine, without a network: the platform's runtime over a Postgres of its own, which is
 * gone when this ends. `DATABASE_URL` names another one, that is migrated and kept.
 */
const PORT = Number(process.env.PORT ?? 3_000)
/** Of this machine only. */
const SECRETS = { JWT_SECRET: 'a'.repeat(40), JWT_REFRESH_SECRET: 'r'.repeat(40) }

const database = await openPostgres(process.env.DATABASE_URL)
await migrate(database.url)
const workerd = await startWorkerd({
  ...{ port: PORT, databaseUrl: database.url },
  folder: fileURLToPath(new URL('../.wrangler/state/', import.meta.url)),
  settings: { NODE_ENV: 'development', ...SECRETS },
  onOutput: (line) => console.log(line),
})
console.log(`Parley runs in workerd at ${workerd.url}`)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())

async function stop(): Promise<void> {
  await workerd.end('SIGTERM')
  await database.remove()
  process.exit()
}

/** The runtime reaches Postgres by TCP, and one's own listens on a unix socket. */
async function openPostgres(given: string | undefined) {
  if (given !== undefined) return { url: given, remove: async () => {} }
  const { socketPath, remove } = await createPostgresServer()
  const network = await createBadNetwork(() => [{ path: socketPath }])
  return { url: `postgres://postgres:none@127.0.0.1:${network.port}/postgres`, remove }
}
