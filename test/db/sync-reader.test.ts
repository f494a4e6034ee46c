import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { createChangesReader } from '../../src/db/queries/changes.ts'
import { createSyncReader } from '../../src/db/sync-reader.ts'
import { createUserReader } from '../../src/db/user-reader.ts'
import type { ChangesReader } from '../../src/gateway/ports.ts'
import type { User } from '../../src/protocol/model.ts'
import { createUser, Script } from '../support/script.ts'
import { openPgliteStore, openPostgresStore, type StoreOnDatabase } from '../support/store.ts'

describe.each([
  ['Postgres', openPostgresStore],
  ['PGlite', openPgliteStore],
])('many connections that ask together, on %s,', (_, open) => {
  let it: StoreOnDatabase
  /** One chat each of ann with one of these, of different lengths. */
  let scripts: Script[]
  let ann: User
  let others: User[]
  /** The statements that were run, by name. */
  const asked: string[] = []
  let counted: StoreOnDatabase['db']

  beforeAll(async () => {
    it = await open()
    ann = createUser()
    others = Array.from({ length: 30 }, () => createUser())
    await it.addUsers([ann, ...others])
    scripts = others.map((other) => new Script([ann, other]))
    for (const [index, script] of scripts.entries()) {
      await it.committer.commit(script.created())
      for (let sent = 0; sent < index % 4; sent += 1) await it.committer.commit(script.sent(ann))
    }
    // The last one was removed.
    const [last, other] = [scripts.at(-1), others.at(-1)]
    if (last && other) await it.committer.commit(last.left(other))
    counted = {
      ...it.db,
      ask: (statement) => {
        asked.push(statement.name)
        return it.db.ask(statement)
      },
    }
  })
  afterAll(() => it.close())

  const chatOf = (index: number) => scripts[index]?.chat.id ?? ''
  /** Everybody's own chat, some from the beginning, and somebody else's chat. */
  const readAll = (reader: ChangesReader) =>
    Promise.all(
      others.map((other, index) =>
        reader.readChanges(other.id, [
          { chatId: chatOf(index), since: index % 3 },
          { chatId: chatOf((index + 1) % 30), since: 0 },
          { chatId: chatOf(index), since: 900 },
        ]),
      ),
    )

  test('get what each would get alone, in few statements', async () => {
    const alone = await readAll(createChangesReader(it.db))
    expect(alone[3]?.map(({ status }) => status)).toEqual(['changes', 'gone', 'reset'])
    expect(alone.at(-1)?.[0]?.status).toBe('left')
    asked.length = 0
    expect(await readAll(createSyncReader(counted))).toEqual(alone)
    // Two at once, then the other 28 with 84 wishes.
    expect(asked).toEqual(['read-changes', 'read-changes', 'read-changes'])
  })

  test('hear the heads of their own chats, and the one name of the history', async () => {
    const reader = createSyncReader(counted)
    const ids = others.map(({ id }) => id)
    const alone = await Promise.all(ids.map((id) => createChangesReader(it.db).listHeads([id])))
    asked.length = 0
    expect(await Promise.all(ids.map((id) => reader.listHeads([id])))).toEqual(alone)
    expect(asked).toEqual(['list-heads', 'list-heads'])
    const [first, ...logIds] = await Promise.all(ids.map(() => reader.logId()))
    expect(new Set(logIds)).toEqual(new Set([first]))
    expect(asked.slice(2).length).toBeLessThan(5)
  })

  test('hear of all their chats also when more are asked for than go together', async () => {
    const [heads] = await Promise.all([
      createSyncReader(it.db).listHeads([ann.id, ...others.map(({ id }) => id)]),
    ])
    expect(heads).toHaveLength(59)
  })

  test('take four connections at most, however many they are', async () => {
    const db = await connect({ url: it.url, isEmbedded: it.db.isEmbedded, poolSize: 20, onFault() {} })
    const [reader, users] = [createSyncReader(db), createUserReader(db)]
    await Promise.all(
      Array.from({ length: 10 }, () => others)
        .flat()
        .map(({ id }, index) =>
          Promise.all([
            reader.readChanges(id, [{ chatId: chatOf(index % 30), since: 0 }]),
            reader.listHeads([id]),
            users.profile(id),
          ]),
        ),
    )
    expect(db.pool.totalCount).toBeLessThanOrEqual(4)
    await db.close()
  })

  test('have their profiles, and who is unknown has none', async () => {
    const users = createUserReader(counted)
    asked.length = 0
    const profiles = await Promise.all([...others, createUser()].map(({ id }) => users.profile(id)))
    expect(profiles.slice(0, -1).map((profile) => profile?.user)).toEqual(others)
    expect(profiles.at(-1)).toBeUndefined()
    expect(asked).toEqual(['read-profiles', 'read-profiles'])
  })
})
