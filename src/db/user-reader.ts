import type { UserReader } from '../gateway/ports.ts'
import { createBatch } from './batch.ts'
import type { Database } from './connect.ts'
import { toUser, type UserRow, userJson } from './rows.ts'

/** Profiles of one statement: many clients may come at the same time. */
const MOST = 100

const PROFILES = `
select ${userJson('u')} as "user", array(
  select contact_id from contacts where user_id = u.id and status = 'accepted'
) as contact_ids
from users u where u.id = any($1::uuid[]) and u.disabled_at is null`

/** Never back: instances tell in any order. */
const SEEN = `
  update users set last_seen = greatest(users.last_seen, seen.at)
  from unnest($1::uuid[], $2::timestamptz[]) as seen(user_id, at)
  where users.id = seen.user_id`

interface ProfileRow {
  readonly user: UserRow
  readonly contact_ids: readonly string[]
}

/** createUserReader reads accounts and accepted contacts for the gateway. Who is disabled has no profile. */
export function createUserReader(db: Database): UserReader {
  return {
    profile: createBatch((userIds: readonly string[]) => readProfiles(db, userIds), {
      atOnce: 1,
      most: MOST,
    }),

    async seen(at) {
      await db.pool.query(SEEN, [[...at.keys()], [...at.values()].map((moment) => new Date(moment))])
    },
  }
}

async function readProfiles(db: Database, userIds: readonly string[]) {
  const rows = await db.ask<ProfileRow>({ name: 'read-profiles', text: PROFILES, values: [userIds] })
  const found = new Map(
    rows.map(({ user, contact_ids }) => [user.id, { user: toUser(user), contactIds: contact_ids }]),
  )
  return userIds.map((userId) => found.get(userId))
}
