import type { CommandOf, CommandType } from '../protocol/commands.ts'
import { type Refusal, RefusalError } from '../protocol/errors.ts'
import type { ClientFrame, ClientFrameOf } from '../protocol/frames.ts'
import type { Clock, RoomDirectory } from '../rooms/ports.ts'
import type { Feed, LocalUser } from './audience.ts'
import type { Connection } from './connection.ts'
import type { Authenticator, ChangesReader, RateLimiter } from './ports.ts'

export interface ActPorts {
  readonly rooms: RoomDirectory
  readonly changes: ChangesReader
  readonly limiter: RateLimiter
  readonly authenticator: Authenticator
  readonly clock: Clock
  /** A connection of the user's has another status. */
  readonly onStatus: (user: LocalUser) => void
  readonly onFault: (fault: { error: unknown }) => void
}

export interface Heard {
  readonly connection: Connection
  readonly user: LocalUser
  readonly frame: ClientFrame
}

/** What a frame comes to: the data of its ack, why not, or nothing (typing). */
type Reply = (reply: object | RefusalError | undefined) => void

/**
 * Act turns a client frame into what it asks for. `run` answers a promise only while a step before the dispatch
 * waits, so that frames that follow keep their order; the reply comes later, once, whatever happens.
 */
export interface Act {
  readonly changes: ChangesReader
  run(heard: Heard, reply: Reply): Promise<void> | undefined
}

const NO_MESSAGE = notFound('messageId', 'No such message among your chats')
const NO_CHAT = notFound('chatId', 'No such chat among yours')
const AWAY: Refusal = {
  code: 'SERVICE_UNAVAILABLE',
  message: 'The store is away: try again',
  retryAfter: 1,
}

export function createAct(ports: ActPorts): Act {
  const { rooms, changes, limiter } = ports

  function run(heard: Heard, reply: Reply): Promise<void> | undefined {
    const isMessage = heard.frame.type.startsWith('message:') && !isWatermark(heard.frame)
    const isCounted = isMessage || heard.frame.type.startsWith('reaction:')
    const wait = limiter.take(isCounted ? 'message' : 'frame', heard.user.id)
    if (typeof wait === 'number') return admit(heard, reply, wait)
    return wait.then((seconds) => admit(heard, reply, seconds))
  }

  function admit(heard: Heard, reply: Reply, wait: number): Promise<void> | undefined {
    if (wait > 0) {
      const message = `Too many requests: try again in ${wait} s`
      reply(new RefusalError({ code: 'RATE_LIMIT_EXCEEDED', message, retryAfter: wait }))
      return undefined
    }
    return start(heard, reply)
  }

  function start({ connection, user, frame }: Heard, reply: Reply): Promise<void> | undefined {
    switch (frame.type) {
      case 'message:send':
        dispatch(connection, { type: frame.type, ...frame.data }, reply)
        return undefined
      case 'message:edit':
      case 'message:delete':
      case 'reaction:add':
      case 'reaction:remove':
      case 'message:read':
      case 'message:delivered':
        return inChat(user, frame, (chatId) =>
          dispatch(
            connection,
            { type: frame.type, ...frame.data, chatId } as CommandOf<typeof frame.type>,
            reply,
          ),
        ).catch(failed(reply))
      case 'session:accept':
      case 'session:transfer':
      case 'session:release':
      case 'session:close':
      case 'session:reopen':
        dispatch(connection, { type: frame.type, ...frame.data } as CommandOf<typeof frame.type>, reply)
        return undefined
      case 'typing:start':
      case 'typing:stop':
        reply(type(connection, user, frame))
        return undefined
      case 'presence:update':
        connection.status = frame.data.status
        ports.onStatus(user)
        reply({})
        return undefined
      case 'ping':
        reply({ serverTime: new Date(ports.clock.now()).toISOString() })
        return undefined
      case 'auth':
        return renew(connection, frame.data.token).then(reply, failed(reply))
      case 'sync':
        sync(connection, user, frame.data).then(reply, failed(reply))
        return undefined
      default:
        return frame satisfies never
    }
  }

  function type(
    connection: Connection,
    user: LocalUser,
    { type, data: { chatId } }: ClientFrameOf<'typing:start' | 'typing:stop'>,
  ): RefusalError | undefined {
    if (!user.chats.has(chatId)) return new RefusalError(NO_CHAT)
    const isTyping = type === 'typing:start'
    if (isTyping) connection.typingIn.add(chatId)
    else connection.typingIn.delete(chatId)
    rooms.get(chatId).typing(connection.principal, isTyping)
    return undefined
  }

  function dispatch<T extends CommandType>(
    connection: Connection,
    command: CommandOf<T>,
    reply: Reply,
  ): void {
    const { principal, id } = connection
    rooms
      .get(command.chatId)
      .dispatch({ principal, command, origin: id })
      .then((outcome) => reply(outcome.ok ? outcome.data : new RefusalError(outcome.refusal)))
  }

  /** The chat that the frame names, or else the one of its message. */
  async function inChat(
    user: LocalUser,
    frame: { data: Naming },
    then: (chatId: string) => void,
  ): Promise<void> {
    const { chatId, messageId } = frame.data
    if (chatId !== undefined) return then(chatId)
    const place = messageId === undefined ? undefined : await changes.locate(user.id, messageId)
    if (!place) throw new RefusalError(NO_MESSAGE)
    then(place.chatId)
  }

  async function renew(connection: Connection, token: string): Promise<object> {
    const authenticated = await ports.authenticator.verify(token)
    if (authenticated.principal.user.id !== connection.principal.user.id) {
      const message = 'The token is of another user: open a new connection'
      throw new RefusalError({ code: 'FORBIDDEN', message, details: [{ field: 'token', message }] })
    }
    connection.renew(authenticated)
    return { expiresAt: new Date(authenticated.expiresAt).toISOString() }
  }

  /**
   * Up to date in every chat of the user's: by a batch where the client has some of it, by a reset where it has none.
   * The store is asked for the heads now: what is heard here may be behind what was acknowledged to somebody.
   */
  async function sync(connection: Connection, user: LocalUser, known: SyncData): Promise<object> {
    const [logId, heads] = await Promise.all([changes.logId(), changes.listHeads([user.id])])
    const stored = new Map(heads.map(({ chatId, seq }) => [chatId, seq]))
    const headOf = (feed: Feed) => Math.max(connection.headOf(feed), stored.get(feed.chatId) ?? 0)
    const isSameLog = known.logId == null || known.logId === logId
    const wanted = Object.entries(isSameLog ? known.chats : {})
      .filter(([chatId, seq]) => stored.get(chatId) !== seq)
      .map(([chatId, since]) => ({ chatId, since }))
    for (const [chatId, feed] of user.chats) {
      if (isSameLog && Object.hasOwn(known.chats, chatId)) continue
      await connection.sendPaced({ type: 'sync:reset', data: { chatId, head: headOf(feed) } })
    }
    await connection.catchUp(wanted)
    return {
      logId,
      chats: Object.fromEntries([...user.chats].map(([chatId, feed]) => [chatId, headOf(feed)])),
    }
  }

  function failed(reply: Reply) {
    return (error: unknown): void => {
      const isRefusal = error instanceof RefusalError
      if (!isRefusal) ports.onFault({ error })
      reply(isRefusal ? error : new RefusalError(AWAY))
    }
  }

  return { run, changes }
}

interface Naming {
  readonly chatId?: string | undefined
  readonly messageId?: string | undefined
}

interface SyncData {
  readonly logId?: string | null | undefined
  readonly chats: Readonly<Record<string, number>>
}

function notFound(field: string, message: string): Refusal {
  return { code: 'NOT_FOUND', message, details: [{ field, message }] }
}

function isWatermark({ type }: ClientFrame): boolean {
  return type === 'message:read' || type === 'message:delivered'
}
