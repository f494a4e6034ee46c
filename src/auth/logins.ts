import type { Database } from '../db/connect.ts'
import { insertAudit } from '../db/queries/audit.ts'
import {
  endAuthSession,
  endOtherAuthSessions,
  insertAuthSession,
  listAuthSessions,
  rotateAuthSession,
} from '../db/queries/auth-sessions.ts'
import { refuse } from '../protocol/errors.ts'
import { TIMES } from '../protocol/limits.ts'
import type { Clock, Ids, Publisher } from '../rooms/ports.ts'
import type { KnownLogins } from './known-logins.ts'
import { digest, type Login, type TokenKind } from './tokens.ts'

export interface LoginPorts {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly broadcast: Publisher
  readonly known: KnownLogins
  readonly accessTokens: TokenKind
  readonly refreshTokens: TokenKind
}

/** Device is where a login came from. */
export interface Device {
  readonly name: string | null
  readonly ipAddress: string | null
}

export interface TokenPair {
  readonly accessToken: string
  readonly refreshToken: string
}

export type ListedLogin = Awaited<ReturnType<typeof listAuthSessions>>[number]

/** Logins keeps who is logged in where: a login is a family of refresh tokens, of which one is good. */
export class Logins {
  readonly #ports: LoginPorts

  constructor(ports: LoginPorts) {
    this.#ports = ports
  }

  async open(userId: string, device: Device): Promise<TokenPair> {
    const { db, ids } = this.#ports
    const login = { userId, sessionId: ids.uuid() }
    const pair = await this.#sign(login)
    await insertAuthSession(db, {
      id: login.sessionId,
      userId,
      tokenHash: await digest(pair.refreshToken),
      device: device.name,
      ipAddress: device.ipAddress,
      ...this.#span(),
    })
    return pair
  }

  /** refresh takes each token once. One that comes again was stolen, from or by its user: the login ends. */
  async refresh(refreshToken: string): Promise<TokenPair> {
    const { db, known, refreshTokens } = this.#ports
    const login = await refreshTokens.verify(refreshToken)
    if (!(await known.find(login.sessionId))) refuse('UNAUTHORIZED', 'This login has ended')
    const pair = await this.#sign(login)
    const isRotated = await rotateAuthSession(db, {
      sessionId: login.sessionId,
      from: await digest(refreshToken),
      to: await digest(pair.refreshToken),
      ...this.#span(),
    })
    if (isRotated) return pair
    const { userId: actorId, sessionId: targetId } = login
    await insertAudit(db, { at: this.#now(), action: 'refresh.reused', actorId, targetId })
    await this.end(login)
    return refuse('UNAUTHORIZED', 'The refresh token was used before: this login has ended')
  }

  /** verify tells whose a refresh token is, without using it up. */
  verify(refreshToken: string): Promise<Login> {
    return this.#ports.refreshTokens.verify(refreshToken)
  }

  list(userId: string): Promise<ListedLogin[]> {
    return listAuthSessions(this.#ports.db, userId, this.#now())
  }

  /** end stops a login and its sockets: here at once, on other instances within seconds. Answers whether it stood. */
  async end(login: Login): Promise<boolean> {
    const isEnded = await endAuthSession(this.#ports.db, { ...login, at: this.#now() })
    this.#tellEnded(login)
    return isEnded
  }

  async endOthers({ userId, sessionId }: Login): Promise<void> {
    const others = await endOtherAuthSessions(this.#ports.db, { userId, sessionId, at: this.#now() })
    for (const other of others) this.#tellEnded({ userId, sessionId: other })
  }

  /** endAll stops every login of a user. */
  async endAll(userId: string): Promise<void> {
    for (const { id: sessionId } of await this.list(userId)) await this.end({ userId, sessionId })
  }

  /** forget reads the user behind the logins afresh from now on, because the profile has changed. */
  async forget(userId: string): Promise<void> {
    for (const { id } of await this.list(userId)) this.#ports.known.forget(id)
  }

  #tellEnded({ userId, sessionId }: Login): void {
    this.#ports.known.forget(sessionId)
    this.#ports.broadcast.publish(`user:${userId}`, { kind: 'revoked', sessionId })
  }

  async #sign(login: Login): Promise<TokenPair> {
    const { accessTokens, refreshTokens } = this.#ports
    return { accessToken: await accessTokens.sign(login), refreshToken: await refreshTokens.sign(login) }
  }

  #now(): Date {
    return new Date(this.#ports.clock.now())
  }

  #span(): { at: Date; expiresAt: Date } {
    const at = this.#now()
    return { at, expiresAt: new Date(at.getTime() + TIMES.refreshToken) }
  }
}
