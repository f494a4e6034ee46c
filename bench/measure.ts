import { setTimeout as sleep } from 'node:timers/promises'
import { stolenTime } from '../src/hosts/node/stolen-time.ts'
import type { Percentiles } from './generator/histogram.ts'
import type { Arrival, Interval } from './generator/load.ts'
import type { Verdict } from './generator/verdict.ts'
import { type Generator, startGenerator } from './generator-process.ts'
import type { Postgres } from './machine/postgres.ts'
import type { RedisCounts } from './machine/redis.ts'
import { cpuOf, rssOf } from './machine/usage.ts'
import { createPeople } from './people.ts'
import type { Scenario } from './scenarios.ts'
import type { Server, Target } from './targets/target.ts'

/** Until garbage of the handshakes has gone and memory stands still. */
const SETTLE = 5_000

/** Run is what one target did in one scenario, once. */
export interface Run {
  readonly interval?: Interval
  /** Microseconds of processor time for each acked message. */
  readonly cpu?: { readonly server: number; readonly postgres: number; readonly others: number }
  /** Of the Redis between instances, for each acked message; presence and limits are among the other commands. */
  readonly redis?: { readonly published: number; readonly otherCommands: number; readonly bytesOut: number }
  /** How much of one core the generator took: near 1, it was the limit. */
  readonly generatorShare?: number
  /** How much of one core the host of this virtual machine gave to others meanwhile, though it was wanted here. */
  readonly stolenShare?: number
  /** Bytes. */
  readonly rss: number
  readonly rssPerConnection: number
  readonly crash?: Crash
  readonly storm?: Storm
  readonly verdict: Verdict
  readonly faults: readonly string[]
}

/** Milliseconds. */
export interface Crash {
  /** From the start of the new process until it took connections. */
  readonly restart: number
  /** From then until each client was connected and had all that it had missed. */
  readonly back: Percentiles
  readonly cpu: CpuEach
}

/** Microseconds of processor time for each that came back, with all that was done meanwhile. */
interface CpuEach {
  readonly server: number
  readonly postgres: number
}

export interface Storm extends Arrival {
  /** What those who had stayed heard of each other meanwhile, in milliseconds. */
  readonly delivery: Percentiles
  readonly cpu: CpuEach
}

export interface Setting {
  readonly scenario: Scenario
  readonly target: Target
  readonly postgres: Postgres
  readonly seconds: number
  /** Seconds of the same load before that: code that is not yet compiled is another thing to measure. */
  readonly warmUp: number
  readonly seed: number
}

/** measure runs one target through one scenario, on an empty database, and judges what came of it. */
export async function measure(setting: Setting): Promise<Run> {
  const { scenario, target, postgres, seed } = setting
  const url = await postgres.createDatabase()
  const people = createPeople(scenario.users, scenario.chatSize)
  const users = await target.prepare(url, people)
  const { chatSize, pace, staying = chatSize } = scenario
  const generator = await startGenerator({ speaks: target.speaks, users, chatSize, staying, pace, seed })
  let server = await target.start(url)
  try {
    const rssAtStart = sum(server.pids, rssOf)
    await generator.call('connect', server.ports)
    let figures: Partial<Run> = {}
    if (scenario.returns === 'at once') await generator.call('leave')
    if (pace.kind === 'idle') await sleep(SETTLE)
    else figures = await underLoad(setting, generator, server)
    let crash: Crash | undefined
    if (scenario.returns === 'after a crash') [server, crash] = await crashed(setting, generator, server, url)
    const storm = scenario.returns === 'at once' ? await stormed(setting, generator, server) : undefined
    const rss = sum(server.pids, rssOf)
    await generator.call('drain')
    const { verdict, faults } = await generator.call('judge', await target.readStored(url, people))
    return {
      ...figures,
      ...(crash && { crash }),
      ...(storm && { storm }),
      rss,
      rssPerConnection: (rss - rssAtStart) / scenario.users,
      verdict,
      faults: [...(storm?.faults ?? []), ...faults],
    }
  } finally {
    generator.stop()
    await server.stop('SIGKILL')
  }
}

async function underLoad(
  { target, postgres, seconds, warmUp }: Setting,
  generator: Generator,
  server: Server,
): Promise<Partial<Run>> {
  const readCpu = () => ({
    server: sum(server.pids, cpuOf),
    postgres: cpuOf(postgres.pid),
    others: sum(target.otherPids, cpuOf),
    generator: cpuOf(generator.pid),
    stolen: stolenTime(),
  })
  await generator.call('start')
  await sleep(warmUp * 1_000)
  await generator.call('mark')
  const before = readCpu()
  const redisBefore = await target.redis?.count()
  await sleep(seconds * 1_000)
  const after = readCpu()
  const redisAfter = await target.redis?.count()
  const interval = await generator.call('mark')
  const ofACore = (who: keyof typeof before) => (after[who] - before[who]) / (interval.seconds * 1_000_000)
  const perMessage = (who: keyof typeof before) => (after[who] - before[who]) / Math.max(1, interval.acked)
  return {
    interval,
    ...(redisBefore && redisAfter && { redis: redisPer(interval.acked, redisBefore, redisAfter) }),
    cpu: { server: perMessage('server'), postgres: perMessage('postgres'), others: perMessage('others') },
    generatorShare: ofACore('generator'),
    stolenShare: ofACore('stolen'),
  }
}

function redisPer(messages: number, before: RedisCounts, after: RedisCounts): NonNullable<Run['redis']> {
  const calls = ({ calls: { info: _, ...others } }: RedisCounts) => sum(Object.values(others), (it) => it)
  const publishes = ({ calls: it }: RedisCounts) => it.publish ?? 0
  const all = calls(after) - calls(before)
  const published = publishes(after) - publishes(before)
  const per = (count: number) => count / Math.max(1, messages)
  return {
    published: per(published),
    otherCommands: per(all - published),
    bytesOut: per(after.bytesOut - before.bytesOut),
  }
}

async function crashed(
  setting: Setting,
  generator: Generator,
  server: Server,
  url: string,
): Promise<[Server, Crash]> {
  const { target, scenario } = setting
  await generator.call('leave')
  await sleep(1_000)
  await server.stop('SIGKILL')
  await generator.call('stop')
  const killedAt = performance.now()
  const next = await target.start(url, server.ports)
  const restart = performance.now() - killedAt
  const { result, cpu } = await cpuEach(setting, next, scenario.users, () =>
    generator.call('connect', next.ports),
  )
  return [next, { restart, back: result.after, cpu }]
}

/** Everybody who is away opens a socket before the first of them is answered. */
async function stormed(setting: Setting, generator: Generator, server: Server): Promise<Storm> {
  const { users, chatSize, staying = chatSize } = setting.scenario
  const back = (users * (chatSize - staying)) / chatSize
  await generator.call('mark')
  const { result, cpu } = await cpuEach(setting, server, back, () =>
    generator.call('connect', server.ports, Number.POSITIVE_INFINITY),
  )
  const { delivery } = await generator.call('mark')
  return { ...result, delivery, cpu }
}

async function cpuEach<T>(
  { postgres }: Setting,
  { pids }: Server,
  clients: number,
  run: () => Promise<T>,
): Promise<{ result: T; cpu: CpuEach }> {
  const readCpu = () => ({ server: sum(pids, cpuOf), postgres: cpuOf(postgres.pid) })
  const before = readCpu()
  const result = await run()
  const after = readCpu()
  const each = (who: keyof CpuEach) => (after[who] - before[who]) / clients
  return { result, cpu: { server: each('server'), postgres: each('postgres') } }
}

function sum(all: readonly number[], of: (one: number) => number): number {
  return all.reduce((total, one) => total + of(one), 0)
}
