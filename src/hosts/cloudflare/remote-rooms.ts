import { type Config, commitDeadlineOf } from '../../config.ts'
import { withId } from '../../rooms/actor.ts'
import type { Envelope, Ids, Outcome, RoomDirectory } from '../../rooms/ports.ts'
import { clock } from '../shared/clock.ts'
import { type RoomCalls, toCall, toDispatchCall } from './calls.ts'
import type { Objects } from './objects.ts'
import { createPassingPatience, createPatience } from './patience.ts'

/** Tries of a command whose room was lost: by a crash, by a new release. */
const ATTEMPTS = 3
/** Milliseconds that a room's object has beyond those in which the room commits, whose refusal is an answer. */
const GRACE = 500
const NOT_CONFIRMED: Outcome = {
  ok: false,
  refusal: {
    code: 'SERVICE_UNAVAILABLE',
    message: 'Not confirmed in time. Retry it as it is, with the same id: it is done at most once',
    retryAfter: 1,
  },
}

interface RemoteRoomsPorts {
  readonly rooms: Objects<RoomCalls>
  /** By which commands go first; each by a call of its own when left out. */
  readonly links?: Objects<Pick<RoomCalls, 'dispatch'>>
  readonly ids: Ids
  readonly config: Config
  /** For whatever request asks, not for one object. */
  readonly isPassing?: boolean
  readonly waitUntil: (promise: Promise<unknown>) => void
  readonly onFault: (fault: { chatId: string; error: unknown }) => void
}

/**
 * createRemoteRooms finds each room in its object. A lost object may have done what it was asked: the command is asked
 * again with the same id, which is done at most once.
 */
export function createRemoteRooms(ports: RemoteRoomsPorts): RoomDirectory {
  const { rooms, links = rooms, ids, waitUntil, onFault } = ports
  const create = ports.isPassing ? createPassingPatience : createPatience
  const patience = create(clock, commitDeadlineOf(ports.config) + GRACE)

  async function ask(chatId: string, envelope: Envelope): Promise<Outcome> {
    const call = toDispatchCall(chatId, envelope)
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      // What fails over a link is asked by a call: an object of the last release knows no links.
      const way = attempt === 0 ? links : rooms
      try {
        return JSON.parse(await way.get(chatId).dispatch(call)) as Outcome
      } catch (error) {
        way.forget(chatId)
        onFault({ chatId, error })
      }
    }
    return NOT_CONFIRMED
  }

  return {
    get: (chatId) => ({
      async dispatch(given) {
        return patience(ask(chatId, withId(given as Envelope, ids)), NOT_CONFIRMED) as never
      },
      typing(principal, isTyping) {
        const told = rooms.get(chatId).typing(toCall({ chatId, principal, isTyping }))
        waitUntil(told.catch(() => rooms.forget(chatId)))
      },
      reload: () => rooms.get(chatId).reload(toCall({})),
    }),
  }
}
