import pg from 'pg'
import { v7 } from 'uuid'
import { createAccessTokens } from '../../../auth/tokens.ts'
import { TIMES } from '../../../protocol/limits.ts'
import type { Stage } from './stage.ts'

/** Guest is an account with a login, put straight into the database: passwords cost a quarter of a second each. */
export interface Guest {
  readonly userId: string
  readonly sessionId: string
}

/** createGuests makes so many accounts. */
export async function createGuests({ databaseUrl }: Stage, count: number): Promise<Guest[]> {
  const guests = Array.from({ length: count }, () => ({ userId: v7(), sessionId: v7() }))
  const columns = [guests.map(({ userId }) => userId), guests.map(({ sessionId }) => sessionId)]
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    await database.query(
      `with given as (
         select * from unnest($1::uuid[], $2::uuid[]) as g(user_id, session_id)
       ), account as (
         insert into users (id, issuer, subject, type, username, display_name, created_at)
         select user_id, 'local', user_id::text, 'member', 'guest-' || user_id, 'A guest', now() from given
       )
       insert into auth_sessions (id, user_id, token_hash, created_at, last_used_at, expires_at)
       select session_id, user_id, '', now(), now(), now() + interval '7 days' from given`,
      columns,
    )
  } finally {
    await database.end()
  }
  return guests
}

/** tokenOf signs an access token of the guest's that has so many milliseconds to live. */
export async function tokenOf(
  { accessSecret }: Stage,
  guest: Guest,
  life: number = TIMES.accessToken,
): Promise<string> {
  const signedAt = Date.now() + life - TIMES.accessToken
  const tokens = await createAccessTokens(accessSecret, { now: () => signedAt, after: () => () => {} })
  return tokens.sign(guest)
}
