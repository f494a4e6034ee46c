import type { Database } from '../../db/connect.ts'
import { createJobStore } from '../../db/jobs.ts'
import { createRoomStore } from '../../db/room-store.ts'
import { createHandlers } from '../../workers/handlers.ts'
import type { JobQueue } from '../../workers/ports.ts'
import { createRemoveFiles, REMOVE_FILES } from '../../workers/remove-files.ts'
import { runDue } from '../../workers/runner.ts'
import { createSender } from '../../workers/sender.ts'
import type { Bindings } from './bindings.ts'
import type { GatewayCalls } from './calls.ts'
import { openFiles } from './files.ts'
import { createLogger, logFaults } from './logger.ts'
import { createPassingObjects } from './objects.ts'
import { openDirectory } from './outside.ts'
import { post } from './post.ts'
import { createRemotePresence } from './remote-presence.ts'
import { settings } from './settings.ts'

/** Seconds by which the platform can put a message off at most. */
const MOST_DELAY = 43_200
/** No room commits while jobs are done. */
const NOT_HERE = async () => ({ status: 'unavailable' }) as const

/**
 * wakeJobs has the queue call, once the jobs that were stored are due. The queue carries no job: those are in the
 * database, stored by the commit that caused them, so that what the queue loses or doubles does no harm. Never rejects.
 */
export async function wakeJobs({ JOBS }: Bindings, delay: number): Promise<void> {
  const delaySeconds = Math.min(Math.ceil(delay / 1_000), MOST_DELAY)
  // Without it, the next minute finds them.
  await JOBS?.send(null, { delaySeconds }).catch(() => {})
}

/** createJobQueue is where routes put jobs. */
export function createJobQueue(
  bindings: Bindings,
  db: Database,
  waitUntil: (promise: Promise<unknown>) => void,
): JobQueue {
  const wake = (delay: number) => waitUntil(wakeJobs(bindings, delay))
  return { add: createJobStore(db, { onAdded: wake }).add, wake: () => wake(0) }
}

/** runJobs does what is due, and has itself called for what is due next. */
export async function runJobs(bindings: Bindings, db: Database): Promise<void> {
  const config = settings(bindings)
  const store = createJobStore(db, { onAdded() {} })
  const attachments = await openFiles(bindings, { config, db, jobs: store })
  const handlers = {
    ...createHandlers({
      config,
      db,
      store: createRoomStore(db, { commit: NOT_HERE }),
      presence: createRemotePresence(createPassingObjects<GatewayCalls>(bindings.GATEWAYS)),
      send: createSender(config, post),
      pushTokens: openDirectory(config, { isShared: true }),
    }),
    ...(attachments && { [REMOVE_FILES]: createRemoveFiles(attachments) }),
  }
  if (Object.keys(handlers).length === 0) return
  const nextIn = await runDue({
    store,
    handlers,
    random: Math.random,
    firstPause: config.JOB_RETRY_SECONDS * 1_000,
    onFault: logFaults(createLogger(config)),
  })
  if (nextIn !== null) await wakeJobs(bindings, nextIn)
}
