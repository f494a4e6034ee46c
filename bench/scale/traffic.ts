import { add, nothing, type Traffic, trafficOf } from './bus.ts'
import type { Sizes } from './sizes.ts'
import type { MessageMeans } from './spread.ts'

const ID = '0'.repeat(36)
/** Typing is told as a list when somebody begins and when the message is there. */
const TYPING_LISTS = 2
/** Probes a second (src/hosts/node/cluster/probe.ts). */
const PROBES = 4

/** What people do for each message: send it only, or type before it and acknowledge it wherever it arrives. */
export type Habit = 'send' | 'type, send, acknowledge'

export interface MessageTrafficInput {
  readonly sizes: Sizes
  readonly means: MessageMeans
  /** Commands that come in elsewhere than at the owner. */
  readonly relayed: number
  readonly habit: Habit
}

/**
 * messageTraffic is what one message costs Redis when nothing shares a publish with anything else, as it is while
 * instances are not busy. With r the share that is relayed, s the chat's size, h the instances that hear it and e the
 * changes with receipts:
 * publishes 1 + 2r, and with typing and acknowledgements 1 + 2r + (r + 2) + (s - 1) 2r + e;
 * pushes h + 2r, and with them h + 2r + (r + 2h) + (s - 1) 2r + e h.
 */
export function messageTraffic({ sizes, means, relayed, habit }: MessageTrafficInput): Traffic {
  const { send, watermark, typing } = sizes
  const news = (bytes: number, heardBy: number) => trafficOf(`chat:${ID}`, bytes, heardBy)
  const line = (bytes: number) => trafficOf(`relay:${ID}`, bytes, 1)
  const asked = add(line(send.command), line(send.outcome))
  const sent = add(news(send.news, means.heardBy), asked, relayed)
  if (habit === 'send') return sent
  const typed = add(
    add(nothing(), line(typing.command), relayed),
    news(typing.news, means.heardBy),
    TYPING_LISTS,
  )
  const acknowledged = add(line(watermark.command), line(watermark.outcome))
  const receipts = add(nothing(), acknowledged, relayed * means.others)
  if (means.receipts === 0) return [typed, receipts].reduce((sum, it) => add(sum, it), sent)
  const told = add(nothing(), news(watermark.news, means.receiptsHeardBy / means.receipts), means.receipts)
  return [typed, receipts, told].reduce((sum, it) => add(sum, it), sent)
}

/** beatTraffic is one second of heartbeats: everybody's, to everybody. */
export function beatTraffic({ heartbeat }: Sizes, instances: number): Traffic {
  return add(nothing(), trafficOf('instances', heartbeat, instances), instances)
}

/** probeTraffic is one second of probes: everybody's, to itself. */
export function probeTraffic({ probe }: Sizes, instances: number): Traffic {
  return add(nothing(), trafficOf(`probe:${ID}`, probe, 1), PROBES * instances)
}

/** joinTraffic is an instance that comes to others: all answer to all, and the newcomer greets whom it did not know. */
export function joinTraffic({ heartbeat }: Sizes, others: number): Traffic {
  return add(nothing(), trafficOf('instances', heartbeat, others + 1), 2 * others + 1)
}

/** statusTraffic is the news of one status: every instance hears it and looks whom here it concerns. */
export function statusTraffic({ presence }: Sizes, instances: number): Traffic {
  return trafficOf('presence', presence, instances)
}
