import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findPort } from '../../src/hosts/node/faults/servers/port.ts'
import { type Child, startChild } from './child.ts'
import { createFolder } from './folder.ts'

export interface Redis extends Child {
  /** The unix socket that it listens on. */
  readonly path: string
  readonly url: string
}

const PROGRAM = '/usr/bin/redis-server'

/** startRedis runs a private Redis that keeps nothing. */
export async function startRedis(): Promise<Redis> {
  if (!existsSync(PROGRAM)) throw new Error('Redis is missing: apt-get install redis-server')
  const folder = createFolder('redis')
  const path = join(folder, 'redis.sock')
  const port = await findPort()
  const listen = ['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', path]
  const args = [...listen, '--dir', folder, '--save', '', '--appendonly', 'no']
  const child = await startChild(PROGRAM, args, { isReady: async () => existsSync(path) })
  return { ...child, path, url: `redis://127.0.0.1:${port}` }
}
