import { changePair, type Side, toContact } from '../db/queries/contacts.ts'
import { type Account, findUser } from '../db/queries/users.ts'
import { refuse } from '../protocol/errors.ts'
import type { Signal } from '../protocol/events.ts'
import type { Contact, PresenceStatus } from '../protocol/model.ts'
import type { AppDeps } from './deps.ts'
import { directChatId } from './derived-ids.ts'
import { readStatuses } from './presence.ts'
import type { Rule } from './standing.ts'

/** Standing is how the one who asked has the other after a change. */
export interface Standing {
  readonly contact: Contact | null
  readonly isNew: boolean
}

/** changeStanding changes how two users stand by a rule, and tells those whose side of it is another now. */
export async function changeStanding(
  deps: AppDeps,
  ids: { readonly userId: string; readonly otherId: string },
  rule: Rule,
): Promise<Standing> {
  const { db, presence, clock } = deps
  const { userId, otherId } = ids
  if (userId === otherId) refuse('VALIDATION_ERROR', 'You cannot be a contact of your own')
  const [me, other] = await Promise.all([findUser(db, userId), findUser(db, otherId)])
  if (!me || !other) return refuse('NOT_FOUND', 'No such user')
  const wish = { ...ids, at: new Date(clock.now()) }
  const { before, after } = await changePair(db, ids, (pair) => rule(pair, wish))
  const statusOf = await readStatuses(presence, [userId, otherId])
  const mine = view(after.mine, other, statusOf)
  if (after.mine !== before.mine) tell(deps, me, other, mine)
  if (after.theirs !== before.theirs) tell(deps, other, me, view(after.theirs, me, statusOf))
  return { contact: mine, isNew: before.mine === null }
}

/** reloadDirectChat makes the room of two users see a block that began or ended. */
export async function reloadDirectChat(
  { rooms }: AppDeps,
  { userId, otherId }: { readonly userId: string; readonly otherId: string },
): Promise<void> {
  await rooms.get(await directChatId(userId, otherId)).reload()
}

function view(
  side: Side | null,
  account: Account,
  statusOf: (userId: string) => PresenceStatus,
): Contact | null {
  return side && toContact({ ...side, account }, statusOf(account.id))
}

function tell({ broadcast }: AppDeps, whom: Account, about: Account, contact: Contact | null): void {
  const signal: Signal = { type: 'contact:updated', data: { userId: about.id, contact } }
  const isAccepted = contact?.status === 'accepted'
  const text = JSON.stringify(signal)
  broadcast.publish(`user:${whom.id}`, { kind: 'contact', userId: about.id, isAccepted, text })
}
