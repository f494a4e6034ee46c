import type { CryptoKey, JWTVerifyGetKey } from 'jose'
import type { Database } from '../db/connect.ts'
import type { Authenticator } from '../gateway/ports.ts'
import type { Clock, Ids } from '../rooms/ports.ts'
import type { Issuer } from '../settings/issuer.ts'
import { createAuthenticator, type Verifier } from './authenticator.ts'
import { fetchKeys } from './fetch-keys.ts'
import { createIssuerKeys } from './issuer-keys.ts'
import { createIssuerVerifier } from './issuer-verifier.ts'
import { createKnownLogins, type KnownLogins } from './known-logins.ts'
import { createLocalVerifier } from './local-verifier.ts'
import { createNaming } from './naming.ts'
import { createOutsideUsers, type OutsideUsers } from './outside-users.ts'
import type { KeyStore, UserDirectory } from './ports.ts'
import type { Remembered } from './remembered.ts'
import { importSecret, LOCAL_ISSUER, type TokenKind } from './tokens.ts'

/** OutsidePorts are what users of other issuers need. */
export interface OutsidePorts {
  /** Makes what remembers who is behind a token. */
  readonly remember: <T>() => Remembered<T>
  /** Whose tokens are taken besides the service's own. */
  readonly issuers: readonly Issuer[]
  readonly keys: KeyStore
  /** Where names of their users are kept; without one, tokens may say them. */
  readonly directory?: UserDirectory | undefined
  /** Somebody is called otherwise now. */
  readonly onRenamed: (userId: string) => Promise<void>
  /** Told of work that others wait for, or nobody: a host that ends it with its request has to let it finish. */
  readonly keepAlive: (work: Promise<unknown>) => void
  /** An issuer or the directory failed; what was known before goes on to be used. */
  readonly onFault: (error: unknown) => void
}

export interface IdentitiesPorts extends OutsidePorts {
  readonly db: Database
  readonly clock: Clock
  readonly ids: Ids
  readonly accessTokens: Pick<TokenKind, 'verify'>
}

/** Identities knows who is behind a token, whoever signed it. */
export interface Identities {
  readonly authenticator: Authenticator
  readonly logins: KnownLogins
  readonly outsideUsers: OutsideUsers
}

export function createIdentities(ports: IdentitiesPorts): Identities {
  const { db, clock, ids, remember, directory } = ports
  const logins = createKnownLogins(db, remember())
  const naming = createNaming({ ...ports, directory })
  const issuers = ports.issuers.map(({ name }) => name)
  const outsideUsers = createOutsideUsers({ db, clock, ids, issuers, naming, remembered: remember() })
  const verifiers = new Map<string | null, Verifier>(
    ports.issuers.map((issuer) => [
      issuer.issuer,
      createIssuerVerifier({ issuer, key: keyOf(issuer, ports), clock, users: outsideUsers }),
    ]),
  )
  verifiers.set(LOCAL_ISSUER, createLocalVerifier(ports.accessTokens, logins))
  return { authenticator: createAuthenticator({ verifiers, logins, outsideUsers }), logins, outsideUsers }
}

/** Public keys are looked for with the first token, so that an issuer that is down holds no start up. */
function keyOf(issuer: Issuer, ports: IdentitiesPorts): JWTVerifyGetKey {
  const { name, secret, algorithm } = issuer
  if (secret === undefined) {
    return createIssuerKeys({ ...ports, issuer: name, fetch: () => fetchKeys(issuer), store: ports.keys })
  }
  let key: CryptoKey | undefined
  return async () => {
    key ??= await importSecret(secret, algorithm)
    return key
  }
}
