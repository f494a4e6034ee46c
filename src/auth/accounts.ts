import type { Database } from '../db/connect.ts'
import {
  type Account,
  findCredentials,
  findPasswordHash,
  findUserByName,
  insertLocalUser,
  updatePasswordHash,
} from '../db/queries/users.ts'
import type { RateLimiter } from '../gateway/ports.ts'
import { refuse } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import { isStorable, utf8Bytes } from '../protocol/text.ts'
import type { Clock, Ids, Principal } from '../rooms/ports.ts'
import { attempt } from './attempts.ts'
import type { Passwords } from './ports.ts'

export interface AccountPorts {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly limiter: RateLimiter
  readonly passwords: Passwords
  /** What the password of nobody is compared with, so that an unknown name takes as long as a known one. */
  readonly nobodysHash: string
}

export interface NewAccount {
  readonly username: string
  readonly password: string
  readonly displayName?: string | undefined
}

export interface Credentials {
  readonly username: string
  readonly password: string
}

export interface PasswordChange {
  readonly currentPassword: string
  readonly password: string
}

/** Accounts are the users whose passwords the service itself keeps. */
export class Accounts {
  readonly #ports: AccountPorts

  constructor(ports: AccountPorts) {
    this.#ports = ports
  }

  async register({ username, password, displayName = username }: NewAccount): Promise<Account> {
    const { db, clock, ids, passwords } = this.#ports
    // Asked before the hash is made, which costs a quarter of a second of a core.
    if (await findUserByName(db, username)) refuseName()
    const account = await insertLocalUser(db, {
      id: ids.uuid(),
      username,
      displayName,
      passwordHash: await passwords.hash(password),
      at: new Date(clock.now()),
    })
    return account ?? refuseName()
  }

  /** logIn takes as long, and says the same, whether the name is unknown or the password wrong. `network` is who tries. */
  logIn({ username, password }: Credentials, network: string | null): Promise<Account> {
    return this.#attempt(username, network, async () => {
      const found = await findCredentials(this.#ports.db, username)
      const isRight = await this.#matches(password, found?.passwordHash)
      if (!found || !isRight || found.disabledAt) {
        return refuse('UNAUTHORIZED', 'Username or password is wrong')
      }
      const { passwordHash, disabledAt, ...account } = found
      return account
    })
  }

  changePassword(user: Principal['user'], change: PasswordChange, network: string | null): Promise<void> {
    return this.#attempt(user.username, network, async () => {
      const { db, passwords } = this.#ports
      if (!(await this.#matches(change.currentPassword, await findPasswordHash(db, user.id)))) {
        refuse('FORBIDDEN', 'The current password is wrong', [
          { field: 'currentPassword', message: 'Is wrong' },
        ])
      }
      await updatePasswordHash(db, user.id, await passwords.hash(change.password))
    })
  }

  #attempt<T>(username: string, network: string | null, run: () => Promise<T>): Promise<T> {
    // The address first: one that is locked out does not lock accounts as well.
    const keys = [...(network === null ? [] : [`ip:${network}`]), `name:${username.toLowerCase()}`]
    return attempt(this.#ports.limiter, keys, run)
  }

  async #matches(password: string, hash: string | null | undefined): Promise<boolean> {
    const { passwords, nobodysHash } = this.#ports
    const isRight = await passwords.matches(password, hash ?? nobodysHash)
    return isRight && hash != null && isWhole(password)
  }
}

function refuseName(): never {
  return refuse('CONFLICT', 'This username is taken', [{ field: 'username', message: 'Is taken' }])
}

/** isWhole tells whether bcrypt reads all of the password: a longer one would match by its beginning. */
function isWhole(password: string): boolean {
  return isStorable(password) && utf8Bytes(password) <= LIMITS.passwordBytes
}
