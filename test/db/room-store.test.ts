import { createMemoryChats, createMemoryRoomStore } from '../../src/rooms/memory.ts'
import { openPgliteStore, openPostgresStore } from '../support/store.ts'
import { describeRoomStore } from './room-store.contract.ts'

describeRoomStore('memory', async () => {
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
})
describeRoomStore('PGlite', openPgliteStore)
describeRoomStore('Postgres', openPostgresStore)
