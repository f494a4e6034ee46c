import type { Database } from '../db/connect.ts'
import { claimNaming, markNamed, type OutsideAccount, updateName } from '../db/queries/outside-users.ts'
import type { Clock } from '../rooms/ports.ts'
import type { OutsideIdentity } from './outside-users.ts'
import type { UserDirectory } from './ports.ts'
import { type Profile, toProfile } from './profile.ts'

/** Milliseconds for which a name is good: the row of the user keeps it, for every instance and without a directory. */
const FRESH = 3_600_000
/** Milliseconds until the same user is asked for again where no answer came. */
const RETRY = 60_000

export interface NamingPorts {
  readonly db: Database
  readonly clock: Clock
  /** Where names are kept; without one, tokens say them. */
  readonly directory: UserDirectory | undefined
  /** Somebody is called otherwise now: whoever remembers names has to forget this one. */
  readonly onRenamed: (userId: string) => Promise<void>
  readonly keepAlive: (work: Promise<unknown>) => void
  readonly onFault: (error: unknown) => void
}

/** Naming keeps names and pictures as they are where they come from. */
export interface Naming {
  /** Whether a directory knows the names. */
  readonly isElsewhere: boolean
  /** Asks for the name if it is due: undefined if not, else whether it was another. Never rejects. */
  refresh(account: OutsideAccount, identity: OutsideIdentity): Promise<boolean> | undefined
}

export function createNaming({ db, clock, directory, ...ports }: NamingPorts): Naming {
  async function ask(from: UserDirectory, userId: string, identity: OutsideIdentity): Promise<boolean> {
    const now = clock.now()
    const again = new Date(now - FRESH + RETRY)
    if (!(await claimNaming(db, userId, { namedAt: again, dueBefore: new Date(now - FRESH) }))) return false
    const entry = await from.find(identity)
    await markNamed(db, userId, new Date(now))
    const profile = toProfile(entry?.name, entry?.picture) ?? identity.profile
    return profile !== undefined && rename(userId, profile)
  }

  async function rename(userId: string, profile: Profile): Promise<boolean> {
    if (!(await updateName(db, userId, profile))) return false
    await ports.onRenamed(userId)
    return true
  }

  function begin({ id, namedAt, ...shown }: OutsideAccount, identity: OutsideIdentity) {
    if (directory) {
      const isFresh = namedAt !== null && namedAt.getTime() > clock.now() - FRESH
      return isFresh ? undefined : ask(directory, id, identity)
    }
    const { profile } = identity
    const isSame = profile?.displayName === shown.displayName && profile.avatarUrl === shown.avatarUrl
    return profile === undefined || isSame ? undefined : rename(id, profile)
  }

  return {
    isElsewhere: directory !== undefined,
    refresh(account, identity) {
      const asked = begin(account, identity)?.catch((error: unknown) => {
        ports.onFault(error)
        return false
      })
      if (asked) ports.keepAlive(asked)
      return asked
    },
  }
}
