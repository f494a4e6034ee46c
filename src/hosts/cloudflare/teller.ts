import type { Broadcastable, Clock, Publisher, Topic } from '../../rooms/ports.ts'
import { type GatewayCalls, toHearCall } from './calls.ts'
import { gatewayOf, type Objects } from './objects.ts'

/** Gateways that are called before the runtime may turn to what has come in meanwhile. */
const AT_ONCE = 8
/** Milliseconds until what happened meanwhile is told, whether or not a gateway has taken what was told last. */
const PACE = 20
/** Events of one call. */
const MOST_EVENTS = 500
/** From so many on, what happens next is told only after a rest as long as the telling: the next call carries more. */
const MANY_EVENTS = 16

interface TellerPorts {
  readonly clock: Clock
  readonly gateways: Objects<Pick<GatewayCalls, 'hear'>>
  /** The same gateways, by links: what fails there goes by a call of its own. */
  readonly links: Objects<Pick<GatewayCalls, 'hear'>>
  /** The names of the gateways that hear the chat. */
  readonly listeners: ReadonlySet<string>
  readonly waitUntil: (promise: Promise<unknown>) => void
}

/**
 * createTeller tells the gateways what happens in a chat, each by one call however many of the chat are there. A call
 * costs more than a commit: turns do not wait for them, and what several turns came to meanwhile goes into one. What is
 * lost on the way the heads show.
 */
export function createTeller({ clock, gateways, links, listeners, waitUntil }: TellerPorts): Publisher {
  let untold: Broadcastable[] = []
  let isTelling = false

  async function tellAll(topic: Topic): Promise<void> {
    isTelling = true
    try {
      while (untold.length > 0) {
        // The outcomes of the turn go first: they would wait in line behind the calls.
        await pass()
        const items = untold
        untold = []
        const begin = clock.now()
        for (const item of items) await tell(topic, item)
        if (items.some(isLarge)) await pass(clock.now() - begin)
      }
    } finally {
      isTelling = false
    }
  }

  async function tell(topic: Topic, item: Broadcastable): Promise<void> {
    const call = toHearCall(topic, item)
    const names = [...listeners]
    const told: Promise<unknown>[] = []
    for (let begin = 0; begin < names.length; begin += AT_ONCE) {
      if (begin > 0) await pass()
      told.push(...names.slice(begin, begin + AT_ONCE).map((name) => hear(name, call)))
    }
    waitUntil(Promise.all(told))
    const late = Promise.withResolvers<void>()
    const cancel = clock.after(PACE, late.resolve)
    await Promise.race([...told, late.promise])
    cancel()
  }

  function hear(name: string, call: ReturnType<typeof toHearCall>): Promise<void> {
    const again = () => {
      links.forget(name)
      return gateways.get(name).hear(call)
    }
    return links
      .get(name)
      .hear(call)
      .catch(again)
      .catch(() => gateways.forget(name))
  }

  function pass(milliseconds = 0): Promise<void> {
    return new Promise((resolve) => clock.after(milliseconds, resolve))
  }

  return {
    publish(topic, item) {
      if (!topic.startsWith('chat:')) {
        waitUntil(hear(gatewayOf(topic.slice('user:'.length)), toHearCall(topic, item)))
        return
      }
      if (listeners.size === 0) return
      const joined = join(untold.at(-1), item)
      if (joined) untold[untold.length - 1] = joined
      else untold.push(item)
      if (!isTelling) waitUntil(tellAll(topic))
    },
  }
}

/** join makes one of two that follow each other without a hole. */
function join(before: Broadcastable | undefined, item: Broadcastable): Broadcastable | undefined {
  if (before?.kind !== 'events' || item.kind !== 'events') return undefined
  const events = [...before.events, ...item.events]
  const isWhole = before.events.at(-1)?.seq === (item.events[0]?.seq ?? 0) - 1
  return isWhole && events.length <= MOST_EVENTS ? { ...item, events } : undefined
}

function isLarge(item: Broadcastable): boolean {
  return item.kind === 'events' && item.events.length >= MANY_EVENTS
}
