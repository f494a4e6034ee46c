import { LIMITS, TIMES } from '../protocol/limits.ts'
import { PROTOCOL_VERSION } from '../protocol/version.ts'
import type { Broadcast, Broadcastable, Clock, Ids, RoomDirectory } from '../rooms/ports.ts'
import { createAct } from './act.ts'
import type { LocalUser } from './audience.ts'
import { Connection } from './connection.ts'
import { createFeeds, signal } from './feeds.ts'
import { createHeartbeat } from './heartbeat.ts'
import type {
  Authenticated,
  Authenticator,
  ChangesReader,
  PresenceStore,
  RateLimiter,
  Socket,
  UserReader,
} from './ports.ts'
import { createPresence, mostPresent } from './presence.ts'
import { type Resumption, wake } from './wake.ts'

/** Seconds over which the clients of a drained instance are asked to come back where there is no other. */
const LATEST_RETURN = 4

export interface GatewayPorts {
  readonly rooms: RoomDirectory
  readonly broadcast: Broadcast
  readonly changes: ChangesReader
  readonly users: UserReader
  readonly presence: PresenceStore
  readonly limiter: RateLimiter
  readonly authenticator: Authenticator
  readonly clock: Clock
  readonly ids: Ids
  readonly connectionsPerUser: number
  readonly onFault: (fault: { connectionId?: string; error: unknown }) => void
  /** Told of every chat in which news was missed, so that its listeners read it. */
  readonly onRepair?: () => void
  /** The host calls `tick` when it is due, and the gateway may sleep until then; it looks every second when left out. */
  readonly isWoken?: boolean
}

/** HeardChat is up to where whom a chat was passed on to. */
export interface HeardChat {
  readonly chatId: string
  readonly head: number
  /** When it became that. */
  readonly changedAt: number
  readonly userIds: readonly string[]
}

/** Gateway holds the connections of this instance and knows who here hears which chat. */
export interface Gateway {
  /** Takes an authenticated socket. The host passes frames, signs of life and the end of the socket on. */
  connect(start: Authenticated & { socket: Socket }): Connection
  /**
   * Takes a connection up again after the gateway was asleep: no second hello, and what the user missed is read. While
   * the store is away, what the client sends is refused and the socket stays.
   */
  resume(resumption: Resumption): Connection
  /** Resolves when all that were taken up again are open, or have ended: not before the store is there. */
  awake(): Promise<void>
  /** What to give back to `resume`, by user, with the state of each connection. */
  heard(): HeardChat[]
  /** Closes who is silent or has expired, and gives heartbeats that are due. */
  tick(): void
  /** When `tick` will next have something to do; undefined without connections. */
  readonly dueAt: number | undefined
  /**
   * Says bye to everybody, spread over `milliseconds`, so that they do not all come back at once: at once each where
   * another instance takes them, else when this one may be there again.
   */
  drain(milliseconds: number, takenBy: 'others' | 'nobody'): Promise<void>
  counts(): { connections: number; users: number; chats: number }
}

export function createGateway(ports: GatewayPorts): Gateway {
  const { broadcast, changes, clock, onFault } = ports
  const connections = new Set<Connection>()
  /** By user id; a user who is still being admitted is a promise that others wait for. */
  const admissions = new Map<string, Promise<LocalUser>>()
  const users = new Map<string, LocalUser>()
  /** Of connections that were taken up again and do not know yet what they missed. */
  const resuming = new Set<Promise<void>>()
  let isDraining = false
  const feeds = createFeeds(ports)
  const presence = createPresence(ports)
  const act = createAct({ ...ports, onStatus: showStatus })
  const listening = broadcast.subscribe('presence', onPresence)
  const heartbeat = createHeartbeat({ ...ports, connections, find: (id) => users.get(id), join: joinSoon })
  const stopHeartbeat = ports.isWoken ? () => {} : heartbeat.start()

  function connect(begin: Authenticated & { socket: Socket }): Connection {
    const early = heartbeat.headStart()
    const connection = new Connection(
      { ...begin, early, onEnd },
      { act, clock, ids: ports.ids, onLeft, onFault },
    )
    if (isDraining) {
      connection.close('restart')
      return connection
    }
    connections.add(connection)
    open(connection, begin).catch((error: unknown) => {
      onFault({ connectionId: connection.id, error })
      connection.close('restart')
    })
    return connection
  }

  async function open(connection: Connection, { principal, expiresAt }: Authenticated): Promise<void> {
    const logId = await changes.logId()
    let user = await localUser(principal.user.id)
    // Whoever was found may have been forgotten by now: the last other connection has ended meanwhile.
    while (!isKnown(user)) user = await localUser(user.id)
    if (user.connections.size >= ports.connectionsPerUser) return connection.close('tooManyConnections')
    connection.open(user, {
      type: 'hello',
      data: {
        connectionId: connection.id,
        protocolVersion: PROTOCOL_VERSION,
        user: { ...user.user, status: 'online' },
        logId,
        heartbeatMs: TIMES.heartbeat,
        serverTime: new Date(clock.now()).toISOString(),
        expiresAt: new Date(expiresAt).toISOString(),
        limits: {
          messageCharacters: LIMITS.messageCharacters,
          frameBytes: LIMITS.frameBytes,
          groupParticipants: LIMITS.groupParticipants,
        },
      },
    })
    if (connection.isOpen) showStatus(user)
    else forgetUnused(user)
  }

  function resume({ state, socket, heard }: Resumption): Connection {
    const begin = { socket, principal: state.principal, expiresAt: state.expiresAt, past: state, onEnd }
    const connection = new Connection(begin, { act, clock, ids: ports.ids, onLeft, onFault })
    connections.add(connection)
    const waking = wake(
      connection,
      { state, heard },
      { ...ports, presence, localUser, isKnown, forgetUnused },
    )
    resuming.add(waking)
    void waking.then(() => resuming.delete(waking))
    return connection
  }

  function isKnown(user: LocalUser): boolean {
    return users.get(user.id) === user
  }

  function localUser(userId: string): Promise<LocalUser> {
    let admission = admissions.get(userId)
    if (!admission) {
      admission = admit(userId)
      admissions.set(userId, admission)
      admission.catch(() => admissions.delete(userId))
    }
    return admission
  }

  /** Hears what is for the user, and every chat of his, before his first connection says hello. */
  async function admit(userId: string): Promise<LocalUser> {
    const early: Broadcastable[] = []
    let listen = (item: Broadcastable): void => void early.push(item)
    const unsubscribe = await broadcast.subscribe(`user:${userId}`, (item) => listen(item))
    try {
      const [profile, heads] = await Promise.all([ports.users.profile(userId), changes.listHeads([userId])])
      if (!profile) throw new Error(`No such user: ${userId}`)
      const user: LocalUser = {
        id: userId,
        user: profile.user,
        contactIds: new Set(profile.contactIds),
        chats: new Map(),
        missed: new Map(),
        connections: new Set(),
        shownAs: 'offline',
        unsubscribe,
      }
      const chatIds = heads.map(({ chatId }) => chatId)
      await feeds.attach(user, chatIds)
      users.set(userId, user)
      listen = (item) => onUserNews(user, item)
      early.forEach(listen)
      return user
    } catch (error) {
      unsubscribe()
      throw error
    }
  }

  function onUserNews(user: LocalUser, item: Broadcastable): void {
    if (item.kind === 'joined') {
      joinSoon(user, item.chatId)
    } else if (item.kind === 'signal') {
      signal([user], { texts: [item.text] })
    } else if (item.kind === 'contact') {
      if (item.isAccepted) user.contactIds.add(item.userId)
      else user.contactIds.delete(item.userId)
      signal([user], { texts: [item.text] })
    } else if (item.kind === 'revoked') {
      // Those that are still opening are none of the user's yet, and are meant as well.
      for (const connection of connections) {
        const { user: owner, sessionId } = connection.principal
        if (owner.id !== user.id) continue
        const isMeant =
          item.sessionId === null ? sessionId !== item.exceptSessionId : sessionId === item.sessionId
        if (isMeant) connection.close('notAuthenticated')
      }
    }
  }

  function joinSoon(user: LocalUser, chatId: string): void {
    join(user, chatId).catch((error: unknown) => onFault({ error }))
  }

  /** A chat is new to the user: it is heard from now on, and before that each connection reads all of it. */
  async function join(user: LocalUser, chatId: string): Promise<void> {
    const attached = user.chats.has(chatId) ? undefined : feeds.attach(user, [chatId])
    const wanted = [{ chatId, since: 0 }]
    await Promise.all([attached, ...[...user.connections].map((connection) => connection.catchUp(wanted))])
  }

  /** So that the other connections hear it as well, they ask for themselves. */
  function onLeft(connection: Connection, chatId: string): void {
    const user = users.get(connection.principal.user.id)
    const feed = user?.chats.get(chatId)
    if (!user || !feed) return
    feeds.leave(user, feed)
    for (const other of user.connections) {
      if (other !== connection) void other.catchUp([{ chatId, since: feed.head }])
    }
  }

  function onPresence(item: Broadcastable): void {
    if (item.kind !== 'presence') return
    const audience = new Set<LocalUser>()
    for (const chatId of item.chatIds) for (const user of feeds.get(chatId)?.users ?? []) audience.add(user)
    for (const userId of [item.userId, ...item.contactIds]) {
      const user = users.get(userId)
      if (user) audience.add(user)
    }
    signal(audience, { texts: [item.text] })
  }

  /** The user is seen as his most present connection. */
  function showStatus(user: LocalUser): void {
    const status = mostPresent([...user.connections].map((connection) => connection.status))
    if (status === user.shownAs) return
    user.shownAs = status
    presence.set(user, status)
  }

  function onEnd(connection: Connection): void {
    connections.delete(connection)
    const { principal, typingIn } = connection
    for (const chatId of typingIn) ports.rooms.get(chatId).typing(principal, false)
    const user = users.get(principal.user.id)
    if (!user) return
    showStatus(user)
    forgetUnused(user)
  }

  function forgetUnused(user: LocalUser): void {
    if (user.connections.size > 0 || !isKnown(user)) return
    users.delete(user.id)
    admissions.delete(user.id)
    user.unsubscribe()
    feeds.leaveAll(user)
  }

  async function drain(milliseconds: number, takenBy: 'others' | 'nobody'): Promise<void> {
    stopHeartbeat()
    isDraining = true
    const leaving = [...connections]
    const started = clock.now()
    for (const [index, connection] of leaving.entries()) {
      const due = started + (milliseconds * index) / leaving.length
      const wait = due - clock.now()
      if (wait >= 1) await new Promise<void>((resolve) => clock.after(wait, resolve))
      connection.bye(takenBy === 'others' ? 0 : 1 + (LATEST_RETURN * index) / leaving.length)
    }
    await presence.flush()
    await listening.then((unsubscribe) => unsubscribe())
  }

  return {
    connect,
    resume,
    async awake() {
      await Promise.all(resuming)
    },
    heard: () =>
      [...feeds.list()].map(({ chatId, head, changedAt, users }) => ({
        ...{ chatId, head, changedAt },
        userIds: [...users].map(({ id }) => id),
      })),
    tick: heartbeat.tick,
    get dueAt() {
      return connections.size === 0 ? undefined : Math.min(...[...connections].map(({ dueAt }) => dueAt))
    },
    drain,
    counts: () => ({ connections: connections.size, users: users.size, chats: feeds.count }),
  }
}
