import type { ChatInfo, Participant, User } from '../protocol/model.ts'
import { roleOfStaff } from '../protocol/staff.ts'
import { type Decide, type Decision, NO_CHAT, refused, type Situation } from './decision.ts'
import { may, type Permission, type Standing, standingOutside, whoMay } from './permissions.ts'
import type { RoomState, Seats } from './ports.ts'
import { deskFault } from './seats.ts'
import { joins, leaves, numbered, placed, tells } from './session-steps.ts'

/** Somebody who may do what was asked in a session, whether he takes part in it or not. */
interface Allowed {
  readonly state: RoomState
  readonly standing: Standing
}

type SessionAnswer =
  | 'session:accept'
  | 'session:transfer'
  | 'session:release'
  | 'session:close'
  | 'session:reopen'

const CLOSED = refused('CONFLICT', 'This session is closed: reopen it first', 'chatId')

/** Exactly one of many who accept wins, as the chat's sequence has one next number; the others hear who it was. */
export const decideAccept: Decide<'session:accept'> = (situation) => {
  const right = allowed(situation, 'session:accept')
  if ('kind' in right) return right
  const { state, standing } = right
  const { principal, at } = situation
  const { status, assigneeId } = state.chat
  if (status === 'closed') return CLOSED
  if (assigneeId === principal.user.id) return unchanged(state)
  if (status === 'active') return taken(state)
  const me = known(situation, principal.user.id)
  if (!me) return NO_CHAT
  if (standing === 'staff' && !isOfTeam(situation, state)) {
    return refused('FORBIDDEN', `This session waits for the team ${state.chat.session?.team}`, 'chatId')
  }
  const fault = deskFault(situation, { user: me, chatId: state.chat.id, field: 'chatId' })
  if (fault) return fault
  const chat = placed(state.chat, at, { status: 'active', assigneeId: me.id })
  return done(situation, state, {
    chat,
    type: 'session:accepted',
    words: 'accepted the session',
    joining: me,
  })
}

export const decideTransferSession: Decide<'session:transfer'> = (situation, command) => {
  const right = allowed(situation, 'session:transfer')
  if ('kind' in right) return right
  const { state } = right
  const { at } = situation
  if (state.chat.status === 'closed') return CLOSED
  if (command.userId === undefined) {
    const team = command.team ?? null
    if (state.chat.status === 'waiting' && state.chat.session?.team === team) return unchanged(state)
    const chat = placed(state.chat, at, { status: 'waiting', assigneeId: null, team })
    return done(situation, state, {
      chat,
      type: 'session:transferred',
      words: `transferred the session to the team ${team}`,
    })
  }
  if (state.chat.assigneeId === command.userId) return unchanged(state)
  const heir = known(situation, command.userId)
  if (!heir || !roleOfStaff(heir.type)) {
    return refused('NOT_FOUND', `No such professional: ${command.userId}`, 'userId')
  }
  const fault = deskFault(situation, { user: heir, chatId: state.chat.id, field: 'userId' })
  if (fault) return fault
  const chat = placed(state.chat, at, { status: 'active', assigneeId: heir.id })
  return done(situation, state, {
    chat,
    type: 'session:transferred',
    words: `transferred the session to ${heir.displayName}`,
    joining: heir,
  })
}

export const decideRelease: Decide<'session:release'> = (situation) => {
  const right = allowed(situation, 'session:release')
  if ('kind' in right) return right
  const { state } = right
  if (state.chat.status === 'closed') return CLOSED
  if (state.chat.status === 'waiting') return unchanged(state)
  const chat = placed(state.chat, situation.at, { status: 'waiting', assigneeId: null })
  return done(situation, state, { chat, type: 'session:queued', words: 'gave the session back to the queue' })
}

/** Who has it keeps it, so that the record says who it was, and may read on. */
export const decideClose: Decide<'session:close'> = (situation, command) => {
  const right = allowed(situation, 'session:close')
  if ('kind' in right) return right
  const { state } = right
  if (state.chat.status === 'closed') return unchanged(state)
  const reason = command.reason ?? null
  const chat = placed(state.chat, situation.at, {
    status: 'closed',
    assigneeId: state.chat.assigneeId,
    closeReason: reason,
  })
  const words = reason === null ? 'closed the session' : `closed the session: ${reason}`
  return done(situation, state, { chat, type: 'session:closed', words })
}

/** It goes on with whoever works in it and opens it again, or with its provider; else it waits in the queue. */
export const decideReopen: Decide<'session:reopen'> = (situation) => {
  const right = allowed(situation, 'session:reopen')
  if ('kind' in right) return right
  const { state } = right
  if (state.chat.status !== 'closed') return unchanged(state)
  const assignee = reopenedBy(situation, right)
  const fault = assignee && deskFault(situation, { user: assignee, chatId: state.chat.id, field: 'chatId' })
  if (fault) return fault
  const chat = placed(state.chat, situation.at, {
    status: assignee ? 'active' : 'waiting',
    assigneeId: assignee?.id ?? null,
  })
  return done(situation, state, {
    chat,
    type: 'session:reopened',
    words: 'reopened the session',
    ...(assignee && { joining: assignee }),
  })
}

/** An admin sees a session by taking part in it, which everybody in it can see. */
export const decideObserve: Decide<'session:observe'> = (situation, { chatId }) => {
  const right = allowed(situation, 'session:observe')
  if ('kind' in right) return right
  const { state } = right
  const { principal, at } = situation
  const before = state.participants.get(principal.user.id)
  if (before) return { kind: 'done', events: [], ack: { participants: [before], seq: state.seq } }
  const me = known(situation, principal.user.id)
  if (!me) return NO_CHAT
  const events = numbered(chatId, at, state.seq, joins(me, 'observer', undefined))
  const participants = events.flatMap((event) =>
    event.type === 'participant:joined' ? [event.data.participant] : [],
  )
  return { kind: 'done', events, ack: { participants, seq: state.seq + events.length } }
}

function reopenedBy({ principal }: Situation, { state, standing }: Allowed): User | undefined {
  const me = state.participants.get(principal.user.id)
  if (me && (standing === 'provider' || standing === 'agent')) return me.user
  const last = state.participants.get(state.chat.assigneeId ?? '')
  return last?.role === 'provider' ? last.user : undefined
}

function allowed({ state, principal }: Situation, permission: Permission): Allowed | Decision<never> {
  const me = state?.participants.get(principal.user.id)
  const outside = state?.chat.kind === 'session' ? standingOutside(principal.user.type) : undefined
  const standing = me?.role ?? outside
  if (!state || state.isDeleted || !standing) return NO_CHAT
  if (may(standing, permission, state.chat.kind)) return { state, standing }
  const who = whoMay(permission, state.chat.kind)
  return refused(
    'FORBIDDEN',
    who.length === 0
      ? `Not possible in a ${state.chat.kind} chat: ${permission}`
      : `Only ${who.join(' or ')} may do this: ${permission}`,
  )
}

function known({ known, state }: Situation, userId: string): User | undefined {
  return known.users.get(userId)?.user ?? state?.participants.get(userId)?.user
}

function isOfTeam({ known, principal }: Situation, { chat }: RoomState): boolean {
  const team = chat.session?.team ?? null
  return team === null || (known.sessions?.desks.get(principal.user.id)?.teams.includes(team) ?? false)
}

function taken({ chat, participants }: RoomState): Decision<never> {
  const winner = participants.get(chat.assigneeId ?? '')?.user
  const message = `${winner?.displayName ?? 'Somebody else'} (${chat.assigneeId}) has accepted this session`
  return refused('CONFLICT', message, 'assigneeId')
}

function unchanged({ chat, seq }: RoomState): Decision<SessionAnswer> {
  return { kind: 'done', events: [], ack: { chat, seq } }
}

interface Done {
  readonly chat: ChatInfo
  readonly type:
    | 'session:queued'
    | 'session:accepted'
    | 'session:transferred'
    | 'session:closed'
    | 'session:reopened'
  readonly words: string
  readonly joining?: User
}

/**
 * Who takes the session over comes in before it is told, and who had it goes after: each hears what concerns him.
 */
function done(
  situation: Situation,
  state: RoomState,
  { chat, type, words, joining }: Done,
): Decision<SessionAnswer> {
  const { principal, at } = situation
  const leaving = leaverOf(state, chat)
  const session = type.slice('session:'.length) as
    | 'queued'
    | 'accepted'
    | 'transferred'
    | 'closed'
    | 'reopened'
  const before = joining && state.participants.get(joining.id)
  const events = numbered(chat.id, at, state.seq, [
    ...(joining ? joins(joining, roleOfStaff(joining.type) ?? 'provider', before) : []),
    () => ({ type, data: { chat } }),
    tells(situation, { session, words, chat }),
    ...(leaving ? [leaves(leaving.userId, principal.user.id)] : []),
  ])
  const seats = seatsOf(state, chat, joining)
  return { kind: 'done', events, ...(seats && { seats }), ack: { chat, seq: state.seq + events.length } }
}

/** Whose session it was, and is no longer. */
function leaverOf({ chat: before, participants }: RoomState, after: ChatInfo): Participant | undefined {
  return before.assigneeId === after.assigneeId ? undefined : participants.get(before.assigneeId ?? '')
}

function seatsOf(state: RoomState, after: ChatInfo, joining: User | undefined): Seats | undefined {
  const { assigneeId, status } = state.chat
  const had = status === 'active' ? state.participants.get(assigneeId ?? '') : undefined
  const free = had?.role === 'agent' ? had.userId : null
  const take =
    after.status === 'active' && joining && roleOfStaff(joining.type) === 'agent' ? joining.id : null
  return free === null && take === null ? undefined : { take, free }
}
