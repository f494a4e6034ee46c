import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { startServer } from '../support/server.ts'
import { testProtocol } from './suite.ts'

const databases: TestDatabase[] = []

testProtocol('Postgres', {
  async start(env) {
    const database = await createTestDatabase()
    databases.push(database)
    return startServer({ databaseUrl: database.url, env })
  },
  async after() {
    for (const database of databases) await database.drop()
  },
})
