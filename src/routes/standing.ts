import type { Pair, Side } from '../db/queries/contacts.ts'
import { refuse } from '../protocol/errors.ts'

/** Who wishes to stand otherwise with whom, and when. */
export interface Wish {
  readonly userId: string
  readonly otherId: string
  readonly at: Date
}

/** Rule says how a wish changes a pair; what it does not allow, it refuses by throwing. */
export type Rule = (pair: Pair, wish: Wish) => Pair

/** A request of both sides is an acceptance. Asked again, it changes nothing. */
export const request: Rule = (pair, wish) => {
  const { mine, theirs } = pair
  if (theirs?.status === 'blocked') return refuse('FORBIDDEN', 'This user takes no requests from you')
  if (mine?.status === 'blocked') return refuse('CONFLICT', 'You have blocked this user: unblock first')
  if (mine?.status === 'pending' && mine.requestedBy === wish.otherId) return accept(pair, wish)
  if (mine) return pair
  const side = pending(wish)
  return { mine: side, theirs: side }
}

export const accept: Rule = (pair, { otherId, at }) => {
  const { mine } = pair
  if (mine?.status === 'accepted') return pair
  if (mine?.status !== 'pending') return refuse('NOT_FOUND', 'No request of this user waits')
  if (mine.requestedBy !== otherId)
    return refuse('CONFLICT', 'The request is yours: the other user accepts it')
  const side: Side = { ...mine, status: 'accepted', acceptedAt: at }
  return { mine: side, theirs: side }
}

/** Declines a request, takes one's own back, or ends a contact. */
export const remove: Rule = ({ mine, theirs }) => {
  if (!mine || mine.status === 'blocked') return refuse('NOT_FOUND', 'This user is no contact of yours')
  return { mine: null, theirs: theirs?.status === 'blocked' ? theirs : null }
}

/** Ends the contact too, and shows the other user nothing else. */
export const block: Rule = ({ mine, theirs }, { userId, at }) => ({
  mine:
    mine?.status === 'blocked'
      ? mine
      : { status: 'blocked', requestedBy: userId, createdAt: at, acceptedAt: null },
  theirs: theirs?.status === 'blocked' ? theirs : null,
})

export const unblock: Rule = ({ mine, theirs }) => {
  if (mine?.status !== 'blocked') return refuse('NOT_FOUND', 'You have not blocked this user')
  return { mine: null, theirs }
}

function pending({ userId, at }: Wish): Side {
  return { status: 'pending', requestedBy: userId, createdAt: at, acceptedAt: null }
}
