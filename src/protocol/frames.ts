import { z } from 'zod'
import { bounded } from './bounded.ts'
import { ACKS, EditBody, ReactionBody, SendBody } from './commands.ts'
import { ErrorBody } from './errors.ts'
import { ChatEvent, Signal } from './events.ts'
import { ChatId, MessageId, Seq, Time } from './ids.ts'
import { LIMITS } from './limits.ts'
import { ChangeSet, PresenceStatus, User } from './model.ts'
import { CloseSessionBody, TransferSessionBody } from './sessions.ts'

const FrameId = z
  .string()
  .min(1)
  .max(64)
  .describe("The client's own name for the frame, echoed in its one reply")

function up<T extends string, D extends z.ZodType>(type: T, description: string, data: D) {
  return z
    .strictObject({ type: z.literal(type), id: FrameId, data })
    .meta({ id: `send:${type}`, description })
}

function down<T extends string, D extends z.ZodType>(type: T, description: string, data: D) {
  return z.object({ type: z.literal(type), data }).meta({ id: `receive:${type}`, description })
}

const Heads = z.record(ChatId, Seq).describe('chat id to seq')
const KnownHeads = bounded(Heads, LIMITS.syncChats, `At most ${LIMITS.syncChats} chats a frame: send several`)
const InChat = { chatId: ChatId.optional().describe('Spares the server a look-up') }
const Watermark = z
  .strictObject({ chatId: ChatId.optional(), seq: Seq.optional(), messageId: MessageId.optional() })
  .refine(
    ({ chatId, seq, messageId }) =>
      seq === undefined ? messageId !== undefined : chatId !== undefined && messageId === undefined,
    { error: 'Give chatId and seq, or messageId' },
  )

/** Up: what a client may send. */
export const ClientFrame = z.discriminatedUnion('type', [
  up(
    'sync',
    'Catch up: names the last seq the client has of each chat',
    z.strictObject({
      logId: z.string().max(100).nullish(),
      chats: KnownHeads,
    }),
  ),
  up('message:send', 'Send a message', SendBody.safeExtend({ chatId: ChatId })),
  up(
    'message:edit',
    'Change the words of a message',
    EditBody.safeExtend({ ...InChat, messageId: MessageId }),
  ),
  up('message:delete', 'Delete a message', z.strictObject({ ...InChat, messageId: MessageId })),
  up('message:read', 'Everything up to here was read', Watermark),
  up('message:delivered', 'Everything up to here has arrived', Watermark),
  up('reaction:add', 'React', ReactionBody.extend({ ...InChat, messageId: MessageId })),
  up('reaction:remove', 'Take a reaction back', ReactionBody.extend({ ...InChat, messageId: MessageId })),
  up('typing:start', 'Is typing; repeat every 3 s', z.strictObject({ chatId: ChatId })),
  up('typing:stop', 'Stopped typing', z.strictObject({ chatId: ChatId })),
  up(
    'presence:update',
    'How one wants to be seen',
    z.strictObject({ status: PresenceStatus.exclude(['offline']) }),
  ),
  up('session:accept', 'Take a session from the queue', z.strictObject({ chatId: ChatId })),
  up(
    'session:transfer',
    'Give a session to another professional, or to a team',
    TransferSessionBody.safeExtend({ chatId: ChatId }),
  ),
  up('session:release', 'Give a session back to the queue', z.strictObject({ chatId: ChatId })),
  up('session:close', 'Close a session', CloseSessionBody.extend({ chatId: ChatId })),
  up('session:reopen', 'Open a closed session again', z.strictObject({ chatId: ChatId })),
  up(
    'auth',
    'A fresh access token for this connection',
    z.strictObject({ token: z.string().min(1).max(8_192) }),
  ),
  up('ping', 'What time is it there', z.strictObject({})),
])
export type ClientFrame = z.infer<typeof ClientFrame>
export type ClientFrameOf<T extends ClientFrame['type']> = Extract<ClientFrame, { type: T }>

/** What the reply to each client frame carries. Typing has none: it is answered only by an error. */
export const FrameAcks = {
  'message:send': ACKS['message:send'],
  'message:edit': ACKS['message:edit'],
  'message:delete': ACKS['message:delete'],
  'message:read': ACKS['message:read'],
  'message:delivered': ACKS['message:delivered'],
  'reaction:add': ACKS['reaction:add'],
  'reaction:remove': ACKS['reaction:remove'],
  'session:accept': ACKS['session:accept'],
  'session:transfer': ACKS['session:transfer'],
  'session:release': ACKS['session:release'],
  'session:close': ACKS['session:close'],
  'session:reopen': ACKS['session:reopen'],
  sync: z.object({ logId: z.string(), chats: Heads }),
  'presence:update': z.object({}),
  auth: z.object({ expiresAt: Time }),
  ping: z.object({ serverTime: Time }),
} as const

export const Ack = z
  .object({ type: z.literal('ack'), id: FrameId, data: z.union(Object.values(FrameAcks)) })
  .meta({ id: 'receive:ack', description: 'Done, committed and flushed' })

export const ErrorReply = z
  .object({
    type: z.literal('error'),
    id: FrameId.nullable().describe('null when the frame had none'),
    error: ErrorBody,
  })
  .meta({ id: 'receive:error', description: 'Not done' })

export const Hello = down(
  'hello',
  'The first frame of every connection',
  z.object({
    connectionId: z.string(),
    protocolVersion: z.int(),
    user: User,
    logId: z.string().describe('Names the history; when it differs from the last one, start afresh'),
    heartbeatMs: z.int(),
    serverTime: Time,
    expiresAt: Time.describe('When the token ends; send `auth` before'),
    limits: z.object({ messageCharacters: z.int(), frameBytes: z.int(), groupParticipants: z.int() }),
  }),
)
export type Hello = z.infer<typeof Hello>

export const SyncBatch = down('sync:batch', 'What changed in a chat, each row once', ChangeSet)
export const SyncReset = down(
  'sync:reset',
  'Too much changed: take the latest page and go on from `head`',
  z.object({ chatId: ChatId, head: Seq }),
)
export const HeadsFrame = down(
  'heads',
  'With each heartbeat: the chats that changed since the last one',
  z.object({ logId: z.string(), chats: Heads }),
)
export const Bye = down(
  'bye',
  'The server is about to close the socket',
  z.object({ code: z.int(), retryAfter: z.number().describe('Seconds') }),
)

/** Down: what a server may send. */
export const ServerFrame = z.union([
  Hello,
  Ack,
  ErrorReply,
  SyncBatch,
  SyncReset,
  ChatEvent,
  Signal,
  HeadsFrame,
  Bye,
])
export type ServerFrame = z.infer<typeof ServerFrame>
