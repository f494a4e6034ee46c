import { RpcTarget } from 'cloudflare:workers'
import type { Clock } from '../../rooms/ports.ts'
import type { DispatchCall, GatewayCalls, HearCall, RoomCalls } from './calls.ts'
import type { Objects } from './objects.ts'

/** Milliseconds: a link that was not used for so long is ended, and twice that at most. */
const REST = 500

type RoomEnd = Pick<RoomCalls, 'dispatch'>
type GatewayEnd = Pick<GatewayCalls, 'hear'>

/** RoomLink is what a room answers over a link, as it does without one. */
export class RoomLink extends RpcTarget implements RoomEnd {
  readonly #room: RoomEnd

  constructor(room: RoomEnd) {
    super()
    this.#room = room
  }

  dispatch(call: DispatchCall): Promise<string> {
    return this.#room.dispatch(call)
  }
}

/** GatewayLink is what a gateway answers over a link. */
export class GatewayLink extends RpcTarget implements GatewayEnd {
  readonly #gateway: GatewayEnd

  constructor(gateway: GatewayEnd) {
    super()
    this.#gateway = gateway
  }

  hear(call: HearCall): Promise<void> {
    return this.#gateway.hear(call)
  }
}

interface Link<T> {
  /** What comes of the call by which it is opened, which takes calls before there is an answer, and then the answer. */
  end: T & Partial<Disposable>
}

/**
 * createLinks makes one lasting call to each object and many over that: the platform prepares each call of its own
 * anew, and bills it. While a link lasts neither object can leave the memory, so it ends soon after what is said last.
 * What was asked over it by then is still answered. Only an object may have links, as those of a request end with it.
 */
export function createLinks<T extends object>(
  objects: Objects<{ link(): Promise<T> }>,
  clock: Clock,
): Objects<T> {
  let used = new Map<string, Link<T>>()
  let resting = new Map<string, Link<T>>()
  let isLooking = false

  function look(): void {
    for (const { end } of resting.values()) end[Symbol.dispose]?.()
    resting = used
    used = new Map()
    isLooking = resting.size > 0
    if (isLooking) clock.after(REST, look)
  }

  function open(name: string): Link<T> {
    const opening = objects.get(name).link()
    const link: Link<T> = { end: opening as unknown as T }
    // If it fails, so do the calls over it.
    opening.then(
      (end) => {
        link.end = end
      },
      () => {},
    )
    return link
  }

  return {
    get(name) {
      const known = used.get(name)
      if (known) return known.end
      const link = resting.get(name) ?? open(name)
      resting.delete(name)
      used.set(name, link)
      if (!isLooking) clock.after(REST, look)
      isLooking = true
      return link.end
    },
    forget(name) {
      used.delete(name)
      resting.delete(name)
      objects.forget(name)
    },
  }
}
