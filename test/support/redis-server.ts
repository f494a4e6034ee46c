import {
  createRedisServer as create,
  findRedis,
  type RedisServer,
} from '../../src/hosts/node/faults/servers/redis.ts'
import { install } from './install.ts'

export type { RedisServer }

/** createRedisServer makes a Redis of the tests' own, Debian's when there is none and it may be installed. */
export async function createRedisServer(settings: Record<string, string> = {}): Promise<RedisServer> {
  ensureRedis()
  return create(settings)
}

export function ensureRedis(): void {
  if (findRedis() === undefined) install('redis-server')
}
