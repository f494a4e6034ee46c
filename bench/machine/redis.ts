import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Redis as Client } from 'ioredis'
import { findPort } from '../../src/hosts/node/faults/servers/port.ts'
import { type Child, startChild } from './child.ts'
import { createFolder } from './folder.ts'

export interface Redis extends Child {
  /** The unix socket that it listens on. */
  readonly path: string
  readonly url: string
  /** What it has done since it started. */
  count(): Promise<RedisCounts>
}

export interface RedisCounts {
  /** Commands by name, those that a script called as well. */
  readonly calls: Readonly<Record<string, number>>
  readonly bytesIn: number
  readonly bytesOut: number
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
  const url = `redis://127.0.0.1:${port}`
  return { ...child, path, url, count: () => count(url) }
}

async function count(url: string): Promise<RedisCounts> {
  const client = new Client(url)
  try {
    const info = await client.info('commandstats', 'stats')
    const read = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])
    const calls = [...info.matchAll(/^cmdstat_(\S+):calls=(\d+)/gm)].map(([, name = '', of]) => [
      name,
      Number(of),
    ])
    return {
      calls: Object.fromEntries(calls),
      bytesIn: read('total_net_input_bytes'),
      bytesOut: read('total_net_output_bytes'),
    }
  } finally {
    client.disconnect()
  }
}
