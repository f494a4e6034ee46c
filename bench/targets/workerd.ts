import { join } from 'node:path'
import { createBadNetwork } from '../../src/hosts/node/faults/bad-network.ts'
import { startWorkerd } from '../../src/hosts/node/workerd.ts'
import { createFolder } from '../machine/folder.ts'
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
      return {
        ports: [Number(new URL(workerd.url).port)],
        pids: inGroup(workerd.pid, 'workerd'),
        async stop(signal = 'SIGTERM') {
          await workerd.end(signal === 'SIGKILL' ? 'SIGKILL' : 'SIGTERM')
          await network.close()
        },
      }
    },
  }
}
