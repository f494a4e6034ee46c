import type { Database } from '../db/connect.ts'
import {
  findOutsideUser,
  insertOutsideUser,
  type OutsideAccount,
  updateType,
} from '../db/queries/outside-users.ts'
import { findUser } from '../db/queries/users.ts'
import { refuse } from '../protocol/errors.ts'
import type { UserSummary } from '../protocol/model.ts'
import type { Clock, Ids } from '../rooms/ports.ts'
import type { Naming } from './naming.ts'
import type { Profile } from './profile.ts'
import type { Remembered } from './remembered.ts'

/** Milliseconds that the first request of somebody new waits for the name that the directory has, at most. */
const FIRST_PATIENCE = 500

/** How somebody is called whose name nobody knows, or not yet. */
const PLACEHOLDERS: Readonly<Record<UserSummary['type'], string>> = {
  member: 'Member',
  customer: 'Customer',
  dentist: 'Dentist',
  agent: 'Agent',
  restaurant: 'Restaurant',
  admin: 'Administrator',
  bot: 'Bot',
}

/** Who somebody is: the same subject of two issuers is two users. */
export interface OutsideIdentity {
  /** The name of the issuer in the settings. */
  readonly issuer: string
  readonly subject: string
  readonly type: UserSummary['type']
  /** What the token itself says, where it does. */
  readonly profile: Profile | undefined
}

/** OutsideUsers are those whom other issuers vouch for. They have no password and no logins here. */
export interface OutsideUsers {
  /** The account of an identity, made when it is new. Rejects with an UNAUTHORIZED refusal when it is disabled. */
  get(identity: OutsideIdentity): Promise<OutsideAccount>
  /**
   * The id of somebody of whom a backend speaks, who may never have been here: the account is made as by a first token,
   * and one that is there stays as it is. Rejects with a VALIDATION_ERROR refusal where the issuer is none of ours.
   */
  introduce(identity: OutsideIdentity): Promise<string>
  /** Whether the user is not disabled, as the database says now. */
  isCurrent(userId: string): Promise<boolean>
}

export interface OutsideUsersPorts {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  /** The names of all outside issuers. */
  readonly issuers: readonly string[]
  readonly naming: Naming
  readonly remembered: Remembered<OutsideAccount>
}

export function createOutsideUsers(ports: OutsideUsersPorts): OutsideUsers {
  const { db, clock, ids, issuers, naming, remembered } = ports

  async function load(identity: OutsideIdentity): Promise<OutsideAccount> {
    const found = await findOutsideUser(db, identity)
    const account = found ?? (await enter(identity))
    if (account.type !== identity.type) await updateType(db, account.id, identity.type)
    if (found) refresh(found, identity)
    return account
  }

  function refresh(account: OutsideAccount, identity: OutsideIdentity): Promise<unknown> | undefined {
    const asked = naming.refresh(account, identity)
    return asked?.then((isRenamed) => isRenamed && remembered.forget(keyOf(identity)))
  }

  async function enter(identity: OutsideIdentity): Promise<OutsideAccount> {
    const account = await make(identity)
    const named = refresh(account, identity)
    if (!named) return account
    await Promise.race([named, new Promise<void>((resolve) => clock.after(FIRST_PATIENCE, resolve))])
    return find(identity)
  }

  async function make(identity: OutsideIdentity): Promise<OutsideAccount> {
    const { issuer, subject, type, profile } = identity
    await insertOutsideUser(db, {
      id: ids.uuid(),
      issuer,
      subject,
      type,
      // No local account can have this name: a colon is not for usernames.
      username: `${issuer}:${subject}`,
      displayName: profile?.displayName ?? PLACEHOLDERS[type],
      avatarUrl: profile?.avatarUrl ?? null,
      namedAt: naming.isElsewhere || profile === undefined ? null : new Date(clock.now()),
      createdAt: new Date(clock.now()),
    })
    return find(identity)
  }

  async function find(identity: OutsideIdentity): Promise<OutsideAccount> {
    const account = await findOutsideUser(db, identity)
    if (!account) throw new Error(`A user of ${identity.issuer} is not there after it was made`)
    return account
  }

  return {
    async get(identity) {
      const account = await remembered.find(keyOf(identity), () => load(identity))
      return account.disabledAt ? refuse('UNAUTHORIZED', 'This account is disabled') : account
    },

    async introduce(identity) {
      if (!issuers.includes(identity.issuer)) {
        const message = `Must be a configured issuer: ${issuers.join(', ') || 'there is none'}`
        refuse('VALIDATION_ERROR', message, [{ field: 'customer.issuer', message }])
      }
      return ((await findOutsideUser(db, identity)) ?? (await enter(identity))).id
    },

    async isCurrent(userId) {
      return (await findUser(db, userId)) !== undefined
    },
  }
}

function keyOf({ issuer, subject }: OutsideIdentity): string {
  return `${issuer} ${subject}`
}
