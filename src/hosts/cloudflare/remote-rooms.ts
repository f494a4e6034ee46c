import { within } from '../../db/breaker.ts'
import type { Refusal } from '../../protocol/errors.ts'
import { TIMES } from '../../protocol/limits.ts'
import { withId } from '../../rooms/actor.ts'
import type { Envelope, Ids, Outcome, RoomDirectory } from '../../rooms/ports.ts'
import { type RoomCalls, toCall } from './calls.ts'
import type { Objects } from './objects.ts'

/** Tries of a command whose room was lost: by a crash, by a new release. */
const ATTEMPTS = 3
/** Longer than a room tries to commit, whose refusal is an answer. */
const ANSWER = TIMES.commitDeadline + 500
const UNAVAILABLE: Refusal = {
  code: 'SERVICE_UNAVAILABLE',
  message: 'Not confirmed in time. Retry it as it is, with the same id: it is done at most once',
  retryAfter: 1,
}

interface RemoteRoomsPorts {
  readonly rooms: Objects<RoomCalls>
  readonly ids: Ids
  readonly waitUntil: (promise: Promise<unknown>) => void
  readonly onFault: (fault: { chatId: string; error: unknown }) => void
}

/**
 * createRemoteRooms finds each room in its object. A lost object may have done what it was asked: the command is asked
 * again with the same id, which is done at most once.
 */
export function createRemoteRooms({ rooms, ids, waitUntil, onFault }: RemoteRoomsPorts): RoomDirectory {
  async function ask(chatId: string, envelope: Envelope): Promise<Outcome> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      try {
        return await rooms.get(chatId).dispatch(toCall({ chatId, envelope }))
      } catch (error) {
        rooms.forget(chatId)
        onFault({ chatId, error })
      }
    }
    return { ok: false, refusal: UNAVAILABLE }
  }

  return {
    get: (chatId) => ({
      async dispatch(given) {
        const asked = ask(chatId, withId(given as Envelope, ids))
        return within(ANSWER, asked).catch(() => ({ ok: false as const, refusal: UNAVAILABLE })) as never
      },
      typing(principal, isTyping) {
        const told = rooms.get(chatId).typing(toCall({ chatId, principal, isTyping }))
        waitUntil(told.catch(() => rooms.forget(chatId)))
      },
      reload: () => rooms.get(chatId).reload(),
    }),
  }
}
