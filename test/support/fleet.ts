import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRedisServer, type RedisServer } from '../../src/hosts/node/faults/servers/redis.ts'
import { startBalancer } from './balancer.ts'
import { createTestDatabase } from './postgres.ts'
import { type Server, startServer } from './server.ts'

/** Fleet is several instances over one Postgres and one Redis of their own. */
export interface Fleet {
  /** Of a balancer without sticky sessions in front of them. */
  readonly url: string
  readonly instances: readonly Server[]
  readonly redis: RedisServer
  stop(): Promise<void>
}

export async function startFleet(size: number, env: Readonly<Record<string, string>> = {}): Promise<Fleet> {
  const [database, redis] = await Promise.all([createTestDatabase(), createRedisServer()])
  const folder = mkdtempSync(join(tmpdir(), 'parley-fleet-'))
  const shared = {
    REDIS_URL: redis.url,
    JWT_SECRET: randomUUID() + randomUUID(),
    JWT_REFRESH_SECRET: randomUUID() + randomUUID(),
    DATABASE_POOL: '5',
    BLOBS_DIR: folder,
    ...env,
  }
  const instances = await Promise.all(
    Array.from({ length: size }, () => startServer({ databaseUrl: database.url, env: shared })),
  )
  const balancer = await startBalancer(instances.map(({ url }) => url))
  return {
    url: balancer.url,
    instances,
    redis,
    async stop() {
      await balancer.close()
      await Promise.all(instances.map((instance) => instance.stop()))
      await redis.remove()
      await database.drop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
