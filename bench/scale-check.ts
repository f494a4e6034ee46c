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

const USAGE = `node bench/scale-check.ts [--instances 2,3] [--seconds 30] [--times 1]
Holds the model of docs/scaling.md against what real instances do with a real Redis: what is predicted for each message,
and what INFO counts. --times 20 sends so many times as fast, when much goes together.`

const USERS = 400
const CONTENT =
  'The train leaves at nine from platform four, so be there a little earlier, and bring the papers.'
/** Until connections have said hello, and until the last typing list and receipts are out, in milliseconds. */
const SETTLE = 3_000
const IDLE = 10
/** Seconds between two looks of an instance at whether what it says of its users stands there; said again every 30 s. */
const LOOK = 2
const COMMANDS_A_LEASE = 4

const { values: flags } = parseArgs({
  options: {
    instances: { type: 'string', default: '2,3' },
    seconds: { type: 'string', default: '30' },
    times: { type: 'string', default: '1' },
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
      const messages = await crowd.send(one.perSecond * Number(flags.times), Number(flags.seconds))
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
  const { instances, habit, chatSize, limits } = one
  const means = meansOf(one)
  const relayed = (instances - 1) / instances
  const predicted = messageTraffic({ sizes, means, relayed, habit })
  // Who hears a message at one instance acknowledges it in one breath, when all clients are on one machine.
  const together = { ...means, others: Math.min(means.others, instances) }
  const least = messageTraffic({ sizes, means: together, relayed, habit })
  const beats = beatTraffic(sizes, instances)
  const called = (name: string) => (after.calls[name] ?? 0) - (before.calls[name] ?? 0)
  const leases = leasesOf(called)
  const published = (called('publish') - beats.publishes * seconds) / messages
  const taken = after.bytesIn - before.bytesIn - beats.bytesIn * seconds - leases.bytesIn
  const given = after.bytesOut - before.bytesOut - beats.bytesOut * seconds - leases.bytesOut
  console.log(
    `${instances} instances, chats of ${chatSize}, people ${habit}; limits ${limits}; ${messages} messages`,
  )
  console.log(row('for each message', 'model', 'counted', 'ratio'))
  const compare = (name: string, model: number, counted: number) =>
    console.log(row(name, model.toFixed(2), counted.toFixed(2), (counted / model).toFixed(3)))
  compare('publishes', predicted.publishes, published)
  if (least.publishes < predicted.publishes) compare('… if acks go together', least.publishes, published)
  if (limits === 'on') compare('scripts of the limiter', 1, (called('evalsha') + called('eval')) / messages)
  else compare('bytes into Redis', predicted.bytesIn, taken / messages)
  if (limits === 'off') compare('bytes out of Redis', predicted.bytesOut, given / messages)
  const looks = Math.round((instances * seconds) / LOOK)
  console.log(
    `  leases: ${leases.commands} of ${USERS * COMMANDS_A_LEASE} commands; looks: ${called('exists')} of ${looks}`,
  )
  console.log(`  CPU for each message, less what idles: ${cpu.join(', ')}`)
}

function row(name: string, ...cells: readonly string[]): string {
  return `  ${name.padEnd(24)}${cells.map((cell) => cell.padStart(10)).join('')}`
}

/** What is said again of everybody while messages are counted, in the words of cluster/presence.ts. */
function leasesOf(called: (name: string) => number): { commands: number; bytesIn: number; bytesOut: number } {
  const id = '0'.repeat(36)
  const [user, instance] = [`parley:presence:user:${id}`, `parley:presence:instance:${id}`]
  const kinds = [
    { count: called('hset'), words: ['hset', user, id, 'online'] },
    { count: called('sadd'), words: ['sadd', instance, id] },
    { count: called('expire') / 2, words: ['expire', user, '90'] },
    { count: called('expire') / 2, words: ['expire', instance, '90'] },
  ]
  const sizeOf = (words: readonly string[]) =>
    words.reduce((sum, word) => sum + `$${word.length}\r\n${word}\r\n`.length, '*4\r\n'.length)
  const commands = kinds.reduce((sum, { count }) => sum + count, 0)
  const bytesIn = kinds.reduce((sum, { count, words }) => sum + count * sizeOf(words), 0)
  return { commands, bytesIn, bytesOut: commands * ':1\r\n'.length }
}

/** Members of a chat follow each other, and so do the instances that they connect to. */
function meansOf({ instances, chatSize, habit }: Case): MessageMeans {
  const heardBy = Math.min(chatSize, instances)
  const receipts = habit === 'send' ? 0 : Math.min(chatSize - 1, 2)
  return { others: chatSize - 1, heardBy, receipts, receiptsHeardBy: receipts * heardBy }
}
