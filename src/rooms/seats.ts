import type { User } from '../protocol/model.ts'
import { roleOfStaff } from '../protocol/staff.ts'
import { type Decision, refused, type Situation } from './decision.ts'

interface Seating {
  readonly user: User
  readonly chatId: string
  readonly field: string
}

/**
 * deskFault says why a professional cannot have this session: an agent who is not available, unless it is the agent's
 * own wish, or who has as many sessions as the capacity allows. Providers have no desk: who is named, is meant.
 */
export function deskFault(
  { known, principal }: Situation,
  { user, chatId, field }: Seating,
): Decision<never> | undefined {
  const desk = known.sessions?.desks.get(user.id)
  if (roleOfStaff(user.type) !== 'agent' || !desk) return undefined
  const isOwnWish = user.id === principal.user.id
  if (!isOwnWish && desk.availability !== 'available') {
    return refused(
      'CONFLICT',
      `${user.displayName} is ${desk.availability}: choose another agent or a team`,
      field,
    )
  }
  if (desk.sessionIds.includes(chatId) || desk.sessionIds.length < desk.capacity) return undefined
  const whose = isOwnWish ? 'You have' : `${user.displayName} has`
  const message = `${whose} ${desk.sessionIds.length} of at most ${desk.capacity} sessions: close or release one first`
  return refused('CONFLICT', message, field)
}
