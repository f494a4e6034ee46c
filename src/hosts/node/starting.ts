import type { Config } from '../../config.ts'
import { toErrorBody } from '../../protocol/errors.ts'
import type { Health } from '../../protocol/rest.ts'
import { clock, ids } from '../shared/clock.ts'
import { toHealth } from '../shared/health.ts'

const NOTHING_YET = { database: 'down', replica: 'off', redis: 'off', storage: 'off' } as const

/** createStarting answers while there is nothing behind the port yet: the process lives, and is not ready. */
export function createStarting(config: Config, phase: () => Health['status']) {
  return {
    fetch(request: Request): Response {
      const { pathname } = new URL(request.url)
      if (pathname === '/health/live') return Response.json({ status: 'ok' })
      if (pathname === '/health/ready') return Response.json({ status: phase() }, { status: 503 })
      if (pathname === '/health')
        return Response.json(toHealth(config, process.uptime(), { status: phase(), services: NOTHING_YET }), {
          status: 503,
        })
      const message = 'The service is starting: try again in a moment'
      const error = toErrorBody(
        { code: 'SERVICE_UNAVAILABLE', message },
        { now: clock.now(), requestId: ids.uuid() },
      )
      return Response.json({ error }, { status: 503, headers: { 'Retry-After': '1' } })
    },
  }
}
