import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { lockFolder } from './folder-lock.ts'
import type { PgliteThreadData } from './pglite-thread.ts'

/** Pglite is the embedded Postgres, in a thread of its own behind a private unix socket. */
export interface Pglite {
  /** For the driver, with `isEmbedded`. */
  readonly url: string
  /** Resolves when it can be connected to: 0.3 s, or 4 s for a new folder. Rejects when it cannot start. */
  readonly ready: Promise<void>
  /** Resolves when the thread has ended, by `close` or by a fault, which it then gives. */
  readonly ended: Promise<Error | undefined>
  close(): Promise<void>
}

/**
 * startPglite starts PGlite on `folder`, which is made when it is missing. Throws a ConfigError when another
 * process uses the folder, which would corrupt it.
 */
export function startPglite(folder: string): Pglite {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const unlock = lockFolder(folder)
  // Not in `folder`: the path of a unix socket is at most 107 bytes long.
  const socketFolder = mkdtempSync(join(tmpdir(), 'parley-'))
  const workerData: PgliteThreadData = {
    dataFolder: join(folder, 'pglite'),
    socketPath: join(socketFolder, '.s.PGSQL.5432'),
  }
  const thread = new Worker(new URL('./pglite-thread.ts', import.meta.url), { workerData, execArgv: [] })
  let fault: Error | undefined
  thread.once('error', (error) => {
    fault = error
  })
  const ended = new Promise<Error | undefined>((resolve) => {
    thread.once('exit', () => {
      rmSync(socketFolder, { recursive: true, force: true })
      unlock()
      resolve(fault)
    })
  })
  const ready = Promise.race([
    new Promise<void>((resolve) => thread.once('message', () => resolve())),
    ended.then((error) => Promise.reject(error ?? new Error('PGlite ended before it was ready'))),
  ])
  // Whoever does not wait for `ready` hears of the fault by `ended`.
  ready.catch(() => {})
  return {
    url: `postgres://postgres@${encodeURIComponent(socketFolder)}/postgres`,
    ready,
    ended,
    async close() {
      await ready.catch(() => {})
      thread.postMessage('close')
      await ended
    },
  }
}
