import { randomBytes, randomUUID } from 'node:crypto'
import { Random } from '../../../conformance/random.ts'
import { patiently } from '../patiently.ts'
import { Latencies } from '../replay/latencies.ts'
import { inParallel } from '../replay/parallel.ts'
import { watchStolen } from '../stolen-time.ts'
import type { Fault, Peers } from './fault.ts'
import { judge, type Verdict } from './judge.ts'
import { startLoad } from './load.ts'
import { pushSettings } from './lost-pushes.ts'
import { Scene } from './scene.ts'
import { createBucket } from './servers/bucket.ts'
import { createProvider } from './servers/provider.ts'
import { createStage, type Stage, type StageSettings } from './stage.ts'
import { createNotes, type Notes, Voice } from './voice.ts'

const ENTERED_AT_ONCE = 4
/** Every client speaks in so many chats. */
const CHATS_EACH = 2
/** Share of the processors from which on their absence explains times, and what is bounded in time. */
const NOTABLE = 0.05

export interface FaultRunOptions {
  readonly faults: readonly Fault[]
  readonly seconds: number
  readonly seed: number
  readonly instances: number
  readonly clients: number
  readonly chats: number
  readonly settings?: StageSettings
  readonly onResult?: (result: FaultResult) => void
}

/** FaultResult is one row of the table. Times are in milliseconds. */
export interface FaultResult extends Verdict {
  readonly id: string
  readonly title: string
  /** How often the fault hit. */
  readonly strikes: number
  readonly acked: number
  /** Sends that were never settled. */
  readonly unknown: number
  readonly refused: number
  /** Holes that clients asked for. */
  readonly repaired: number
  readonly takeover: Spread
  readonly reconnect: Spread
  readonly delivery: Spread
  readonly remarks: readonly string[]
}

export interface Spread {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/**
 * runFaults starts a service of its own, injects one fault after another under load, and judges each; those that
 * need peers come last, on a service that has them.
 */
export async function runFaults(options: FaultRunOptions): Promise<FaultResult[]> {
  const withPeers = options.faults.filter(({ hasPeers }) => hasPeers)
  const others = options.faults.filter(({ hasPeers }) => !hasPeers)
  const results = others.length > 0 ? await runOn(undefined, { ...options, faults: others }) : []
  if (withPeers.length === 0) return results
  const peers = { provider: await createProvider(), bucket: await createBucket() }
  try {
    const env = { ...options.settings?.env, ...pushSettings(peers.provider), ...peers.bucket.settings }
    const settings = { ...options.settings, env }
    return [...results, ...(await runOn(peers, { ...options, settings, faults: withPeers }))]
  } finally {
    await peers.provider.close()
    await peers.bucket.close()
  }
}

async function runOn(peers: Peers | undefined, options: FaultRunOptions): Promise<FaultResult[]> {
  const { faults, seed, instances, clients, settings, onResult } = options
  const stage = await createStage(instances, settings)
  const voices: Voice[] = []
  try {
    await stage.heal()
    const url = `http://127.0.0.1:${stage.front.port}`
    const tag = randomBytes(4).toString('hex')
    for (let number = 1; number <= clients; number += 1) voices.push(new Voice(url, `voice-${tag}-${number}`))
    await inParallel(voices, ENTERED_AT_ONCE, (voice) => voice.enter())
    const results: FaultResult[] = []
    for (const fault of faults) {
      const result = await runFault(fault, { stage, peers, voices, random: new Random(seed), options })
      results.push(result)
      onResult?.(result)
    }
    return results
  } finally {
    for (const { client } of voices) client.disconnect()
    await stage.close()
  }
}

interface Setting {
  readonly stage: Stage
  readonly peers: Peers | undefined
  readonly voices: readonly Voice[]
  readonly random: Random
  readonly options: FaultRunOptions
}

async function runFault(
  fault: Fault,
  { stage, peers, voices, random, options }: Setting,
): Promise<FaultResult> {
  const notes = createNotes()
  const stolen = watchStolen()
  const chatIds = await gather(voices, options.chats, notes)
  const load = startLoad(voices, random)
  const seconds = Math.max(options.seconds, fault.leastSeconds ?? 0)
  const scene = new Scene(stage, { voices, chatIds, random, seconds, load })
  await fault.inject(scene, peers)
  await stage.heal()
  await scene.hush()
  await fault.afterwards?.(scene, peers)
  const verdict = await judge(scene, notes)
  const { remarks } = scene
  if (stolen() > NOTABLE)
    remarks.push(`the host of this machine gave ${toPercent(stolen())} of it to others meanwhile`)
  return { id: fault.id, title: fault.title, ...verdict, ...measure(scene, notes), remarks }
}

/** New chats for each fault, so that each is judged by itself. */
async function gather(voices: readonly Voice[], count: number, notes: Notes): Promise<string[]> {
  const people = Array.from({ length: count }, (_, chat) =>
    voices.filter((_, place) =>
      Array.from({ length: CHATS_EACH }, (_, nth) => (place + nth) % count).includes(chat),
    ),
  )
  const chatIds = await inParallel(people, ENTERED_AT_ONCE, async ([owner, ...others], chat) => {
    if (!owner) throw new Error('There are too few clients for so many chats')
    const userIds = others.map(({ userId }) => userId)
    const key = randomUUID()
    const { id } = await patiently(() => owner.client.createGroup(`Chat ${chat + 1}`, userIds, key))
    return id
  })
  await inParallel(voices, ENTERED_AT_ONCE, async (voice) => {
    const own = chatIds.filter((_, chat) => people[chat]?.includes(voice))
    await voice.begin(own, notes)
  })
  return chatIds
}

function measure({ strikes }: Scene, { sends, repairs, reconnects, deliveries }: Notes) {
  const acked = sends.filter(({ outcome }) => outcome === 'ok')
  const sendsOf = Map.groupBy(acked, ({ chatId }) => chatId)
  const takeovers = strikes.flatMap(({ at, chatIds }) =>
    chatIds.flatMap((chatId) => {
      const after = (sendsOf.get(chatId) ?? []).filter(({ invokedAt }) => invokedAt >= at)
      const first = Math.min(...after.map(({ settledAt = Number.POSITIVE_INFINITY }) => settledAt))
      return Number.isFinite(first) ? [first - at] : []
    }),
  )
  return {
    strikes: strikes.length,
    acked: acked.length,
    unknown: sends.filter(({ outcome }) => outcome === 'unknown').length,
    refused: sends.filter(({ outcome }) => outcome === 'failed').length,
    repaired: repairs,
    takeover: toSpread(takeovers),
    reconnect: toSpread(reconnects),
    delivery: toSpread(deliveries),
  }
}

function toPercent(share: number): string {
  return `${Math.round(share * 100)} %`
}

function toSpread(values: readonly number[]): Spread {
  const latencies = new Latencies()
  for (const value of values) latencies.add(value)
  const [p50, p99, max] = latencies.percentiles(0.5, 0.99, 1)
  return { count: latencies.count, p50, p99, max }
}
