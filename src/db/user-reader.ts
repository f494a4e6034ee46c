import { and, eq } from 'drizzle-orm'
import type { UserReader } from '../gateway/ports.ts'
import type { Database } from './connect.ts'
import { findUser, toUser } from './queries/users.ts'
import { contacts } from './schema.ts'

/** Never back: instances tell in any order. */
const SEEN = `
  update users set last_seen = greatest(users.last_seen, seen.at)
  from unnest($1::uuid[], $2::timestamptz[]) as seen(user_id, at)
  where users.id = seen.user_id`

/** createUserReader reads accounts and accepted contacts for the gateway. Who is disabled has no profile. */
export function createUserReader(db: Database): UserReader {
  return {
    async profile(userId) {
      const accepted = and(eq(contacts.userId, userId), eq(contacts.status, 'accepted'))
      const [account, rows] = await Promise.all([
        findUser(db, userId),
        db.orm.select({ id: contacts.contactId }).from(contacts).where(accepted),
      ])
      return account && { user: toUser(account, 'offline'), contactIds: rows.map(({ id }) => id) }
    },

    async seen(at) {
      await db.pool.query(SEEN, [[...at.keys()], [...at.values()].map((moment) => new Date(moment))])
    },
  }
}
