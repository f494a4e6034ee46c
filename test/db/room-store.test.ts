import { createMemoryChats, createMemoryRoomStore } from '../../src/rooms/memory.ts'
import { openPgliteStore, openPostgresStore } from '../support/store.ts'
import { describeRoomStore, type TestStore } from './room-store.contract.ts'
import { describeSessions } from './sessions.contract.ts'

async function openMemory(): Promise<TestStore> {
  const tables = createMemoryChats()
  return {
    store: createMemoryRoomStore(tables),
    async addUsers(users) {
      for (const user of users) tables.users.set(user.id, user)
    },
    async block(userId, blockedId) {
      tables.blocks.set(userId, new Set([blockedId]))
    },
    async addUpload(upload) {
      tables.uploads.set(upload.attachment.id, upload)
    },
    async close() {},
  }
}

for (const [name, open] of [
  ['memory', openMemory],
  ['PGlite', openPgliteStore],
  ['Postgres', openPostgresStore],
] as const) {
  describeRoomStore(name, open)
  describeSessions(name, open)
}
