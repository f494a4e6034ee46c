import { attachments } from '../../src/db/attachment-schema.ts'
import { type Committer, createCommitter } from '../../src/db/commit.ts'
import { connect, type Database } from '../../src/db/connect.ts'
import { createRoomStore } from '../../src/db/room-store.ts'
import type { User } from '../../src/protocol/model.ts'
import type { RoomStore, Upload } from '../../src/rooms/ports.ts'
import { COMMIT_DEADLINE_SECONDS } from '../support/patience.ts'
import { createTestPglite } from './pglite.ts'
import { createTestDatabase } from './postgres.ts'

/** StoreOnDatabase is a room store on a database of the test file's own. */
export interface StoreOnDatabase {
  readonly url: string
  readonly db: Database
  readonly store: RoomStore
  readonly committer: Committer
  /** What the committer or a pool complained of. */
  readonly faults: unknown[]
  addUsers(users: readonly User[]): Promise<void>
  block(userId: string, blockedId: string): Promise<void>
  addUpload(upload: Upload): Promise<void>
  close(): Promise<void>
}

export async function openPostgresStore(): Promise<StoreOnDatabase> {
  const { url, drop } = await createTestDatabase()
  return openStore({ url, isEmbedded: false, remove: drop })
}

export async function openPgliteStore(): Promise<StoreOnDatabase> {
  const { url, remove } = await createTestPglite()
  return openStore({ url, isEmbedded: true, remove })
}

interface Opened {
  readonly url: string
  readonly isEmbedded: boolean
  remove(): Promise<void>
}

async function openStore({ url, isEmbedded, remove }: Opened): Promise<StoreOnDatabase> {
  const faults: unknown[] = []
  const onFault = (error: unknown) => void faults.push(error)
  const db = await connect({ url, isEmbedded, deadline: COMMIT_DEADLINE_SECONDS * 1_000, onFault })
  const committer = createCommitter(db, { onFault })
  return {
    ...{ url, db, committer, faults, store: createRoomStore(db, committer) },
    addUsers: (users) => addUsers(db, users),
    async block(userId, blockedId) {
      await db.pool.query(
        `insert into contacts (user_id, contact_id, status, requested_by, created_at)
         values ($1, $2, 'blocked', $1, now())`,
        [userId, blockedId],
      )
    },
    async addUpload({ attachment, ...of }) {
      const { url: _, mediumUrl, thumbnailUrl, ...fields } = attachment
      const row = {
        ...of,
        ...fields,
        storageKey: `key-${fields.id}`,
        mediumKey: mediumUrl,
        thumbnailKey: thumbnailUrl,
      }
      await db.orm.insert(attachments).values({ ...row, status: 'ready', createdAt: new Date() })
    },
    async close() {
      await committer.close()
      await db.close()
      await remove()
    },
  }
}

/** Local accounts without a password. */
export async function addUsers(db: Database, users: readonly User[]): Promise<void> {
  for (const { id, type, username, displayName } of users) {
    await db.pool.query(
      `insert into users (id, issuer, subject, type, username, display_name, created_at)
       values ($1, 'local', $2, $3, $4, $5, now())`,
      [id, id, type, username, displayName],
    )
  }
}
