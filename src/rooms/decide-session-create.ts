import type { CommandOf } from '../protocol/commands.ts'
import type { ChatInfo, Participant, Role, User } from '../protocol/model.ts'
import { roleOfStaff } from '../protocol/staff.ts'
import { type Decide, type Decision, NO_CHAT, refused, type Situation } from './decision.ts'
import { standingOutside } from './permissions.ts'
import { deskFault } from './seats.ts'
import { NO_SESSION, newParticipant, numbered, placed, tells } from './session-steps.ts'

/** Who is in a new session, and as what. */
interface Cast {
  readonly customer: User
  /** Whose the session is from the start; undefined when it waits in the queue. */
  readonly assignee: User | undefined
}

/**
 * A session begins `waiting` in a queue, or `active` with a professional: the one who is named, or the one who opens it
 * for somebody else.
 */
export const decideCreateSession: Decide<'session:create'> = (situation, command) => {
  const { state, principal, at } = situation
  if (state) return replay(situation)
  const cast = castOf(situation, command)
  if ('kind' in cast) return cast
  const { customer, assignee } = cast
  const { chatId, subject, externalId, metadata, team } = command
  const begun: ChatInfo = {
    ...{ id: chatId, kind: 'session', name: null, slug: null, avatarUrl: null, ownerId: customer.id },
    ...{ subject: subject ?? null, status: null, assigneeId: null, parentId: null, session: NO_SESSION },
    ...{ history: 'all', isOpen: false, createdAt: at },
  }
  const chat = placed(begun, at, {
    status: assignee ? 'active' : 'waiting',
    assigneeId: assignee?.id ?? null,
    externalId: externalId ?? null,
    team: team ?? null,
    metadata: metadata ?? null,
  })
  const participants = participantsOf(cast)
  const opener =
    principal.user.id === customer.id
      ? 'opened the session'
      : `opened the session for ${customer.displayName}`
  const events = numbered(chatId, at, 0, [
    () => ({ type: 'chat:created', data: { chat, participants } }),
    tells(situation, { session: 'opened', words: opener, chat }),
  ])
  const take = participants.find(({ role }) => role === 'agent')?.userId
  return {
    kind: 'done',
    events,
    ...(take !== undefined && { seats: { take, free: null } }),
    ack: { chat, seq: events.length, replayed: false },
  }
}

/** The same id is the same session, for whoever may know of it. */
function replay({ state, principal }: Situation): Decision<'session:create'> {
  const isKnown = state?.participants.has(principal.user.id) || standingOutside(principal.user.type)
  if (state?.chat.kind !== 'session' || state.isDeleted || !isKnown) return NO_CHAT
  return { kind: 'done', events: [], ack: { chat: state.chat, seq: state.seq, replayed: true } }
}

function castOf(situation: Situation, command: CommandOf<'session:create'>): Cast | Decision<never> {
  const { principal, known } = situation
  const { id: userId, type } = principal.user
  const isStaff = roleOfStaff(type) !== undefined
  const customerId = command.customerId ?? userId
  if (customerId === userId && (isStaff || type === 'bot')) {
    return refused('VALIDATION_ERROR', 'Name the customer whom the session is for', 'customerId')
  }
  if (customerId !== userId && !isStaff && type !== 'bot') {
    return refused(
      'FORBIDDEN',
      'A session for somebody else is opened by a professional or a service',
      'customerId',
    )
  }
  const customer = known.users.get(customerId)?.user
  if (!customer) return refused('NOT_FOUND', `No such user: ${customerId}`, 'customerId')
  if (roleOfStaff(customer.type) || customer.type === 'bot') {
    return refused('VALIDATION_ERROR', 'A session is for a customer, not for staff', 'customerId')
  }
  // Staff who name nobody open it for themselves, unless it is for a team.
  const assigneeId = command.assigneeId ?? (isStaff && command.team == null ? userId : undefined)
  if (assigneeId === undefined) return { customer, assignee: undefined }
  if (command.team != null) return refused('VALIDATION_ERROR', 'Give either assigneeId or team', 'team')
  const assignee = known.users.get(assigneeId)?.user
  const role = assignee && roleOfStaff(assignee.type)
  if (!assignee || !role) return refused('NOT_FOUND', `No such professional: ${assigneeId}`, 'assigneeId')
  if (role === 'agent' && customerId === userId) {
    return refused('FORBIDDEN', 'Agents take sessions from the queue: leave assigneeId out', 'assigneeId')
  }
  const fault = deskFault(situation, { user: assignee, chatId: command.chatId, field: 'assigneeId' })
  return fault ?? { customer, assignee }
}

function participantsOf({ customer, assignee }: Cast): Participant[] {
  const cast: [User, Role][] = [[customer, 'customer']]
  if (assignee) cast.push([assignee, roleOfStaff(assignee.type) ?? 'provider'])
  return cast.map(([user, role]) => newParticipant(user, { role, seq: 1 }))
}
