import { setTimeout as sleep } from 'node:timers/promises'
import { toParleyError } from '../../../client/error.ts'
import type { SkippedLine } from './archive.ts'
import type { Ears } from './ears.ts'
import { type Group, voiceOf } from './groups.ts'
import type { Identity } from './identity.ts'
import { Latencies } from './latencies.ts'
import { inParallel } from './parallel.ts'
import type { PlannedLine } from './plan.ts'
import type { Voice } from './voices.ts'

/** Topics that are sent at a time, and so messages on their way, when no speed is given. */
const TOPICS_AT_ONCE = 64
/** Timers count in 31 bits. */
const LONGEST_SLEEP = 2 ** 30

export interface SendOptions {
  readonly identity: Identity
  readonly voices: readonly Voice[]
  readonly ears: Ears
  /** Ids of messages that are there already. */
  readonly stored: ReadonlySet<string>
  /** How many times faster than it was written; undefined for as fast as acknowledged. */
  readonly speed: number | undefined
  readonly onSettled: () => void
}

export interface Sent {
  readonly acks: Latencies
  readonly refused: readonly SkippedLine[]
  readonly seconds: number
}

/**
 * sendAll sends what is not stored yet. Topics go side by side, the longest first, as it takes longest whatever is done;
 * within one, a message is sent when the one before it is acknowledged, as another user may say it over another
 * socket, and order is the archive's.
 */
export async function sendAll(groups: readonly Group[], options: SendOptions): Promise<Sent> {
  const { identity, voices, ears, stored, speed, onSettled } = options
  const acks = new Latencies()
  const refused: SkippedLine[] = []
  const isMissing = (line: PlannedLine) => !stored.has(identity.messageId(line))
  const firstAt = earliest(groups, isMissing)
  const begun = performance.now()

  async function sendTopic({ topic, chatId }: Group): Promise<void> {
    for (const line of topic.lines.filter(isMissing)) {
      if (speed !== undefined) await sleepUntil(begun + (line.at - firstAt) / speed)
      await sendLine(chatId, line)
      onSettled()
    }
  }

  async function sendLine(chatId: string, line: PlannedLine): Promise<void> {
    const { author, number, at, content } = line
    const metadata = { author, line: number, writtenAt: new Date(at).toISOString() }
    const id = identity.messageId(line)
    const sentAt = performance.now()
    ears.sent(id)
    try {
      await voiceOf(voices, line.voice).say(chatId, { id, content, metadata })
      acks.add(performance.now() - sentAt)
    } catch (thrown) {
      refused.push({ number, reason: toParleyError(thrown).message })
    }
  }

  const longestFirst = [...groups].sort((a, b) => b.topic.lines.length - a.topic.lines.length)
  await inParallel(longestFirst, speed === undefined ? TOPICS_AT_ONCE : groups.length, sendTopic)
  return { acks, refused, seconds: (performance.now() - begun) / 1_000 }
}

function earliest(groups: readonly Group[], isMissing: (line: PlannedLine) => boolean): number {
  let first = Number.POSITIVE_INFINITY
  for (const { topic } of groups) {
    for (const line of topic.lines) if (line.at < first && isMissing(line)) first = line.at
  }
  return first
}

async function sleepUntil(time: number): Promise<void> {
  for (let left = time - performance.now(); left > 0; left = time - performance.now()) {
    await sleep(Math.min(left, LONGEST_SLEEP))
  }
}
