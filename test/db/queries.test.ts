import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createChangesReader } from '../../src/db/queries/changes.ts'
import { findChat, findChatBySlug, listChats } from '../../src/db/queries/chats.ts'
import { findMessageInContext, findReceipts, listMessages } from '../../src/db/queries/messages.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import type { User } from '../../src/protocol/model.ts'
import { Chat } from '../../src/protocol/model.ts'
import { ListedMessage, MessageInContext, MessageReceipts } from '../../src/protocol/rest.ts'
import type { Turn } from '../../src/rooms/ports.ts'
import { createUser, Script, timeOf, toParticipant } from '../support/script.ts'
import { openPgliteStore, openPostgresStore, type StoreOnDatabase } from '../support/store.ts'

describe.each([
  ['Postgres', openPostgresStore],
  ['PGlite', openPgliteStore],
])('reads, on %s', (_, open) => {
  let it: StoreOnDatabase
  let ann: User
  let bob: User
  let eve: User
  beforeAll(async () => {
    it = await open()
  })
  beforeEach(async () => {
    ;[ann, bob, eve] = [createUser(), createUser(), createUser()]
    await it.addUsers([ann, bob, eve])
  })
  afterAll(() => it.close())

  async function commit(...turns: readonly Turn[]): Promise<void> {
    for (const turn of turns) expect(await it.committer.commit(turn)).toEqual({ status: 'committed' })
  }
  /** A group of Ann and Bob with messages 2 to `last`, by turns of both. */
  async function talk(last: number, script = new Script([ann, bob])): Promise<Script> {
    await commit(script.created())
    while (script.seq < last) await commit(script.sent(script.seq % 2 === 1 ? ann : bob))
    return script
  }

  describe('chats', () => {
    test('come with last message, exact unread and own side; a page ends where the next begins', async () => {
      const scripts = [
        new Script([ann, bob], { kind: 'direct' }),
        new Script([ann, bob]),
        new Script([bob, ann]),
      ]
      for (const [index, script] of scripts.entries()) await talk(4 + index, script)
      const [direct, group] = scripts
      if (!direct || !group) throw new Error('Three chats were wanted')
      await commit(
        group.read(ann, 3),
        direct.muted(toParticipant(ann, { role: 'member', seq: 1 }), timeOf(900)),
      )
      await talk(2, new Script([bob, eve]))
      const first = await listChats(it.db, { userId: ann.id, limit: 2 })
      const second = await listChats(it.db, { userId: ann.id, limit: 2, cursor: first.nextCursor ?? '' })
      const all = [...first.data, ...second.data]
      for (const chat of all) expect(Chat.parse(chat)).toEqual(chat)
      expect(all.map(({ id }) => id)).toEqual(scripts.map(({ chat }) => chat.id).reverse())
      expect([first.hasMore, second.hasMore, second.nextCursor]).toEqual([true, false, null])
      const [, listedGroup, listedDirect] = all
      expect(listedGroup).toMatchObject({
        ...{ seq: 6, participants: null, participantCount: 2, lastMessageAt: timeOf(5) },
        lastMessage: { seq: 5, senderId: bob.id },
        // Of 2 to 5, Bob's are 3 and 5, and 3 was read.
        me: { role: 'owner', readSeq: 3, unread: 1, mutedUntil: null },
      })
      expect(listedDirect).toMatchObject({ kind: 'direct', me: { unread: 1, mutedUntil: timeOf(900) } })
      expect(listedDirect?.participants?.map(({ userId }) => userId).sort()).toEqual([ann.id, bob.id].sort())
    })

    test('refuse a cursor that is none', async () => {
      const refusal = {
        code: 'VALIDATION_ERROR',
        details: [{ field: 'cursor', message: expect.any(String) }],
      }
      await expect(listChats(it.db, { userId: ann.id, limit: 2, cursor: 'x' })).rejects.toMatchObject({
        refusal,
      })
    })

    test('are found by those who take part, and by nobody else', async () => {
      const script = await talk(3)
      await commit(script.joined(eve), script.left(eve))
      const wanted = { userId: ann.id, chatId: script.chat.id }
      expect(await findChat(it.db, wanted)).toMatchObject({ participantCount: 2, participants: [{}, {}] })
      expect(await findChat(it.db, { ...wanted, userId: eve.id })).toBeUndefined()
      await commit(script.chatDeleted())
      expect(await findChat(it.db, wanted)).toBeUndefined()
      expect((await listChats(it.db, { userId: ann.id, limit: 5 })).data).toEqual([])
    })

    test('are found by slug; an open group is a preview to others', async () => {
      const slug = `s-${createUser().id}`
      const script = new Script([ann, bob], { slug })
      await commit(script.created(), script.sent(ann))
      expect(await findChatBySlug(it.db, { userId: ann.id, slug })).toMatchObject({ me: { role: 'owner' } })
      expect(await findChatBySlug(it.db, { userId: eve.id, slug })).toBeUndefined()
      await commit(script.updated({ isOpen: true }))
      const preview = await findChatBySlug(it.db, { userId: eve.id, slug })
      expect(Chat.parse(preview)).toEqual(preview)
      expect(preview).toMatchObject({ me: null, participants: null, lastMessage: null, participantCount: 2 })
    })
  })

  describe('messages', () => {
    const seqs = (page: { data: { seq: number }[] } | undefined) => page?.data.map(({ seq }) => seq)

    test('come newest first, page by page, with who sent them', async () => {
      const { chat } = await talk(8)
      const wanted = { userId: ann.id, chatId: chat.id, limit: 3 }
      const first = await listMessages(it.db, wanted)
      const second = await listMessages(it.db, { ...wanted, cursor: first?.nextCursor ?? '' })
      const third = await listMessages(it.db, { ...wanted, cursor: second?.nextCursor ?? '' })
      expect([first, second, third].map(seqs)).toEqual([[8, 7, 6], [5, 4, 3], [2]])
      expect(third).toMatchObject({ hasMore: false, nextCursor: null })
      const [newest] = first?.data ?? []
      expect(ListedMessage.parse(newest)).toEqual(newest)
      expect(newest).toMatchObject({ senderId: ann.id, senderUsername: ann.username })
    })

    test('come from before, after and around a seq, and from before a time', async () => {
      const { chat } = await talk(12)
      const wanted = { userId: ann.id, chatId: chat.id, limit: 4 }
      const pages = await Promise.all([
        listMessages(it.db, { ...wanted, before: 5 }),
        listMessages(it.db, { ...wanted, after: 5 }),
        listMessages(it.db, { ...wanted, around: 7 }),
        listMessages(it.db, { ...wanted, around: 12 }),
        listMessages(it.db, { ...wanted, around: 2 }),
        listMessages(it.db, { ...wanted, cursor: timeOf(6) }),
      ])
      expect(pages.map(seqs)).toEqual([
        [4, 3, 2],
        [9, 8, 7, 6],
        [9, 8, 7, 6],
        [12, 11],
        [4, 3, 2],
        [5, 4, 3, 2],
      ])
      const [, after] = pages
      const next = await listMessages(it.db, { ...wanted, cursor: after?.nextCursor ?? '' })
      expect(seqs(next)).toEqual([12, 11, 10])
      expect(pages.map((page) => page?.hasMore)).toEqual([false, true, true, true, false, false])
    })

    test('of the time before are hidden where history begins at the join, and all from who left', async () => {
      const script = await talk(4, new Script([ann, bob], { history: 'since_join' }))
      await commit(script.joined(eve), script.sent(ann))
      const wanted = { userId: eve.id, chatId: script.chat.id, limit: 10 }
      expect(seqs(await listMessages(it.db, wanted))).toEqual([6])
      await commit(script.left(eve))
      expect(await listMessages(it.db, wanted)).toBeUndefined()
    })

    test('are found by a deep link, with chat and neighbours', async () => {
      const script = await talk(20)
      const message = script.message(ann)
      await commit(script.sent(ann, message), script.sent(bob), script.sent(bob))
      const reading = { userId: bob.id, messageId: message.id }
      const found = await findMessageInContext(it.db, reading)
      expect(MessageInContext.parse(found)).toEqual(found)
      expect(found?.message.id).toBe(message.id)
      expect(found?.before.map(({ seq }) => seq)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
      expect(found?.after.map(({ seq }) => seq)).toEqual([22, 23])
      expect(await findMessageInContext(it.db, { ...reading, userId: eve.id })).toBeUndefined()
    })

    test('of a direct chat say exactly when they were read', async () => {
      const script = new Script([ann, bob], { kind: 'direct' })
      const [first, second] = [script.message(ann, {}, 2), script.message(ann, {}, 3)]
      await commit(script.created(), script.sent(ann, first), script.sent(ann, second))
      const receipts = async ({ id }: { id: string }, user = ann) => {
        const found = await findReceipts(it.db, { userId: user.id, messageId: id })
        expect(found && MessageReceipts.parse(found)).toEqual(found)
        return found
      }
      await commit(script.receipts({ userId: bob.id, readSeq: 1, deliveredSeq: 3 }))
      expect(await receipts(second)).toMatchObject({ readBy: [], deliveredTo: [bob.id] })
      await commit(script.read(bob, 2), script.read(bob, 3))
      expect(await receipts(first)).toMatchObject({
        readBy: [{ userId: bob.id, readAt: timeOf(5) }],
        deliveredTo: [],
      })
      expect(await receipts(second)).toMatchObject({ readBy: [{ userId: bob.id, readAt: timeOf(6) }] })
      expect(await receipts(first, eve)).toBeUndefined()
    })

    test('of a group say when the reader last moved on, and nothing of who joined later', async () => {
      const script = await talk(2)
      const message = script.message(ann)
      await commit(script.sent(ann, message), script.joined(eve), script.read(bob, 3), script.read(bob, 4))
      expect(await findReceipts(it.db, { userId: ann.id, messageId: message.id })).toEqual({
        ...{ messageId: message.id, readBy: [{ userId: bob.id, readAt: timeOf(6) }], deliveredTo: [] },
      })
    })
  })

  describe('changes', () => {
    test('answer every wanted chat in its order, and say which are not the reader’s', async () => {
      const changes = createChangesReader(it.db)
      const [mine, left, deleted, foreign] = [await talk(3), await talk(2), await talk(2), await talk(2)]
      await commit(
        left.joined(eve),
        left.left(eve),
        mine.joined(eve),
        deleted.joined(eve),
        deleted.chatDeleted(),
      )
      const chatIds = [foreign, left, mine, deleted].map(({ chat }) => chat.id)
      const answers = await changes.readChanges(
        eve.id,
        chatIds.map((chatId) => ({ chatId, since: 2 })),
      )
      expect(answers).toMatchObject([
        { status: 'gone', chatId: chatIds[0] },
        { status: 'left', changes: { to: 4, participants: [{ userId: eve.id, leftSeq: 4 }], messages: [] } },
        {
          status: 'changes',
          changes: { from: 2, to: 4, messages: [{ seq: 3 }], participants: [{ userId: eve.id }] },
        },
        { status: 'gone', chatId: chatIds[3] },
      ])
    })

    test('are reset for who is ahead of the history, or too far behind', async () => {
      const changes = createChangesReader(it.db)
      const script = await talk(1)
      const many = Array.from({ length: LIMITS.changesMost + 1 }, (_, index) =>
        script.message(ann, {}, index + 1),
      )
      await commit(script.sent(ann, ...many))
      const head = LIMITS.changesMost + 2
      const read = async (since: number) =>
        (await changes.readChanges(bob.id, [{ chatId: script.chat.id, since }]))[0]
      expect(await read(1)).toEqual({ status: 'reset', chatId: script.chat.id, head })
      expect(await read(2)).toMatchObject({ status: 'changes', changes: { to: head } })
      expect(await read(head + 1)).toEqual({ status: 'reset', chatId: script.chat.id, head })
    })

    test('know the heads of all chats of many users, and where a message is', async () => {
      const changes = createChangesReader(it.db)
      const [one, two] = [await talk(3), new Script([ann])]
      const message = two.message(ann, {}, 2)
      await commit(two.created(), two.sent(ann, message))
      const heads = await changes.listHeads([ann.id, bob.id, eve.id])
      const inOrder = (list: typeof heads) => list.map((head) => JSON.stringify(head)).sort()
      expect(inOrder(heads)).toEqual(
        inOrder([
          { userId: ann.id, chatId: one.chat.id, seq: 3 },
          { userId: bob.id, chatId: one.chat.id, seq: 3 },
          { userId: ann.id, chatId: two.chat.id, seq: 2 },
        ]),
      )
      expect(await changes.locate(ann.id, message.id)).toEqual({ chatId: two.chat.id, seq: 2 })
      expect(await changes.locate(bob.id, message.id)).toBeUndefined()
    })

    test('name the history the same each time', async () => {
      const changes = createChangesReader(it.db)
      expect(await changes.logId()).toMatch(/^[0-9a-fA-F-]{20,60}$/)
      expect(await changes.logId()).toBe(await createChangesReader(it.db).logId())
    })
  })
})
