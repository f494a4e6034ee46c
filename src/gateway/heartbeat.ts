import { TIMES } from '../protocol/limits.ts'
import type { Broadcast, Clock } from '../rooms/ports.ts'
import { type LocalUser, skipTo } from './audience.ts'
import type { Connection } from './connection.ts'
import type { Authenticator, ChangesReader, UserHead } from './ports.ts'

const TICK = 1_000
/** A head seen in the store may be on its way over the broadcast: it counts as lost only after this. */
const GRACE = 1_000
/** Between two looks whether the broadcast is impaired. */
const LOOK = 250
/** While it is, all heads are asked for twice a second. */
const POLL = 500
/** The longest rest after an answer that took long. */
const REST_MOST = 5_000
/** Users whose chats are looked up in one round trip. */
const USERS_AT_ONCE = 500

interface HeartbeatPorts {
  readonly broadcast: Pick<Broadcast, 'isImpaired'>
  readonly changes: ChangesReader
  readonly authenticator: Authenticator
  readonly clock: Clock
  readonly onFault: (fault: { error: unknown }) => void
  readonly isWoken?: boolean
  readonly connections: ReadonlySet<Connection>
  readonly find: (userId: string) => LocalUser | undefined
  /** A chat that the user takes part in and does not hear yet. */
  readonly join: (user: LocalUser, chatId: string) => void
}

/** Heartbeat looks at every connection: once a second by itself, or whenever its host says. */
export interface Heartbeat {
  tick(): void
  /**
   * Milliseconds by which the next connection's first heartbeat comes sooner: who came together shares no tick, but
   * where a tick wakes the host all share one.
   */
  headStart(): number
  /** From now on every second, and at the broadcast as well; the result stops it. */
  start(): () => void
}

/**
 * createHeartbeat gives each connection every 25 s the heads of its chats that changed, and compares what its user
 * hears with the store, so that whatever the broadcast lost is repaired before a client has to ask.
 */
export function createHeartbeat(ports: HeartbeatPorts): Heartbeat {
  const { changes, clock, find, onFault } = ports
  let wasImpaired = false
  let turn = 0

  function tick(): void {
    const now = clock.now()
    const due: Connection[] = []
    for (const connection of ports.connections) {
      const { isHeartbeatDue, isCheckDue } = connection.tick(now)
      if (isCheckDue) void check(connection)
      if (isHeartbeatDue) due.push(connection)
    }
    if (due.length > 0) beat(due).catch((error: unknown) => onFault({ error }))
  }

  /**
   * While the broadcast is impaired, the store is asked for all heads, so that what others wrote is less than 2 s late;
   * and once more when it is well again, as nobody knows what it lost last. After an answer that took long comes a rest
   * as long: with very many users it is later, and the store is left half of its time. Answers when to look again.
   */
  async function poll(): Promise<number> {
    const { isImpaired } = ports.broadcast
    if (!isImpaired && !wasImpaired) return LOOK
    wasImpaired = isImpaired
    const begin = clock.now()
    const users = new Set([...ports.connections].flatMap(({ principal }) => find(principal.user.id) ?? []))
    await audit([...users], 0).catch((error: unknown) => onFault({ error }))
    const took = clock.now() - begin
    return Math.min(Math.max(POLL - took, took), REST_MOST)
  }

  async function beat(due: readonly Connection[]): Promise<void> {
    for (const connection of due) connection.ping()
    const logId = await changes.logId()
    const users = new Set<LocalUser>()
    for (const connection of due) {
      const user = find(connection.principal.user.id)
      if (!user) continue
      users.add(user)
      connection.tellHeads(logId, user)
    }
    await audit([...users], GRACE)
  }

  async function audit(users: readonly LocalUser[], grace: number): Promise<void> {
    for (let begin = 0; begin < users.length; begin += USERS_AT_ONCE) {
      const some = users.slice(begin, begin + USERS_AT_ONCE)
      const heads = await changes.listHeads(some.map(({ id }) => id))
      const lost = heads.filter(isBehind)
      if (lost.length > 0) clock.after(grace, () => repair(lost))
      const theirs = new Set(heads.map(({ userId, chatId }) => `${userId} ${chatId}`))
      for (const user of some) askAgain(user, (chatId) => !theirs.has(`${user.id} ${chatId}`))
    }
  }

  /** What the user hears and does not take part in: whether the end was lost or the beginning is new, a read tells. */
  function askAgain({ chats, connections }: LocalUser, isDoubtful: (chatId: string) => boolean): void {
    const [connection] = connections
    for (const { chatId, head, early } of chats.values()) {
      if (!early && isDoubtful(chatId)) void connection?.catchUp([{ chatId, since: head }])
    }
  }

  function isBehind({ userId, chatId, seq }: UserHead): boolean {
    const user = find(userId)
    const feed = user?.chats.get(chatId)
    return user !== undefined && (!feed || (!feed.early && feed.head < seq))
  }

  function repair(lost: readonly UserHead[]): void {
    for (const head of lost.filter(isBehind)) {
      const user = find(head.userId)
      const feed = user?.chats.get(head.chatId)
      if (feed) skipTo(feed, head.seq, clock.now())
      else if (user) ports.join(user, head.chatId)
    }
  }

  async function check(connection: Connection): Promise<void> {
    // A store that is away says nothing about the login: the next check will.
    const isCurrent = await ports.authenticator.isCurrent(connection.principal).catch(() => true)
    if (!isCurrent) connection.close('notAuthenticated')
  }

  function start(): () => void {
    let isStopped = false
    let cancelPoll = () => {}
    const look = async () => {
      const pause = await poll()
      if (!isStopped) cancelPoll = clock.after(pause, look)
    }
    cancelPoll = clock.after(LOOK, look)
    let cancelTick = () => {}
    const next = () => {
      cancelTick = clock.after(TICK, () => {
        next()
        tick()
      })
    }
    next()
    return () => {
      isStopped = true
      cancelPoll()
      cancelTick()
    }
  }

  function headStart(): number {
    const [other] = ports.connections
    if (ports.isWoken) return other ? clock.now() - other.state.beats.heartbeatAt : 0
    const early = turn
    turn = (turn + TICK) % TIMES.heartbeat
    return early
  }

  return { tick, headStart, start }
}
