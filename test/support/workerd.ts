import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BadNetwork } from '../../src/hosts/node/faults/bad-network.ts'
import { startWorkerd, type Workerd } from '../../src/hosts/node/workerd.ts'
import { COMMIT_DEADLINE_SECONDS } from '../support/patience.ts'
import { createTestDatabase, reachByTcp, type TestDatabase } from './postgres.ts'

/** WorkerdServer is the Cloudflare host in the platform's own runtime, over a database of its own. */
export interface WorkerdServer {
  readonly url: string
  readonly database: TestDatabase
  /** What stands between it and Postgres. */
  readonly network: BadNetwork
  /** SIGKILL of all of it, as a crash of the machine that it runs on. */
  kill(): Promise<void>
  /** Starts it again, on the same port, with what its objects have stored. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startWorkerdServer(env: Readonly<Record<string, string>> = {}): Promise<WorkerdServer> {
  const database = await createTestDatabase()
  const { network, url: databaseUrl } = await reachByTcp(database)
  const folder = mkdtempSync(join(tmpdir(), 'parley-workerd-'))
  const options = {
    databaseUrl,
    folder,
    settings: {
      ...{ NODE_ENV: 'test', LOG_LEVEL: 'error', RATE_LIMITS: 'off' },
      COMMIT_DEADLINE_SECONDS: String(COMMIT_DEADLINE_SECONDS),
      ...{ JWT_SECRET: randomUUID() + randomUUID(), JWT_REFRESH_SECRET: randomUUID() + randomUUID() },
      ...env,
    },
  }
  let workerd: Workerd = await startWorkerd({ ...options, port: 0 })
  const { url } = workerd

  return {
    ...{ url, database, network },
    kill: () => workerd.end('SIGKILL'),
    async restart() {
      await workerd.end('SIGTERM')
      workerd = await startWorkerd({ ...options, port: Number(new URL(url).port) })
    },
    async stop() {
      await workerd.end('SIGTERM')
      await network.close()
      await database.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
