import { setTimeout as sleep } from 'node:timers/promises'
import { inParallel } from '../replay/parallel.ts'
import { openBeside } from './open-beside.ts'

/** What the process of the crowd is to open: one socket a token, by turns at these addresses. */
export interface CrowdTask {
  readonly tokens: readonly string[]
  readonly urls: readonly string[]
}

export interface CrowdOutcome {
  readonly opened: number
  readonly seconds: number
  /** Why a try failed that was made again. */
  readonly failures: readonly string[]
}

const OPENED_AT_ONCE = 100
const TRIES = 20
/** Milliseconds before another try, at most: clients come back at random. */
const PAUSE = 2_000

/** A process of its own, so that its sockets count for its own limit of open files, and end all at once with it. */
process.once('message', async (task) => {
  process.send?.(await gather(task as CrowdTask))
})
// It has nothing to do without the one who started it.
process.once('disconnect', () => process.exit())

async function gather({ tokens, urls }: CrowdTask): Promise<CrowdOutcome> {
  const begin = performance.now()
  const failures: string[] = []
  let opened = 0
  await inParallel(
    tokens.map((accessToken, place) => ({ accessToken, place })),
    OPENED_AT_ONCE,
    async ({ accessToken, place }) => {
      for (let tries = 0; tries < TRIES; tries += 1) {
        const url = urls[(place + tries) % urls.length] ?? ''
        const failure = await greeted({ accessToken, url })
        if (failure === undefined) {
          opened += 1
          return
        }
        failures.push(failure)
        await sleep(Math.random() * PAUSE)
      }
    },
  )
  return { opened, seconds: (performance.now() - begin) / 1_000, failures }
}

/** Resolves once hello has come, with nothing, or with why it has not. */
async function greeted(entrance: Parameters<typeof openBeside>[0]): Promise<string | undefined> {
  const socket = await openBeside(entrance)
  if (!socket) return 'no upgrade'
  return new Promise((resolve) => {
    socket.once('message', () => resolve(undefined))
    socket.once('close', (code) => resolve(`close ${code}`))
  })
}
