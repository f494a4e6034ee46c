import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { testProtocol } from './suite.ts'

const databases: TestDatabase[] = []

testProtocol('Postgres', {
  async options() {
    const database = await createTestDatabase()
    databases.push(database)
    return { databaseUrl: database.url }
  },
  async after() {
    for (const database of databases) await database.drop()
  },
})
