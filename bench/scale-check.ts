import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { v7 } from 'uuid'
import { startPostgres } from './machine/postgres.ts'
import { cpuOf } from './machine/usage.ts'
import { createPeople } from './people.ts'
import { createCrowd } from './scale/crowd.ts'
import { measureSizes, type Sizes } from './scale/sizes.ts'
import type { MessageMeans } from './scale/spread.ts'
import { beatTraffic, type Habit, messageTraffic } from './scale/traffic.ts'
import { createFleetTarget } from './targets/parley.ts'
import type { Target } from './targets/target.ts'

const USAGE = `node bench/scale-check.ts [--instances 2,3] [--seconds 30]
Holds the model of docs/scaling.md against what real instances do with a real Redis: what is predicted for each message,
and what INFO counts.`

const USERS = 400
const CONTENT =
  'The train leaves at nine from platform four, so be there a little earlier, and bring the papers.'
/** Until connections have said hello, and until the last typing list and receipts are out, in milliseconds. */
const SETTLE = 3_000
const IDLE = 10
/** An instance says all that it knows of its users again so often, and looks in between whether it stands there. */
const LEASE_AGAIN = 30
const LOOK = 2
const COMMANDS_A_LEASE = 4

const { values: flags } = parseArgs({
  options: {
    instances: { type: 'string', default: '2,3' },
    seconds: { type: 'string', default: '30' },
    help: { type: 'boolean', default: false },
  },
})

interface Kind {
  readonly chatSize: number
  readonly habit: Habit
  /** Few in each chat, so that nothing of one message goes together with anything of another. */
  readonly perSecond: number
}

interface Case extends Kind {
  readonly instances: number
  readonly limits: 'on' | 'off'
}

if (flags.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const sizes = await measureSizes({ content: CONTENT, chats: 1, contacts: 0, uuid: () => v7() })
  const postgres = await startPostgres()
  try {
    for (const instances of flags.instances.split(',').map(Number)) {
      await checkAll(instances, 'off', [
        { chatSize: 2, habit: 'send', perSecond: 50 },
        { chatSize: 2, habit: 'type, send, acknowledge', perSecond: 25 },
        { chatSize: 10, habit: 'type, send, acknowledge', perSecond: 5 },
      ])
      await checkAll(instances, 'on', [{ chatSize: 2, habit: 'send', perSecond: 50 }])
    }
  } finally {
    await postgres.stop()
  }

  async function checkAll(instances: number, limits: Case['limits'], cases: readonly Kind[]): Promise<void> {
    const target = await createFleetTarget(instances, {
      RATE_LIMITS: limits,
      RATE_REST_PER_MINUTE: '1000000',
    })
    try {
      for (const kind of cases) await run({ instances, limits, ...kind }, target)
    } finally {
      await target.close()
    }
  }

  async function run(one: Case, target: Target): Promise<void> {
    const url = await postgres.createDatabase()
    const people = createPeople(USERS, one.chatSize)
    const users = await target.prepare(url, people)
    const server = await target.start(url)
    const cpus = () => ({
      instances: server.pids.reduce((total, pid) => total + cpuOf(pid), 0),
      Redis: cpuOf(target.redis?.pid ?? 0),
      Postgres: cpuOf(postgres.pid),
    })
    try {
      const crowd = await createCrowd({ users, ports: server.ports, content: CONTENT, habit: one.habit })
      await sleep(SETTLE)
      const idle = cpus()
      await sleep(IDLE * 1_000)
      const cpuBefore = cpus()
      const before = await target.redis?.count()
      const begin = performance.now()
      const messages = await crowd.send(one.perSecond, Number(flags.seconds))
      await sleep(SETTLE)
      const seconds = (performance.now() - begin) / 1_000
      const after = await target.redis?.count()
      const cpuAfter = cpus()
      crowd.leave()
      if (!before || !after) return
      const cpu = Object.entries(cpuAfter).map(([name, used]) => {
        const key = name as keyof typeof cpuAfter
        const idleOver = ((cpuBefore[key] - idle[key]) / IDLE) * seconds
        return `${name} ${Math.round((used - cpuBefore[key] - idleOver) / messages)} us`
      })
      print({ one, sizes, messages, seconds, before, after, cpu })
    } finally {
      await server.stop('SIGKILL')
    }
  }
}

interface Counted {
  readonly one: Case
  readonly sizes: Sizes
  readonly messages: number
  readonly seconds: number
  readonly before: Counts
  readonly after: Counts
  readonly cpu: readonly string[]
}

type Counts = Awaited<ReturnType<NonNullable<Target['redis']>['count']>>

function print({ one, sizes, messages, seconds, before, after, cpu }: Counted): void {
  const { instances, habit } = one
  const predicted = messageTraffic({
    sizes,
    means: meansOf(one),
    relayed: (instances - 1) / instances,
    habit,
  })
  const beats = beatTraffic(sizes, instances)
  const called = (name: string) => (after.calls[name] ?? 0) - (before.calls[name] ?? 0)
  const per = (count: number, perSecond: number) => (count - perSecond * seconds) / messages
  const row = (name: string, model: number, counted: number) =>
    console.log(
      `  ${name.padEnd(28)}${model.toFixed(2).padStart(10)}${counted.toFixed(2).padStart(10)}${(counted / model).toFixed(3).padStart(8)}`,
    )
  console.log(
    `${instances} instances, chats of ${one.chatSize}, people ${habit}; limits ${one.limits}; ${messages} messages`,
  )
  console.log(
    `  ${'for each message'.padEnd(28)}${'model'.padStart(10)}${'counted'.padStart(10)}${'ratio'.padStart(8)}`,
  )
  row('publishes', predicted.publishes, per(called('publish'), beats.publishes))
  if (one.limits === 'on') row('scripts of the limiter', 1, per(called('evalsha') + called('eval'), 0))
  row('bytes into Redis', predicted.bytesIn, per(after.bytesIn - before.bytesIn, beats.bytesIn))
  row('bytes out of Redis', predicted.bytesOut, per(after.bytesOut - before.bytesOut, beats.bytesOut))
  const leases = called('hset') + called('sadd') + called('expire')
  console.log(
    `  leases ${leases}, a round of all being ${USERS * COMMANDS_A_LEASE} each ${LEASE_AGAIN} s; looks ${called('exists')} of ${Math.round((instances * seconds) / LOOK)}`,
  )
  console.log(`  CPU for each message, less what idles: ${cpu.join(', ')}`)
}

/** Members of a chat follow each other, and so do the instances that they connect to. */
function meansOf({ instances, chatSize, habit }: Case): MessageMeans {
  const heardBy = Math.min(chatSize, instances)
  const receipts = habit === 'send' ? 0 : Math.min(chatSize - 1, 2)
  return { others: chatSize - 1, heardBy, receipts, receiptsHeardBy: receipts * heardBy }
}
