import { COMMAND_TYPES, type Command, type CommandOf, type CommandType } from '../../src/protocol/commands.ts'
import type { ErrorCode } from '../../src/protocol/errors.ts'
import type { Message, User } from '../../src/protocol/model.ts'
import type { Decision } from '../../src/rooms/decision.ts'
import type { Known, RoomState, Upload } from '../../src/rooms/ports.ts'
import { decide } from '../../src/rooms/room.ts'
import { ADAM, aGroup, aMessage, envelope, GROUP, MIA, NOWHERE, PEOPLE, uuid } from '../support/builders.ts'

/** A later moment than the one at which everything in the builders began. */
export const NOW = '2026-01-02T03:04:05.678Z'
export const FRESH = uuid(0xf1)

/** Given is what a command meets: the chat, what is stored of messages, and who has blocked whom. */
export interface Given {
  readonly state?: RoomState | undefined
  readonly messages?: readonly Message[]
  readonly blocks?: readonly (readonly [by: User, whom: User])[]
  readonly users?: readonly User[]
  /** What was uploaded and has no message yet. */
  readonly uploads?: readonly Upload[]
}

/** Case is one rule of a command: given this, when that one asks for it, then it comes to this. */
export type Case = readonly [name: string, given: Given, by: User, command: Command, then: object]

export function decideIn({ state, ...given }: Given, by: User, command: Command): Decision {
  return decide({ state, known: knownOf(given), at: NOW, freshId: () => FRESH }, envelope(by, command))
}

export function knownOf({ messages = [], blocks = [], users = PEOPLE, uploads = [] }: Given): Known {
  return {
    messages: new Map(messages.map((message) => [message.id, message])),
    uploads: new Map(uploads.map((upload) => [upload.attachment.id, upload])),
    users: new Map(
      users.map((user) => [
        user.id,
        { user, blocked: blocks.flatMap(([by, whom]) => (by === user ? whom.id : [])) },
      ]),
    ),
  }
}

/** A refusal with this code, which names the field if one is given. */
export function refusedAs(code: ErrorCode, field?: string) {
  const details = field === undefined ? [] : [{ field, message: expectText }]
  return { kind: 'refused', refusal: { code, message: expectText, details } }
}

/** Nothing changes; the answer holds this. */
export function unchanged(ack: object) {
  return { kind: 'done', events: [], ack }
}

const expectText: string = {
  asymmetricMatch: (value: unknown) => typeof value === 'string' && value !== '',
} as never

export function send(with_: Partial<CommandOf<'message:send'>> = {}): CommandOf<'message:send'> {
  return { type: 'message:send', chatId: GROUP, content: 'hello', contentType: 'text', ...with_ }
}

/** Commands on a message, in the chat that it is of. */
export function edit({ chatId, id }: Message, content: string): CommandOf<'message:edit'> {
  return { type: 'message:edit', chatId, messageId: id, content }
}
export function remove({ chatId, id }: Message): CommandOf<'message:delete'> {
  return { type: 'message:delete', chatId, messageId: id }
}
export function react({ chatId, id }: Message, emoji = '👍'): CommandOf<'reaction:add'> {
  return { type: 'reaction:add', chatId, messageId: id, emoji }
}
export function unreact({ chatId, id }: Message, emoji = '👍'): CommandOf<'reaction:remove'> {
  return { type: 'reaction:remove', chatId, messageId: id, emoji }
}
/** Up to a seq of the group, or to a message. */
export function read(to: number | Message): CommandOf<'message:read'> {
  return { type: 'message:read', chatId: GROUP, ...upTo(to) }
}
export function delivered(to: number | Message): CommandOf<'message:delivered'> {
  return { type: 'message:delivered', chatId: GROUP, ...upTo(to) }
}
function upTo(to: number | Message) {
  return typeof to === 'number' ? { seq: to } : { messageId: to.id }
}

/** A command of every type, on the group and its message 5 of Mia's, and on Adam. */
export const SAMPLES: { readonly [T in CommandType]: CommandOf<T> } = {
  'message:send': send(),
  'message:edit': { type: 'message:edit', chatId: GROUP, messageId: uuid(0xe005), content: 'other' },
  'message:delete': { type: 'message:delete', chatId: GROUP, messageId: uuid(0xe005) },
  'message:read': { type: 'message:read', chatId: GROUP, seq: 10 },
  'message:delivered': { type: 'message:delivered', chatId: GROUP, seq: 10 },
  'reaction:add': { type: 'reaction:add', chatId: GROUP, messageId: uuid(0xe005), emoji: '👍' },
  'reaction:remove': { type: 'reaction:remove', chatId: GROUP, messageId: uuid(0xe005), emoji: '👍' },
  'chat:create': {
    type: 'chat:create',
    chatId: GROUP,
    kind: 'group',
    name: 'The group',
    participantIds: [MIA.id],
    history: 'all',
    isOpen: false,
  },
  'chat:update': { type: 'chat:update', chatId: GROUP, name: 'Another name' },
  'chat:delete': { type: 'chat:delete', chatId: GROUP },
  'chat:mute': { type: 'chat:mute', chatId: GROUP, until: null },
  'chat:join': { type: 'chat:join', chatId: GROUP },
  'chat:leave': { type: 'chat:leave', chatId: GROUP },
  'chat:transfer': { type: 'chat:transfer', chatId: GROUP, userId: ADAM.id },
  'participant:add': { type: 'participant:add', chatId: GROUP, userIds: [uuid(5)] },
  'participant:remove': { type: 'participant:remove', chatId: GROUP, userId: uuid(4) },
  'participant:role': { type: 'participant:role', chatId: GROUP, userId: uuid(4), role: 'admin' },
  'session:create': { type: 'session:create', chatId: GROUP },
  'session:accept': { type: 'session:accept', chatId: GROUP },
  'session:transfer': { type: 'session:transfer', chatId: GROUP, userId: uuid(4) },
  'session:release': { type: 'session:release', chatId: GROUP },
  'session:close': { type: 'session:close', chatId: GROUP },
  'session:reopen': { type: 'session:reopen', chatId: GROUP },
  'session:observe': { type: 'session:observe', chatId: GROUP },
  'notes:open': { type: 'notes:open', chatId: GROUP, sessionId: GROUP },
  'notes:follow': { type: 'notes:follow', chatId: GROUP, sessionId: GROUP },
}

/** Those that need to take part; joining and creating begin it, and notes ask the session. */
export const PARTICIPANTS_ONLY = COMMAND_TYPES.filter(isForParticipants)

export type ForParticipants = Exclude<
  CommandType,
  'chat:create' | 'chat:join' | 'session:create' | 'notes:open' | 'notes:follow'
>

function isForParticipants(type: CommandType): type is ForParticipants {
  return !/:(create|join|open|follow)$/.test(type)
}

/** The group with its message 5 of Mia's, on which everybody who may can do every sample. */
export const SCENE: Given = { state: aGroup(), messages: [aMessage(5)] }

export const NO_MESSAGE = refusedAs('NOT_FOUND', 'messageId')
/** A message of another chat, and the same as if it were of the group. */
export const ELSEWHERE = aMessage(5, { chatId: NOWHERE })
export const AS_IF_HERE = aMessage(5)
