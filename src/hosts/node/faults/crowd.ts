import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { inParallel } from '../replay/parallel.ts'
import type { CrowdOutcome, CrowdTask } from './crowd-process.ts'
import type { Fault } from './fault.ts'
import { createGuests, tokenOf } from './guests.ts'
import type { FaultyInstance } from './instance.ts'
import { until } from './until.ts'

const CROWD = 10_000
/** Files that a process has open besides the sockets of the crowd. */
const OTHER_FILES = 500
const SIGNED_AT_ONCE = 100
/** Milliseconds in which the instances have forgotten the crowd. */
const FORGOTTEN_WITHIN = 10_000

/** Crowd is 10,000 users who connect as fast as they are let in, and who are all gone at one moment. */
export const crowd: Fault = {
  id: 'F23',
  title: '10,000 connect, then all drop',
  async inject(scene) {
    const { stage } = scene
    const size = Math.min(CROWD, mostFiles() - OTHER_FILES)
    if (size < CROWD) {
      scene.remarks.push(
        `${size} instead of ${CROWD} sockets: a process may open ${mostFiles()} files (ulimit -n)`,
      )
    }
    const guests = await createGuests(stage, size)
    const tokens = await inParallel(guests, SIGNED_AT_ONCE, (guest) => tokenOf(stage, guest))
    const urls = stage.instances.filter(({ isUp }) => isUp).map(({ url }) => url)
    const before = await countConnections(stage.instances)
    const { child, outcome } = gatherCrowd({ tokens, urls })
    try {
      const { opened, seconds, failures } = await outcome
      const each = failures.length === 0 ? '' : `, first ${failures.slice(0, 3).join(', ')}`
      scene.remarks.push(`${opened} handshakes in ${seconds.toFixed(1)} s, ${failures.length} refused${each}`)
      if (opened < size) scene.wrong(`${size - opened} of ${size} were not let in`)
      if ((await countConnections(stage.instances)) < before + opened) scene.wrong('some had dropped before')
      scene.struck()
    } finally {
      child.kill('SIGKILL')
    }
    await scene.pause(scene.left)
    const isForgotten = async () => (await countConnections(stage.instances)) <= scene.voices.length
    if (!(await until(isForgotten, FORGOTTEN_WITHIN)))
      scene.wrong('connections are still counted that are gone')
  },
}

function gatherCrowd(task: CrowdTask) {
  const child = fork(fileURLToPath(new URL('./crowd-process.ts', import.meta.url)), { execArgv: [] })
  const outcome = new Promise<CrowdOutcome>((resolve, reject) => {
    child.once('message', (message) => resolve(message as CrowdOutcome))
    child.once('exit', (code) => reject(new Error(`The crowd's process ended: ${code}`)))
  })
  child.send(task)
  return { child, outcome }
}

/** How many sockets the instances hold, as they tell it themselves. */
async function countConnections(instances: readonly FaultyInstance[]): Promise<number> {
  const counts = await Promise.all(
    instances.map(async ({ url }) => {
      const page = await (await fetch(new URL('/metrics', url))).text()
      return Number(/^websocket_connections_active (\d+)/m.exec(page)?.[1])
    }),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Soft limit of this process, which its children have as well. */
function mostFiles(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } }
  const soft = report.userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY
}
