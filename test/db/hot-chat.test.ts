import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createChangesReader, readChanges } from '../../src/db/queries/changes.ts'
import { createSyncReader } from '../../src/db/sync-reader.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import type { User } from '../../src/protocol/model.ts'
import { createUser, Script } from '../support/script.ts'
import { openPgliteStore, openPostgresStore, type StoreOnDatabase } from '../support/store.ts'

const MESSAGES = 40
/** So many changes that there are too many messages and too many edits for one answer, also after a join. */
const HEAD = 3_600
/** So far back, more than may be sent has changed. */
const TOO_FAR = 1.5 * LIMITS.changesMost

describe.each([
  ['Postgres', openPostgresStore],
  ['PGlite', openPgliteStore],
])('a chat that many resume at once, on %s,', (_, open) => {
  let it: StoreOnDatabase
  let users: User[]

  beforeAll(async () => {
    it = await open()
    users = Array.from({ length: 50 }, () => createUser())
    await it.addUsers(users)
  })
  afterAll(() => it.close())

  async function talk(): Promise<Script> {
    const script = new Script(users)
    const [ann = createUser()] = users
    const messages = Array.from({ length: MESSAGES }, (_, index) => script.message(ann, {}, index + 2))
    await it.committer.commit(script.created())
    await it.committer.commit(script.sent(ann, ...messages))
    return script
  }

  test('is read once by a statement, wherever they left off', async () => {
    const { chat } = await talk()
    const rows: number[] = []
    const counted: StoreOnDatabase['db'] = {
      ...it.db,
      async ask<T extends object>(statement: Parameters<typeof it.db.ask>[0]) {
        const answers = await it.db.ask<T & { messages?: readonly unknown[] | null }>(statement)
        rows.push(answers.reduce((sum, { messages }) => sum + (messages?.length ?? 0), 0))
        return answers
      },
    }
    const reader = createSyncReader(counted)
    const read = await Promise.all(
      users.map(({ id }, index) => reader.readChanges(id, [{ chatId: chat.id, since: 1 + (index % 3) }])),
    )
    expect(read.map(([one]) => one?.status === 'changes' && one.changes.messages.length)).toEqual(
      users.map((_, index) => MESSAGES - (index % 3)),
    )
    // Two at once, of which the second had seen one, and the other 48 together.
    expect(rows.toSorted((a, b) => a - b)).toEqual([MESSAGES - 1, MESSAGES, MESSAGES])
  })

  test('tells those who ask together what each would be told alone, also of more than may be sent', async () => {
    const chatId = await createLongChat(it, users)
    const since = fc.oneof(
      fc.nat(HEAD + 1),
      fc.nat(TOO_FAR).map((back) => HEAD - back),
    )
    const Asked = fc.record({ reader: fc.nat(9), since })
    const alone = createChangesReader(it.db)
    await fc.assert(
      fc.asyncProperty(fc.array(Asked, { minLength: 2, maxLength: 12 }), async (questions) => {
        const asked = questions.map(({ reader, since }) => ({
          userId: users[reader]?.id ?? '',
          wanted: [{ chatId, since }],
        }))
        const together = await readChanges(it.db, asked)
        for (const [index, { userId, wanted }] of asked.entries()) {
          const [read] = await alone.readChanges(userId, wanted)
          expect(together[index]).toEqual([read])
          if (read?.status !== 'changes') continue
          const { messages, from } = read.changes
          expect(messages.map(({ seq }) => seq)).toEqual(
            await listChanged(it, { chatId, userId, since: from }),
          )
        }
      }),
      { numRuns: 20 },
    )
  })
})

/** The messages that changed since, by the rule in its plainest words. */
async function listChanged(
  { db }: StoreOnDatabase,
  { chatId, userId, since }: { readonly chatId: string; readonly userId: string; readonly since: number },
): Promise<number[]> {
  const { rows } = await db.pool.query<{ seq: number }>(
    `select m.seq from messages m join chat_participants p using (chat_id)
     where chat_id = $1 and user_id = $2 and m.changed_seq > $3 and m.seq >= p.joined_seq order by m.seq`,
    [chatId, userId, since],
  )
  return rows.map(({ seq }) => seq)
}

/**
 * A group in which history begins at the join: of the first ten, three joined later and one has left. Of six changes
 * four are messages, one is an edit of the message before it, and one, for a while, of a message that is four times
 * as old.
 */
async function createLongChat({ db, committer }: StoreOnDatabase, users: readonly User[]): Promise<string> {
  const script = new Script(users, { history: 'since_join' })
  const { chat } = script
  await committer.commit(script.created())
  await db.pool.query(
    `insert into messages (id, chat_id, seq, changed_seq, sender_id, content_type, content, created_at)
     select gen_random_uuid(), $1, n, case
       when n % 6 = 5 then n + 1 when n % 6 = 1 and 4 * n - 1 <= $3 then 4 * n - 1 else n
     end, $2, 'text', n, now() from generate_series(2, $3::int) n where n % 3 <> 0`,
    [chat.id, users[0]?.id, HEAD],
  )
  await db.pool.query('update chats set seq = $2 where id = $1', [chat.id, HEAD])
  for (const [index, seq] of [5, HEAD / 2, HEAD - 300].entries()) {
    await db.pool.query(
      'update chat_participants set joined_seq = $3, changed_seq = $3 where chat_id = $1 and user_id = $2',
      [chat.id, users[index + 1]?.id, seq],
    )
  }
  await db.pool.query(
    'update chat_participants set left_seq = 9, changed_seq = 9 where chat_id = $1 and user_id = $2',
    [chat.id, users[9]?.id],
  )
  return chat.id
}
