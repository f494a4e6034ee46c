import { and, desc, eq, isNull, sql } from 'drizzle-orm'
import type { ServiceScope } from '../../protocol/admin.ts'
import type { UserSummary } from '../../protocol/model.ts'
import type { Database } from '../connect.ts'
import { users } from '../schema.ts'
import { serviceTokens } from '../session-schema.ts'
import { accountColumns, toSummary } from './users.ts'

/** Milliseconds: a token's last use is written down no more often. */
const USE_NOTED = 60_000

const listed = {
  id: serviceTokens.id,
  name: serviceTokens.name,
  scopes: serviceTokens.scopes,
  createdBy: serviceTokens.createdBy,
  createdAt: serviceTokens.createdAt,
  lastUsedAt: serviceTokens.lastUsedAt,
  expiresAt: serviceTokens.expiresAt,
  revokedAt: serviceTokens.revokedAt,
}

export interface NewServiceToken {
  readonly id: string
  readonly userId: string
  readonly name: string
  readonly tokenHash: string
  readonly scopes: ServiceScope[]
  readonly createdBy: string
  readonly createdAt: Date
  readonly expiresAt: Date | null
}

/** insertServiceToken makes a token with the user that it speaks as. */
export async function insertServiceToken(db: Database, token: NewServiceToken) {
  return db.orm.transaction(async (tx) => {
    await tx.insert(users).values({
      ...{ id: token.userId, issuer: 'service', subject: token.id, type: 'bot' },
      ...{ username: token.name, displayName: token.name, createdAt: token.createdAt },
    })
    const [row] = await tx.insert(serviceTokens).values(token).returning(listed)
    if (!row) throw new Error('A token that was inserted came back as nothing')
    return row
  })
}

/** listServiceTokens lists all of them, the newest first, revoked ones too. */
export function listServiceTokens(db: Database) {
  return db.orm
    .select(listed)
    .from(serviceTokens)
    .orderBy(desc(serviceTokens.createdAt), desc(serviceTokens.id))
}

/** revokeServiceToken answers whether it stood. */
export async function revokeServiceToken(db: Database, id: string, at: Date): Promise<boolean> {
  const rows = await db.orm
    .update(serviceTokens)
    .set({ revokedAt: at })
    .where(and(eq(serviceTokens.id, id), isNull(serviceTokens.revokedAt)))
    .returning({ id: serviceTokens.id })
  return rows.length > 0
}

export interface FoundServiceToken {
  readonly id: string
  readonly scopes: readonly ServiceScope[]
  readonly user: UserSummary
}

/** findServiceToken finds a token that stands, by its digest, and notes its use. */
export async function findServiceToken(
  db: Database,
  tokenHash: string,
  now: Date,
): Promise<FoundServiceToken | undefined> {
  const [found] = await db.orm
    .select({ ...listed, user: accountColumns })
    .from(serviceTokens)
    .innerJoin(users, eq(users.id, serviceTokens.userId))
    .where(
      and(eq(serviceTokens.tokenHash, tokenHash), isNull(serviceTokens.revokedAt), isNull(users.disabledAt)),
    )
  if (!found || (found.expiresAt && found.expiresAt <= now)) return undefined
  if (!found.lastUsedAt || now.getTime() - found.lastUsedAt.getTime() > USE_NOTED) {
    await db.orm
      .update(serviceTokens)
      .set({ lastUsedAt: sql`${now.toISOString()}` })
      .where(eq(serviceTokens.id, found.id))
  }
  return { id: found.id, scopes: found.scopes, user: toSummary(found.user) }
}
