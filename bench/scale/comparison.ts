import type { RedisCounts } from '../machine/redis.ts'
import { add } from './bus.ts'
import type { Sizes } from './sizes.ts'
import type { MessageMeans } from './spread.ts'
import { beatTraffic, type Habit, messageTraffic, probeTraffic } from './traffic.ts'

/** Seconds between two looks of an instance at whether what it says of its users stands there; said again every 30 s. */
const LOOK = 2
const COMMANDS_A_LEASE = 4

/** Kind is what people of one observation do, and how many times a second. */
export interface Kind {
  readonly chatSize: number
  readonly habit: Habit
  readonly perSecond: number
}

export interface Case extends Kind {
  readonly instances: number
  readonly limits: 'on' | 'off'
}

/** Reading is what was counted up to a moment, in seconds; processor time in microseconds. */
interface Reading {
  readonly at: number
  readonly redis: RedisCounts | undefined
  readonly cpu: Readonly<Record<string, number>>
}

/** Observed is what real instances did: nothing from `idle` to `before`, and then these messages. */
export interface Observed {
  readonly users: number
  readonly messages: number
  readonly idle: Reading
  readonly before: Reading
  readonly after: Reading
}

/** toComparison sets what the model says of each message beside what was counted, less heartbeats, probes and leases. */
export function toComparison(one: Case, sizes: Sizes, observed: Observed): string {
  const { instances, chatSize, habit, limits } = one
  const { users, messages, before, after } = observed
  const means = meansOf(one)
  const relayed = (instances - 1) / instances
  const model = messageTraffic({ sizes, means, relayed, habit })
  // Who hears a message at one instance acknowledges it in one breath, when all clients are on one machine.
  const together = { ...means, others: Math.min(means.others, instances) }
  const least = messageTraffic({ sizes, means: together, relayed, habit })
  const counted = countOf(one, sizes, observed)
  const compare = (name: string, derived: number, of: number) =>
    row(name, derived.toFixed(2), of.toFixed(2), (of / derived).toFixed(3))
  const looks = Math.round((instances * (after.at - before.at)) / LOOK)
  return [
    `${instances} instances, chats of ${chatSize}, people ${habit}; limits ${limits}; ${messages} messages`,
    row('for each message', 'model', 'counted', 'ratio'),
    compare('publishes', model.publishes, counted.publishes),
    ...(least.publishes < model.publishes
      ? [compare('… if acks go together', least.publishes, counted.publishes)]
      : []),
    ...(limits === 'on' ? [compare('scripts of the limiter', 1, counted.scripts)] : []),
    ...(limits === 'off' ? [compare('bytes into Redis', model.bytesIn, counted.bytesIn)] : []),
    ...(limits === 'off' ? [compare('bytes out of Redis', model.bytesOut, counted.bytesOut)] : []),
    `  leases: ${counted.leases} of ${users * COMMANDS_A_LEASE} commands; looks: ${counted.looks} of ${looks}`,
    `  CPU for each message, less what idles: ${cpuOfEach(observed).join(', ')}`,
  ].join('\n')
}

/** For each message, but leases and looks, which are counted in all. */
function countOf({ instances }: Case, sizes: Sizes, { messages, before, after }: Observed) {
  const idle = add(beatTraffic(sizes, instances), probeTraffic(sizes, instances))
  const seconds = after.at - before.at
  const called = (name: string) => (after.redis?.calls[name] ?? 0) - (before.redis?.calls[name] ?? 0)
  const grown = (of: 'bytesIn' | 'bytesOut') => (after.redis?.[of] ?? 0) - (before.redis?.[of] ?? 0)
  const leases = leasesOf(called)
  return {
    publishes: (called('publish') - idle.publishes * seconds) / messages,
    scripts: (called('evalsha') + called('eval')) / messages,
    bytesIn: (grown('bytesIn') - idle.bytesIn * seconds - leases.bytesIn) / messages,
    bytesOut: (grown('bytesOut') - idle.bytesOut * seconds - leases.bytesOut) / messages,
    leases: leases.commands,
    looks: called('scard'),
  }
}

function cpuOfEach({ messages, idle, before, after }: Observed): string[] {
  const idleSeconds = before.at - idle.at
  const seconds = after.at - before.at
  return Object.entries(after.cpu).map(([name, used]) => {
    const start = before.cpu[name] ?? 0
    const idleOver = ((start - (idle.cpu[name] ?? 0)) / idleSeconds) * seconds
    return `${name} ${Math.round((used - start - idleOver) / messages)} us`
  })
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
