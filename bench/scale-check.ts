import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { v7 } from 'uuid'
import { type Postgres, startPostgres } from './machine/postgres.ts'
import { cpuOf } from './machine/usage.ts'
import { createPeople } from './people.ts'
import { type Case, type Kind, type Observed, toComparison } from './scale/comparison.ts'
import { createCrowd } from './scale/crowd.ts'
import { measureSizes } from './scale/sizes.ts'
import { createFleetTarget } from './targets/parley.ts'
import type { Target } from './targets/target.ts'

const USAGE = `node bench/scale-check.ts [--instances 2,3] [--seconds 30] [--times 1]
Holds the model of docs/scaling.md against what real instances do with a real Redis: what is predicted for each message,
and what INFO counts. --times 20 sends so many times as fast, when much goes together.`

const USERS = 400
const CONTENT =
  'The train leaves at nine from platform four, so be there a little earlier, and bring the papers.'
/** Until connections have said hello, and until the last typing list and receipts are out, in milliseconds. */
const SETTLE = 3_000
const IDLE = 10_000
/** Few messages in each chat, so that nothing of one goes together with anything of another. */
const KINDS: readonly Kind[] = [
  { chatSize: 2, habit: 'send', perSecond: 50 },
  { chatSize: 2, habit: 'type, send, acknowledge', perSecond: 25 },
  { chatSize: 10, habit: 'type, send, acknowledge', perSecond: 5 },
]

const { values: flags } = parseArgs({
  options: {
    instances: { type: 'string', default: '2,3' },
    seconds: { type: 'string', default: '30' },
    times: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})

if (flags.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const sizes = await measureSizes({ content: CONTENT, chats: 1, contacts: 0, uuid: () => v7() })
  const postgres = await startPostgres()
  try {
    for (const instances of flags.instances.split(',').map(Number)) {
      for (const limits of ['off', 'on'] as const) {
        const settings = { RATE_LIMITS: limits, RATE_REST_PER_MINUTE: '1000000' }
        const target = await createFleetTarget(instances, settings)
        const kinds = limits === 'off' ? KINDS : KINDS.slice(0, 1)
        for (const kind of kinds) {
          const one = { ...kind, instances, limits }
          console.log(toComparison(one, sizes, await observe(one, target, postgres)))
        }
        await target.close()
      }
    }
  } finally {
    await postgres.stop()
  }
}

/** Connects everybody, lets them be idle for a while and then talk, and counts both. */
async function observe(one: Case, target: Target, postgres: Postgres): Promise<Observed> {
  const url = await postgres.createDatabase()
  const people = createPeople(USERS, one.chatSize)
  const users = await target.prepare(url, people)
  const server = await target.start(url)
  const read = async () => ({
    at: performance.now() / 1_000,
    redis: await target.redis?.count(),
    cpu: {
      instances: server.pids.reduce((total, pid) => total + cpuOf(pid), 0),
      Redis: cpuOf(target.redis?.pid ?? 0),
      Postgres: cpuOf(postgres.pid),
    },
  })
  try {
    const crowd = await createCrowd({ users, ports: server.ports, content: CONTENT, habit: one.habit })
    await sleep(SETTLE)
    const idle = await read()
    await sleep(IDLE)
    const before = await read()
    const messages = await crowd.send(one.perSecond * Number(flags.times), Number(flags.seconds))
    await sleep(SETTLE)
    const after = await read()
    crowd.leave()
    return { users: USERS, messages, idle, before, after }
  } finally {
    await server.stop('SIGKILL')
  }
}
