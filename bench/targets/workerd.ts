import { join } from 'node:path'
import { createBadNetwork } from '../../src/hosts/node/faults/bad-network.ts'
import { startWorkerd } from '../../src/hosts/node/workerd.ts'
import { createFolder } from '../machine/folder.ts'
import { portsOf } from '../machine/ports.ts'
import { inGroup } from '../machine/usage.ts'
import { createParleyTarget, SECRETS } from './parley.ts'
import type { Target } from './target.ts'

/**
 * createWorkerdTarget measures the Cloudflare host in the platform's runtime on this machine. What stands between it
 * and Postgres, which listens on a unix socket, is a proxy in the bench's own process.
 */
export function createWorkerdTarget(): Target {
  const folder = createFolder('workerd')
  return {
    ...createParleyTarget(),
    async start(url, [port = 0] = []) {
      const { hostname, pathname } = new URL(url)
      const path = join(decodeURIComponent(hostname), '.s.PGSQL.5432')
      const network = await createBadNetwork(() => [{ path }])
      const workerd = await startWorkerd({
        ...{ port, folder },
        databaseUrl: `postgres://postgres:none@127.0.0.1:${network.port}${pathname}`,
        settings: {
          ...{ JWT_SECRET: SECRETS.access, JWT_REFRESH_SECRET: SECRETS.refresh },
          ...{ RATE_LIMITS: 'off', LOG_LEVEL: 'error' },
        },
      })
      const pids = inGroup(workerd.pid, 'workerd')
      return {
        ports: [await findPort(pids, Number(new URL(workerd.url).port))],
        pids,
        async stop(signal = 'SIGTERM') {
          await workerd.end(signal === 'SIGKILL' ? 'SIGKILL' : 'SIGTERM')
          await network.close()
        },
      }
    },
  }
}

/** The port of the runtime itself: in front of it is another one of wrangler's, through which every byte goes too. */
async function findPort(pids: readonly number[], front: number): Promise<number> {
  for (const port of pids.flatMap(portsOf)) {
    if (port === front) continue
    const answer = await fetch(`http://127.0.0.1:${port}/health/live`).catch(() => undefined)
    if (answer?.ok) return port
  }
  throw new Error('The runtime serves on no port of its own')
}
