import type { Redis } from 'ioredis'
import type pg from 'pg'
import type { Server, Socket } from 'socket.io'

interface User {
  id: string
  username: string
  displayName: string | null
  avatarUrl: string | null
}

interface Message {
  id: string
  chatId: string
  senderId: string
  content: string
  contentType: string
  metadata: unknown
  isEdited: boolean
  createdAt: Date
}

type Reply = { ok: true; message: Message } | { ok: false; error: { code: string; message: string } }

interface ClientEvents {
  'message:send'(
    data: { chatId: string; content: string; metadata?: unknown },
    ack: (reply: Reply) => void,
  ): void
  sync(data: { since: Record<string, string> }, ack: (reply: { messages: Message[] }) => void): void
}

interface ServerEvents {
  connected(data: { userId: string }): void
  'message:new'(data: { message: Message; sender: User }): void
  'user:status'(data: { userId: string; status: string }): void
}

type NoEvents = Record<string, never>
export type ChatServer = Server<ClientEvents, ServerEvents, NoEvents, { user: User }>
type ChatSocket = Socket<ClientEvents, ServerEvents, NoEvents, { user: User }>

const SESSION_SECONDS = 86_400
const MESSAGE = `id, chat_id as "chatId", sender_id as "senderId", content, content_type as "contentType",
  metadata, is_edited as "isEdited", created_at as "createdAt"`

/**
 * createChat gives the handlers of a classic chat server: one row per message, one delivery row per recipient,
 * membership asked of the database at every send, and a room per chat that Redis carries to other instances.
 */
export function createChat(pool: pg.Pool, redis: Redis) {
  const sessionKey = (socket: ChatSocket) => `session:${socket.data.user.id}:${socket.id}`

  async function authenticate(userId: string): Promise<User> {
    const { rows } = await pool.query<User>({
      name: 'user',
      text: `select id, username, display_name as "displayName", avatar_url as "avatarUrl" from users where id = $1`,
      values: [userId],
    })
    if (!rows[0]) throw new Error('No such user')
    return rows[0]
  }

  async function connect(socket: ChatSocket): Promise<void> {
    const { id } = socket.data.user
    const chats = await pool.query<{ chat_id: string }>({
      name: 'chats-of-user',
      text: 'select chat_id from chat_participants where user_id = $1 and left_at is null',
      values: [id],
    })
    const rooms = chats.rows.map((row) => `chat:${row.chat_id}`)
    await socket.join([`user:${id}`, ...rooms])
    const session = JSON.stringify({ userId: id, socketId: socket.id, connectedAt: Date.now() })
    await redis.set(sessionKey(socket), session, 'EX', SESSION_SECONDS)
    await setStatus(id, 'online')
    if (rooms.length > 0) socket.to(rooms).emit('user:status', { userId: id, status: 'online' })
    socket.emit('connected', { userId: id })
  }

  async function disconnect(socket: ChatSocket): Promise<void> {
    await redis.del(sessionKey(socket))
    await setStatus(socket.data.user.id, 'offline')
  }

  async function setStatus(userId: string, status: string): Promise<void> {
    await pool.query({
      name: 'status',
      text: 'update users set status = $2, last_seen = now() where id = $1',
      values: [userId, status],
    })
  }

  const send: ChatHandler<'message:send'> = async (socket, data, ack) => {
    const fault = faultOf(data)
    if (fault !== undefined) return ack({ ok: false, error: { code: 'VALIDATION_ERROR', message: fault } })
    const sender = socket.data.user
    try {
      const participants = await listParticipants(data.chatId)
      if (!participants.includes(sender.id)) {
        return ack({ ok: false, error: { code: 'FORBIDDEN', message: 'User is not a participant' } })
      }
      const message = await store(
        sender.id,
        data,
        participants.filter((id) => id !== sender.id),
      )
      socket.to(`chat:${data.chatId}`).emit('message:new', { message, sender })
      ack({ ok: true, message })
    } catch {
      ack({ ok: false, error: { code: 'INTERNAL_ERROR', message: 'The message was not stored' } })
    }
  }

  async function listParticipants(chatId: string): Promise<string[]> {
    const { rows } = await pool.query<{ user_id: string }>({
      name: 'participants',
      text: 'select user_id from chat_participants where chat_id = $1 and left_at is null',
      values: [chatId],
    })
    return rows.map((row) => row.user_id)
  }

  /** Statement by statement, as the documents draw it. In one transaction it is a third slower: two round trips more. */
  async function store(
    senderId: string,
    { chatId, content, metadata = {} }: SendData,
    recipients: string[],
  ): Promise<Message> {
    const { rows } = await pool.query<Message>({
      name: 'message',
      text: `insert into messages (chat_id, sender_id, content, metadata) values ($1, $2, $3, $4) returning ${MESSAGE}`,
      values: [chatId, senderId, content, metadata],
    })
    const [message] = rows
    if (!message) throw new Error('No row came back')
    const delivery = pool.query({
      name: 'delivery',
      text: 'insert into message_delivery (message_id, user_id) select $1, unnest($2::uuid[])',
      values: [message.id, recipients],
    })
    const lastMessage = pool.query({
      name: 'last-message',
      text: 'update chats set last_message_at = $2 where id = $1',
      values: [chatId, message.createdAt],
    })
    await Promise.all([delivery, lastMessage])
    return message
  }

  /** sync answers what was said in each chat after the newest message that the client has of it. */
  const sync: ChatHandler<'sync'> = async (socket, { since }, ack) => {
    const { rows } = await pool.query<Message>({
      name: 'sync',
      text: `select ${MESSAGE} from messages m
        join unnest($1::uuid[], $2::timestamptz[]) as known (chat, at) on m.chat_id = known.chat and m.created_at > known.at
        where exists (select from chat_participants p where p.chat_id = m.chat_id and p.user_id = $3 and p.left_at is null)
        order by m.created_at`,
      values: [Object.keys(since), Object.values(since), socket.data.user.id],
    })
    ack({ messages: rows })
  }

  return { authenticate, connect, disconnect, send, sync }
}

type SendData = Parameters<ClientEvents['message:send']>[0]
type ChatHandler<E extends keyof ClientEvents> = (
  socket: ChatSocket,
  ...args: Parameters<ClientEvents[E]>
) => Promise<void>

function faultOf({ chatId, content }: SendData): string | undefined {
  if (typeof chatId !== 'string') return 'chatId must be a string'
  if (typeof content !== 'string' || content.trim() === '') return 'content must not be empty'
  return content.length > 10_000 ? 'Message exceeds maximum length' : undefined
}
