import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Message, User } from '../../src/protocol/model.ts'
import type { RoomState, RoomStore, Upload } from '../../src/rooms/ports.ts'
import { anAttachment } from '../support/builders.ts'
import { createUser, Script, timeOf, toParticipant } from '../support/script.ts'

/** A store with what a test needs around it. */
export interface TestStore {
  readonly store: RoomStore
  addUsers(users: readonly User[]): Promise<void>
  block(userId: string, blockedId: string): Promise<void>
  addUpload(upload: Upload): Promise<void>
  close(): Promise<void>
}

/** What every RoomStore does alike. */
export function describeRoomStore(name: string, open: () => Promise<TestStore>): void {
  describe(`a room store in ${name}`, () => {
    let it: TestStore
    let ann: User
    let bob: User
    let eve: User
    const commit = async (...turns: readonly Parameters<RoomStore['commit']>[0][]) => {
      for (const turn of turns) expect(await it.store.commit(turn)).toEqual({ status: 'committed' })
    }
    const load = async (script: Script): Promise<RoomState> => {
      const state = await it.store.load(script.chat.id)
      if (!state) throw new Error('There is no such chat')
      return state
    }
    const read = async ({ id }: Message) =>
      (await it.store.read({ messageIds: [id], userIds: [], uploadIds: [] })).messages.get(id)

    beforeAll(async () => {
      it = await open()
      ann = createUser()
      bob = createUser()
      eve = createUser()
      await it.addUsers([ann, bob, eve])
    })
    afterAll(() => it.close())

    test('knows nothing of a chat that was never created', async () => {
      expect(await it.store.load(createUser().id)).toBeUndefined()
    })

    test('loads a chat as it was created', async () => {
      const script = new Script([ann, bob], { name: 'Tea', avatarUrl: 'https://a.example/b.png' })
      await commit(script.created())
      const state = await load(script)
      expect(state).toMatchObject({ chat: script.chat, seq: 1, isDeleted: false, isBlocked: false })
      expect([...state.participants.values()]).toHaveLength(2)
      expect(state.participants.get(ann.id)).toEqual(toParticipant(ann, { role: 'owner', seq: 1 }))
      expect(state.participants.get(bob.id)).toEqual(toParticipant(bob, { role: 'member', seq: 1 }))
    })

    test('creates a chat once', async () => {
      const script = new Script([ann, bob])
      const turn = script.created()
      await commit(turn)
      expect(await it.store.commit(turn)).toEqual({ status: 'stale' })
    })

    test('gives a message back as it was sent', async () => {
      const script = new Script([ann, bob])
      await commit(script.created())
      const first = script.message(ann)
      await commit(script.sent(ann, first))
      const odd = script.message(bob, {
        content: '{"a\\"}\n\t,NULL, \'q\' 𝒳 👩‍🚀 \u200b\u{10ffff}',
        formatting: { bold: [[0, 5]] },
        metadata: { z: 1, a: [null, '"', '\\'], deep: { é: 1e-7 } },
        replyToId: first.id,
        mentions: [ann.id, bob.id],
      })
      await commit(script.sent(bob, odd))
      expect(await read(odd)).toEqual(odd)
      expect(Object.keys((await read(odd))?.metadata ?? {})).toEqual(['z', 'a', 'deep'])
      expect(await read(first)).toEqual(first)
    })

    test('commits a turn as a whole, in one order', async () => {
      const script = new Script([ann, bob])
      await commit(script.created())
      const messages = [1, 2, 3].map((offset) => script.message(ann, {}, offset))
      const turn = script.turn(
        ...messages.map((message) => ({ type: 'message:new' as const, data: { message, sender: ann } })),
        {
          type: 'receipts',
          data: { marks: [{ userId: bob.id, readSeq: 4, deliveredSeq: 4, at: timeOf(5) }] },
        },
      )
      await commit(turn)
      const state = await load(script)
      expect(state.seq).toBe(5)
      expect(state.participants.get(bob.id)).toMatchObject({ readSeq: 4, deliveredSeq: 4 })
      for (const message of messages) expect(await read(message)).toEqual(message)
    })

    test('commits the turns of many rooms at once', async () => {
      const scripts = Array.from({ length: 40 }, () => new Script([ann, bob]))
      const created = await Promise.all(scripts.map((script) => it.store.commit(script.created())))
      const sent = await Promise.all(scripts.map((script) => it.store.commit(script.sent(ann))))
      expect([...created, ...sent].filter(({ status }) => status !== 'committed')).toEqual([])
      const states = await Promise.all(scripts.map(load))
      expect(states.map(({ seq }) => seq)).toEqual(scripts.map(() => 2))
    })

    test('commits nothing of a turn that another has overtaken', async () => {
      const script = new Script([ann, bob])
      await commit(script.created(), script.sent(ann))
      script.seq = 1
      const late = script.message(bob)
      expect(await it.store.commit(script.sent(bob, late))).toEqual({ status: 'stale' })
      expect(await read(late)).toBeUndefined()
      script.seq = 7
      expect(await it.store.commit(script.sent(bob))).toEqual({ status: 'stale' })
      expect((await load(script)).seq).toBe(2)
    })

    test('commits nothing of a turn that names a message id again, in whatever chat', async () => {
      const script = new Script([ann, bob])
      const other = new Script([ann, bob])
      await commit(script.created(), other.created())
      const message = script.message(ann)
      await commit(script.sent(ann, message))
      const fresh = other.message(bob)
      const again = other.message(ann, { id: message.id }, 2)
      const results = await Promise.all([
        it.store.commit(other.sent(ann, fresh, again)),
        it.store.commit(script.sent(ann)),
      ])
      expect(results).toEqual([{ status: 'stale' }, { status: 'committed' }])
      expect(await read(fresh)).toBeUndefined()
      expect(await read(message)).toEqual(message)
      expect((await load(other)).seq).toBe(1)
    })

    test('keeps an edit as the message, in its old place', async () => {
      const script = new Script([ann, bob])
      const message = script.message(ann, {}, 2)
      await commit(script.created(), script.sent(ann, message), script.edited(message, 'Other words'))
      const edited = { content: 'Other words', seq: 2, changedSeq: 3, isEdited: true, editedAt: timeOf(3) }
      expect(await read(message)).toEqual({ ...message, ...edited })
    })

    test('leaves of a deleted message its place alone', async () => {
      const script = new Script([ann, bob])
      const message = script.message(ann, { metadata: { a: 1 }, mentions: [bob.id], formatting: {} }, 2)
      await commit(script.created(), script.sent(ann, message), script.edited(message, 'Again'))
      await commit(script.reacted('reaction:added', message, bob, '👍'), script.deleted(message))
      expect(await read(message)).toMatchObject({
        ...{ seq: 2, changedSeq: 5, isDeleted: true, deletedAt: timeOf(5), content: '' },
        ...{ metadata: null, formatting: null, mentions: [], reactions: [] },
      })
    })

    test('changes chat fields and roles together', async () => {
      const script = new Script([ann, bob])
      const roles = [
        toParticipant(ann, { role: 'admin', seq: 1 }),
        toParticipant(bob, { role: 'owner', seq: 1 }),
      ]
      await commit(
        script.created(),
        script.updated({ name: 'Night', ownerId: bob.id, history: 'since_join' }, roles),
      )
      const state = await load(script)
      expect(state.chat).toEqual(script.chat)
      expect([ann, bob].map(({ id }) => state.participants.get(id)?.role)).toEqual(['admin', 'owner'])
    })

    test('refuses a slug that another chat has, until that chat is deleted', async () => {
      const [first, second] = [new Script([ann], { slug: createUser().id }), new Script([ann])]
      await commit(first.created(), second.created())
      const { slug } = first.chat
      const refusal = { code: 'CONFLICT', details: [{ field: 'slug', message: expect.any(String) }] }
      expect(await it.store.commit(second.updated({ slug }))).toMatchObject({ status: 'refused', refusal })
      const third = new Script([ann], { slug })
      expect(await it.store.commit(third.created())).toMatchObject({ status: 'refused', refusal })
      second.seq = 1
      await commit(first.chatDeleted(), second.updated({ slug }))
    })

    test('commits nothing more to a deleted chat', async () => {
      const script = new Script([ann, bob])
      await commit(script.created(), script.chatDeleted())
      expect(await load(script)).toMatchObject({ isDeleted: true, seq: 2 })
      expect(await it.store.commit(script.sent(ann))).toEqual({ status: 'stale' })
      script.seq = 2
      expect(await it.store.commit(script.updated({ name: 'Back' }))).toEqual({ status: 'stale' })
    })

    test('has those who take part now: joined, left, and joined again from a new beginning', async () => {
      const script = new Script([ann])
      await commit(script.created(), script.joined(bob, eve), script.left(eve, ann))
      expect([...(await load(script)).participants.keys()].sort()).toEqual([ann.id, bob.id].sort())
      await commit(script.sent(ann), script.joined(eve))
      expect((await load(script)).participants.get(eve.id)).toEqual(
        toParticipant(eve, { role: 'member', seq: 6 }),
      )
    })

    describe('with uploads', () => {
      const upload = async (script: Script): Promise<Upload> => {
        const made = { chatId: script.chat.id, uploaderId: ann.id, attachment: anAttachment(createUser().id) }
        await it.addUpload(made)
        return made
      }
      const find = async (id: string) =>
        (await it.store.read({ messageIds: [], userIds: [], uploadIds: [id] })).uploads.get(id)

      test('a message takes its uploads along, and they are free no more', async () => {
        const script = new Script([ann, bob])
        await commit(script.created())
        const [one, two] = [await upload(script), await upload(script)]
        expect(await find(one.attachment.id)).toEqual(one)
        const attachments = [two.attachment, one.attachment]
        const message = script.message(ann, { content: '', attachments })
        await commit(script.sent(ann, message))
        expect(await read(message)).toEqual(message)
        expect(await find(one.attachment.id)).toBeUndefined()
        await commit(script.deleted(message))
        expect((await read(message))?.attachments).toEqual([])
        expect(await find(one.attachment.id)).toBeUndefined()
      })

      test('a turn that claims what is not free is stale as a whole, and the others of its batch are not', async () => {
        const [script, other] = [new Script([ann, bob]), new Script([ann, bob])]
        await commit(script.created(), other.created())
        const taken = await upload(script)
        const claim = () => script.message(ann, { attachments: [taken.attachment] })
        await commit(script.sent(ann, claim()))
        const { seq } = script
        const lost = script.sent(
          ann,
          script.message(ann),
          script.message(ann, { attachments: [taken.attachment] }, 2),
        )
        const free = await upload(other)
        const fine = other.message(ann, { attachments: [free.attachment] })
        const results = await Promise.all([it.store.commit(lost), it.store.commit(other.sent(ann, fine))])
        expect(results).toEqual([{ status: 'stale' }, { status: 'committed' }])
        expect((await load(script)).seq).toBe(seq)
        expect(await read(fine)).toEqual(fine)
      })
    })

    test('tells that one of a direct chat has blocked the other, whoever did', async () => {
      const [dan, fay] = [createUser(), createUser()]
      await it.addUsers([dan, fay])
      const script = new Script([dan, fay], { kind: 'direct' })
      const group = new Script([dan, fay])
      await commit(script.created(), group.created())
      await it.block(fay.id, dan.id)
      expect((await load(script)).isBlocked).toBe(true)
      expect((await load(group)).isBlocked).toBe(false)
      const { users } = await it.store.read({ messageIds: [], uploadIds: [], userIds: [dan.id, fay.id] })
      expect(users.get(fay.id)).toEqual({ user: fay, blocked: [dan.id] })
      expect(users.get(dan.id)).toEqual({ user: dan, blocked: [] })
    })
  })
}
