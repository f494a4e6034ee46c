import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createIndexer } from '../../src/db/indexer.ts'
import { searchMessages } from '../../src/db/queries/search.ts'
import type { User } from '../../src/protocol/model.ts'
import type { Turn } from '../../src/rooms/ports.ts'
import { createUser, Script } from '../support/script.ts'
import { openPgliteStore, openPostgresStore, type StoreOnDatabase } from '../support/store.ts'
import { createTestClock } from '../support/test-clock.ts'

describe.each([
  ['Postgres', openPostgresStore],
  ['PGlite', openPgliteStore],
])('search, on %s', (_, open) => {
  let it: StoreOnDatabase
  let ann: User
  let bob: User
  let eve: User
  beforeAll(async () => {
    it = await open()
  })
  afterAll(() => it.close())

  async function freshUsers(): Promise<void> {
    ;[ann, bob, eve] = [createUser(), createUser(), createUser()]
    await it.addUsers([ann, bob, eve])
  }
  async function commit(...turns: readonly Turn[]): Promise<void> {
    for (const turn of turns) expect(await it.committer.commit(turn)).toEqual({ status: 'committed' })
  }
  /** What a service does that starts: it finds by itself what is not indexed. */
  async function index(language = 'simple'): Promise<void> {
    const clock = createTestClock()
    const indexer = createIndexer(it.db, { clock, language, onFault: (error) => it.faults.push(error) })
    clock.pass(0)
    await indexer.close()
    expect(it.faults).toEqual([])
  }
  const search = (user: User, q: string, more: object = {}) =>
    searchMessages(it.db, { userId: user.id, q, limit: 50, ...more }, 'simple')
  const idsOf = ({ results }: Awaited<ReturnType<typeof search>>) => results.map(({ id }) => id)

  test('finds words in the own chats, the newest first, and nobody else does', async () => {
    await freshUsers()
    const script = new Script([ann, bob])
    await commit(script.created())
    const first = script.message(ann, { content: 'The train to Lyon leaves at nine' })
    await commit(script.sent(ann, first))
    const second = script.message(bob, { content: 'Nine? Lyon is far' })
    await commit(script.sent(bob, second))
    await index()
    const found = await search(ann, 'lyon nine')
    expect(idsOf(found)).toEqual([second.id, first.id])
    expect(found).toMatchObject({ total: 2, hasMore: false, nextCursor: null })
    expect(found.results[1]).toEqual({
      ...{ id: first.id, chatId: script.chat.id, chatName: 'Crew', seq: 2 },
      content: 'The train to <mark>Lyon</mark> leaves at <mark>nine</mark>',
      ...{ senderId: ann.id, senderUsername: ann.username, createdAt: first.createdAt },
    })
    expect(await search(eve, 'lyon')).toEqual({ results: [], total: 0, nextCursor: null, hasMore: false })
    expect(idsOf(await search(ann, '"train to" -far'))).toEqual([first.id])
    expect(idsOf(await search(ann, 'lyon', { chatId: createUser().id }))).toEqual([])
    expect(idsOf(await search(ann, '!? ()'))).toEqual([])
  })

  test('follows edits and deletions', async () => {
    await freshUsers()
    const script = new Script([ann])
    await commit(script.created())
    const message = script.message(ann, { content: 'apple' })
    await commit(script.sent(ann, message))
    await index()
    await commit(script.edited(message, 'pear'))
    await index()
    expect(idsOf(await search(ann, 'apple'))).toEqual([])
    expect(idsOf(await search(ann, 'pear'))).toEqual([message.id])
    await commit(script.deleted(message))
    expect(idsOf(await search(ann, 'pear'))).toEqual([])
    await index()
    expect((await search(ann, 'pear')).total).toBe(0)
  })

  test('hides what was said before one joined a chat whose history begins there, and everything from who left', async () => {
    await freshUsers()
    const script = new Script([ann, eve], { history: 'since_join' })
    await commit(script.created(), script.sent(ann, script.message(ann, { content: 'secret plan' }, 1)))
    await commit(script.joined(bob))
    const open = script.message(ann, { content: 'public plan' })
    await commit(script.sent(ann, open), script.left(eve))
    await index()
    expect(idsOf(await search(bob, 'plan'))).toEqual([open.id])
    expect(idsOf(await search(ann, 'plan'))).toHaveLength(2)
    expect(idsOf(await search(eve, 'plan'))).toEqual([])
  })

  test('pages without hole or double, also through many chats', async () => {
    await freshUsers()
    const scripts = Array.from({ length: 230 }, () => new Script([ann]))
    await Promise.all(scripts.map((script) => it.committer.commit(script.created())))
    await Promise.all(
      scripts.map((script) =>
        it.committer.commit(script.sent(ann, script.message(ann, { content: 'page' }))),
      ),
    )
    await index()
    const seen: string[] = []
    for (let cursor: string | undefined, more = true; more; ) {
      const found = await search(ann, 'page', { limit: 100, cursor })
      seen.push(...idsOf(found))
      expect(found.total).toBe(230)
      cursor = found.nextCursor ?? undefined
      more = found.hasMore
    }
    expect([seen.length, new Set(seen).size]).toEqual([230, 230])
    await expect(search(ann, 'page', { cursor: 'bm9wZQ' })).rejects.toMatchObject({
      refusal: { code: 'VALIDATION_ERROR', details: [{ field: 'cursor' }] },
    })
  })

  test('marks hits in escaped text, whatever the message holds', async () => {
    await freshUsers()
    const script = new Script([ann])
    const content = `<img src=x onerror="alert('1')"> <mark>found</mark> \u0001found\u0002 & \u0003 <b>found</b>`
    await commit(script.created(), script.sent(ann, script.message(ann, { content }, 1)))
    await index()
    const [hit] = (await search(ann, 'found')).results
    expect(hit?.content).toBe(
      '&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt; &lt;mark&gt;<mark>found</mark>&lt;/mark&gt; ' +
        '<mark>found</mark> &amp;  &lt;b&gt;<mark>found</mark>&lt;/b&gt;',
    )
  })

  test('shows of a long message what stands around the first hit', async () => {
    await freshUsers()
    const script = new Script([ann])
    const content = `${'before '.repeat(200)}needle${' after'.repeat(200)}`
    await commit(script.created(), script.sent(ann, script.message(ann, { content }, 1)))
    await index()
    const [hit] = (await search(ann, 'needle')).results
    expect(hit?.content).toMatch(/^….*before <mark>needle<\/mark> after.*…$/)
    expect(hit?.content.length).toBeLessThan(330)
  })

  test('indexes anew when the language changes', async () => {
    await freshUsers()
    const script = new Script([ann])
    await commit(script.created(), script.sent(ann, script.message(ann, { content: 'theorems' }, 1)))
    await index()
    await index('english')
    const found = await searchMessages(it.db, { userId: ann.id, q: 'theorem', limit: 1 }, 'english')
    expect(found.results[0]?.content).toBe('<mark>theorems</mark>')
    await index()
    expect((await search(ann, 'theorem')).total).toBe(0)
  })

  test('is told of a commit and indexes it a moment later', async () => {
    await freshUsers()
    const clock = createTestClock()
    const indexer = createIndexer(it.db, {
      clock,
      language: 'simple',
      onFault: (error) => it.faults.push(error),
    })
    const script = new Script([ann])
    const message = script.message(ann, { content: 'soon' }, 2)
    await commit(script.created(), script.sent(ann, message))
    indexer.changed(script.chat.id)
    clock.pass(500)
    await expect
      .poll(async () => {
        clock.pass(500)
        return idsOf(await search(ann, 'soon'))
      })
      .toEqual([message.id])
    await indexer.close()
    expect(it.faults).toEqual([])
  })
})
