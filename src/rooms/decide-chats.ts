import type { ChatEvent } from '../protocol/events.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { ChatInfo, Participant, User } from '../protocol/model.ts'
import {
  type Decide,
  type Decision,
  isRefusal,
  NO_CHAT,
  type Permitted,
  permitted,
  refused,
  type Situation,
} from './decision.ts'
import { newParticipant } from './session-steps.ts'

const NO_PARTICIPANT = refused('NOT_FOUND', 'No such participant in this chat', 'userId')

export const decideCreate: Decide<'chat:create'> = (situation, command) => {
  const { state, principal, at } = situation
  if (state) {
    if (!state.participants.has(principal.user.id) || state.isDeleted) return NO_CHAT
    return { kind: 'done', events: [], ack: { chat: state.chat, seq: state.seq, replayed: true } }
  }
  const ids = new Set([principal.user.id, ...command.participantIds])
  if (command.kind === 'direct' && ids.size !== 2) {
    return refused('VALIDATION_ERROR', 'A direct chat is with one other user', 'userId')
  }
  if (ids.size > LIMITS.groupParticipants) return tooMany('participantIds')
  const found = findUsers(situation, [...ids], command.kind === 'direct' ? 'userId' : 'participantIds')
  if (!Array.isArray(found)) return found
  const isGroup = command.kind === 'group'
  if (!isGroup && situation.known.users.get(principal.user.id)?.blocked.length) {
    return refused('FORBIDDEN', 'You have blocked this user: unblock first', 'userId')
  }
  const chat: ChatInfo = {
    id: command.chatId,
    kind: command.kind,
    name: command.name,
    slug: command.slug ?? null,
    avatarUrl: command.avatarUrl ?? null,
    ownerId: isGroup ? principal.user.id : null,
    subject: null,
    status: null,
    assigneeId: null,
    parentId: null,
    session: null,
    history: command.history,
    isOpen: command.isOpen,
    createdAt: at,
  }
  const participants = found.map((user) =>
    newParticipant(user, { role: isGroup && user.id === principal.user.id ? 'owner' : 'member', seq: 1 }),
  )
  return {
    kind: 'done',
    events: [{ type: 'chat:created', chatId: command.chatId, seq: 1, at, data: { chat, participants } }],
    ack: { chat, seq: 1, replayed: false },
  }
}

export const decideUpdate: Decide<'chat:update'> = (situation, command) => {
  const right = permitted(situation, 'chat:update')
  if (isRefusal(right)) return right
  const before = right.state.chat
  const chat: ChatInfo = {
    ...before,
    name: command.name ?? before.name,
    slug: command.slug === undefined ? before.slug : command.slug,
    avatarUrl: command.avatarUrl === undefined ? before.avatarUrl : command.avatarUrl,
    history: command.history ?? before.history,
    isOpen: command.isOpen ?? before.isOpen,
  }
  const keys = ['name', 'slug', 'avatarUrl', 'history', 'isOpen'] as const
  if (keys.every((key) => chat[key] === before[key])) {
    return { kind: 'done', events: [], ack: { chat: before, seq: right.state.seq } }
  }
  return updated(situation, right, { chat, participants: [] })
}

export const decideDeleteChat: Decide<'chat:delete'> = (situation, command) => {
  const right = permitted(situation, 'chat:delete')
  if (isRefusal(right)) return right
  const seq = right.state.seq + 1
  return {
    kind: 'done',
    events: [{ type: 'chat:deleted', chatId: command.chatId, seq, at: situation.at, data: {} }],
    ack: { seq },
  }
}

export const decideMute: Decide<'chat:mute'> = (situation, command) => {
  const right = permitted(situation, 'chat:mute')
  if (isRefusal(right)) return right
  const seq = right.state.seq + 1
  const data = { participant: right.me }
  return {
    kind: 'done',
    events: [{ type: 'participant:updated', chatId: command.chatId, seq, at: situation.at, data }],
    mutes: [{ userId: right.me.userId, until: command.until }],
    ack: { seq, me: { mutedUntil: command.until } },
  }
}

export const decideJoin: Decide<'chat:join'> = (situation) => {
  const { state, principal } = situation
  const isMember = state?.participants.has(principal.user.id)
  if (!state || state.isDeleted || !(isMember || (state.chat.kind === 'group' && state.chat.isOpen)))
    return NO_CHAT
  return joined(situation, { state, userIds: [principal.user.id], field: 'chatId' })
}

export const decideAdd: Decide<'participant:add'> = (situation, command) => {
  const right = permitted(situation, 'participant:add')
  if (isRefusal(right)) return right
  return joined(situation, { state: right.state, userIds: [...new Set(command.userIds)], field: 'userIds' })
}

export const decideLeave: Decide<'chat:leave'> = (situation) => {
  const right = permitted(situation, 'chat:leave')
  if (isRefusal(right)) return right
  if (right.me.role === 'owner' && right.state.participants.size > 1) {
    return refused('CONFLICT', 'The owner cannot leave: transfer the ownership first, or delete the chat')
  }
  return left(situation, right, right.me.userId)
}

export const decideRemove: Decide<'participant:remove'> = (situation, command) => {
  const right = permitted(situation, 'participant:remove')
  if (isRefusal(right)) return right
  const participant = right.state.participants.get(command.userId)
  if (!participant) return NO_PARTICIPANT
  if (participant.role === 'owner') return refused('FORBIDDEN', 'The owner cannot be removed')
  if (participant.role === 'admin') {
    const wider = permitted(situation, 'participant:remove:admin')
    if (isRefusal(wider)) return wider
  }
  return left(situation, right, command.userId)
}

export const decideRole: Decide<'participant:role'> = (situation, command) => {
  const right = permitted(situation, 'participant:role')
  if (isRefusal(right)) return right
  const before = right.state.participants.get(command.userId)
  if (!before) return NO_PARTICIPANT
  if (before.role === 'owner')
    return refused('CONFLICT', 'The owner keeps the role: transfer the ownership instead', 'role')
  if (before.role === command.role) {
    return { kind: 'done', events: [], ack: { participants: [before], seq: right.state.seq } }
  }
  const participant = { ...before, role: command.role }
  const seq = right.state.seq + 1
  const data = { participant }
  return {
    kind: 'done',
    events: [{ type: 'participant:updated', chatId: command.chatId, seq, at: situation.at, data }],
    ack: { participants: [participant], seq },
  }
}

export const decideTransfer: Decide<'chat:transfer'> = (situation, command) => {
  const right = permitted(situation, 'chat:transfer')
  if (isRefusal(right)) return right
  const heir = right.state.participants.get(command.userId)
  if (!heir) return NO_PARTICIPANT
  if (heir.userId === right.me.userId) {
    return { kind: 'done', events: [], ack: { chat: right.state.chat, seq: right.state.seq } }
  }
  return updated(situation, right, {
    chat: { ...right.state.chat, ownerId: heir.userId },
    participants: [
      { ...right.me, role: 'admin' },
      { ...heir, role: 'owner' },
    ],
  })
}

interface Joining {
  readonly state: Permitted['state']
  readonly userIds: readonly string[]
  readonly field: string
}

function joined(
  situation: Situation,
  { state, userIds, field }: Joining,
): Decision<'participant:add' | 'chat:join'> {
  const newIds = userIds.filter((userId) => !state.participants.has(userId))
  if (state.participants.size + newIds.length > LIMITS.groupParticipants) return tooMany(field)
  const found = findUsers(situation, newIds, field)
  if (!Array.isArray(found)) return found
  const participants = found.map((user, index) =>
    newParticipant(user, { role: 'member', seq: state.seq + 1 + index }),
  )
  const events = participants.map(
    (participant): ChatEvent => ({
      type: 'participant:joined',
      chatId: state.chat.id,
      seq: participant.joinedSeq,
      at: situation.at,
      data: { participant },
    }),
  )
  const present = userIds.flatMap((userId) => state.participants.get(userId) ?? [])
  return {
    kind: 'done',
    events,
    ack: { participants: [...present, ...participants], seq: state.seq + events.length },
  }
}

function left({ principal, at }: Situation, { state }: Permitted, userId: string): Decision<'chat:leave'> {
  const seq = state.seq + 1
  const data = { userId, by: principal.user.id }
  return {
    kind: 'done',
    events: [{ type: 'participant:left', chatId: state.chat.id, seq, at, data }],
    ack: { seq },
  }
}

function updated(
  { at }: Situation,
  { state }: Permitted,
  data: { chat: ChatInfo; participants: Participant[] },
): Decision<'chat:update' | 'chat:transfer'> {
  const seq = state.seq + 1
  return {
    kind: 'done',
    events: [{ type: 'chat:updated', chatId: state.chat.id, seq, at, data }],
    ack: { chat: data.chat, seq },
  }
}

/** The users to take in, or why not: one is unknown, or has blocked the one who asks. */
function findUsers(
  { known, principal }: Situation,
  userIds: readonly string[],
  field: string,
): User[] | Decision<never> {
  const users: User[] = []
  for (const userId of userIds) {
    const it = known.users.get(userId)
    if (!it) return refused('NOT_FOUND', `No such user: ${userId}`, field)
    if (it.blocked.includes(principal.user.id))
      return refused('FORBIDDEN', `${userId} cannot be added by you`, field)
    users.push(it.user)
  }
  return users
}

function tooMany(field: string): Decision<never> {
  return refused('CONFLICT', `A group has at most ${LIMITS.groupParticipants} participants`, field)
}
