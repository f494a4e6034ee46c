import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import type { Logger } from 'pino'
import { type Config, ConfigError } from '../../config.ts'
import type { Health } from '../../protocol/rest.ts'
import type { Instance } from './instance.ts'
import { createStarting } from './starting.ts'

/**
 * Connections that the kernel keeps until they are taken, if its own limit (net.core.somaxconn) allows. Beyond it a
 * client hears nothing and tries again after 1, 2, 4 seconds.
 */
const BACKLOG = 16_384

/** Running is a service that listens. */
export interface Running {
  readonly url: string
  /** Resolves when it serves; it listens before that, and says so. Rejects when it never will. */
  readonly ready: Promise<void>
  /** Resolves with the reason when it cannot go on. */
  readonly failed: Promise<Error>
  /** Says goodbye to every connection, finishes what is on its way, and ends. */
  stop(): Promise<void>
}

/**
 * start listens at once and is ready when the database is: a new embedded one takes some seconds. Rejects with a
 * ConfigError when the address cannot be listened on.
 */
export async function start(config: Config, logger: Logger): Promise<Running> {
  let phase: Health['status'] = 'starting'
  let instance: Instance | undefined
  const starting = createStarting(config, () => phase)
  const fetch = (request: Request, env: HttpBindings): Response | Promise<Response> =>
    instance ? instance.app.fetch(request, env) : starting.fetch(request)
  const server = createAdaptorServer({
    fetch: (request, env) => fetch(request, env as HttpBindings),
  }) as Server
  await listen(server, config)

  let fail = (_: Error) => {}
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })
  const opening = open()
  opening.catch(() => {})

  /** What takes long to load is loaded once the port is open. */
  async function open(): Promise<() => Promise<void>> {
    const { createMetrics } = await import('./metrics.ts')
    const { openDatabase } = await import('./database.ts')
    const metrics = createMetrics()
    const database = await openDatabase(config, {
      onQuery: metrics.query,
      onFault: (error) => logger.error({ err: error }, 'database connection lost'),
      onState: (state) => logger.warn({ state }, 'the replica stands otherwise than before'),
    })
    const { createInstance } = await import('./instance.ts')
    const made = await createInstance({ config, logger, db: database.db, metrics, phase: () => phase })
    made.upgrades.listen(server)
    instance = made
    phase = 'ok'
    void database.failed.then(fail)
    return database.close
  }

  async function stop(): Promise<void> {
    phase = 'draining'
    const closeDatabase = await opening.catch(() => async () => {})
    await instance?.drain(config.DRAIN_SECONDS * 1_000)
    await close(server)
    await closeDatabase()
  }

  const { address, family, port } = server.address() as AddressInfo
  const host = family === 'IPv6' ? `[${address}]` : address
  return { url: `http://${host}:${port}`, ready: opening.then(() => {}), failed, stop }
}

function listen(server: Server, { PORT, HOST }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(toListenFault(error, `${HOST}:${PORT}`))
    server.once('error', fail)
    server.listen({ port: PORT, host: HOST, backlog: BACKLOG }, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

function toListenFault(error: NodeJS.ErrnoException, place: string): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new ConfigError(`PORT: another process listens on ${place}. End it, or set another PORT`)
    case 'EACCES':
      return new ConfigError(`PORT: this user may not listen on ${place}. Set a PORT of 1024 or more`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ConfigError(`HOST: ${place} is no address of this machine. Set HOST to one that is`)
    default:
      return error
  }
}

/** Requests under way are finished; connections that are kept alive for more are not waited for. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
}
