import type { Refusal } from '../protocol/errors.ts'
import type { Clock } from '../rooms/ports.ts'
import type { LocalUser } from './audience.ts'
import type { Connection, ConnectionState } from './connection.ts'
import type { HeardChat } from './gateway.ts'
import type { ChangesWanted, Socket } from './ports.ts'
import type { Presence } from './presence.ts'

/** Before the next try, while the store is away. */
const PAUSE = 1_000
const AWAY: Refusal = { code: 'SERVICE_UNAVAILABLE', message: 'The store is away: try again', retryAfter: 1 }

/** Resumption is a connection of before the gateway fell asleep, and what its user had heard by then. */
export interface Resumption {
  readonly state: ConnectionState
  readonly socket: Socket
  /** The chats that the user heard, by id. */
  readonly heard: ReadonlyMap<string, Pick<HeardChat, 'head' | 'changedAt'>>
}

interface WakePorts {
  readonly clock: Clock
  readonly presence: Pick<Presence, 'restore'>
  /** Whoever is found may have been forgotten by then: the last other connection has ended meanwhile. */
  readonly localUser: (userId: string) => Promise<LocalUser>
  readonly isKnown: (user: LocalUser) => boolean
  readonly forgetUnused: (user: LocalUser) => void
  readonly onFault: (fault: { connectionId: string; error: unknown }) => void
}

/** wake opens a connection again and reads what it missed, however long the store is away. Never rejects. */
export async function wake(
  connection: Connection,
  { state, heard }: Omit<Resumption, 'socket'>,
  ports: WakePorts,
): Promise<void> {
  const { clock, presence, localUser, isKnown, onFault } = ports
  while (!connection.isClosed) {
    try {
      let user = await localUser(state.principal.user.id)
      while (!isKnown(user)) user = await localUser(user.id)
      if (user.shownAs === 'offline') {
        user.shownAs = state.shownAs
        presence.restore(user.id, state.shownAs)
      }
      connection.open(user)
      if (connection.isClosed) return ports.forgetUnused(user)
      rememberChanges(user, heard, clock.now())
      return await connection.catchUp(missed(user, heard))
    } catch (error) {
      onFault({ connectionId: connection.id, error })
      connection.refuseEarly(AWAY)
      await new Promise<void>((resolve) => clock.after(PAUSE, resolve))
    }
  }
}

/** So that heartbeats tell what changed before the sleep and during it. */
function rememberChanges({ chats }: LocalUser, heard: Resumption['heard'], now: number): void {
  for (const feed of chats.values()) {
    const before = heard.get(feed.chatId)
    feed.changedAt = Math.max(feed.changedAt, before?.head === feed.head ? before.changedAt : now)
  }
}

/** What has changed since in the chats that the user hears now, and that he is not in some others any more. */
function missed({ chats }: LocalUser, heard: Resumption['heard']): ChangesWanted[] {
  const news = [...chats.values()].filter(({ chatId, head }) => heard.get(chatId)?.head !== head)
  const left = [...heard].filter(([chatId]) => !chats.has(chatId))
  return [
    ...news.map(({ chatId }) => ({ chatId, since: heard.get(chatId)?.head ?? 0 })),
    ...left.map(([chatId, { head }]) => ({ chatId, since: head })),
  ]
}
