import { claim, present, same } from '../claims.ts'
import type { Person } from '../person.ts'
import type { ProtocolRule } from '../rule.ts'

export const receipts: ProtocolRule[] = [
  {
    number: '5.1',
    title: 'a watermark that moves is heard by all as receipts',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { seq } = await sockets.ann.ask('message:send', { chatId, content: 'Read me' })
      const ack = await sockets.ben.ask('message:delivered', { chatId, seq })
      same(ack.seq, seq + 1, 'The seq')
      for (const socket of [sockets.ann, sockets.ben]) {
        const { data, seq: at } = await socket.event('receipts', chatId)
        const mark = present(data.marks[0], 'The mark')
        same([at, data.marks.length, mark.userId], [seq + 1, 1, people.ben.id], 'The event')
        claim(mark.deliveredSeq === seq && mark.readSeq < seq, `The mark is ${JSON.stringify(mark)}`)
      }
      const { chat } = await people.ann.call('GET /api/chats/:id', { params: { id: chatId } })
      const stored = chat.participants?.find(({ userId }) => userId === people.ben.id)
      same(stored?.deliveredSeq, seq, 'The stored watermark')
    },
  },
  {
    number: '5.2',
    title: 'watermarks only move forward',
    async run(context) {
      const { ann, ben } = await context.cast()
      const chatId = await context.direct(ann, ben)
      const [sender, reader] = [await ann.connect(), await ben.connect()]
      const first = await sender.ask('message:send', { chatId, content: 'First' })
      const second = await sender.ask('message:send', { chatId, content: 'Second' })
      await reader.ask('message:read', { chatId, seq: second.seq })
      const { data, seq: head } = await sender.event('receipts', chatId)
      same(data.marks[0]?.readSeq, second.seq, 'readSeq')
      for (const older of [first.seq, 0, second.seq]) {
        await reader.ask('message:read', { chatId, seq: older })
        await reader.ask('message:delivered', { chatId, seq: older })
      }
      const next = await sender.ask('message:send', { chatId, content: 'Next' })
      same(next.seq, head + 1, 'The next number, after older watermarks')
      const { chat } = await ben.call('GET /api/chats/:id', { params: { id: chatId } })
      same(chat.me?.readSeq, second.seq, 'The stored watermark')
    },
  },
  {
    number: '5.3',
    title: 'a watermark past the head is refused',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { seq } = await sockets.ann.ask('message:send', { chatId, content: 'Last' })
      const expected = { code: 'VALIDATION_ERROR', field: 'seq' } as const
      await sockets.ben.refused('message:read', { chatId, seq: seq + 1 }, expected)
      await sockets.ben.refused('message:delivered', { chatId, seq: Number.MAX_SAFE_INTEGER }, expected)
      const request = { params: { id: chatId }, body: { seq: seq + 1 } }
      await people.ben.refused('POST /api/chats/:id/read', request, expected)
    },
  },
  {
    number: '5.4',
    title: 'what is read is delivered',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { seq } = await sockets.ann.ask('message:send', { chatId, content: 'Read at once' })
      const body = { params: { id: chatId }, body: { seq } }
      same(await people.ben.call('POST /api/chats/:id/read', body), { seq: seq + 1 }, 'The answer of REST')
      const [mark] = (await sockets.ann.event('receipts', chatId)).data.marks
      same([mark?.readSeq, mark?.deliveredSeq], [seq, seq], 'readSeq and deliveredSeq')
    },
  },
  {
    number: '5.5',
    title: 'a watermark may be named by a message',
    async run(context) {
      const { ann, ben } = await context.cast()
      const chatId = await context.direct(ann, ben)
      const [sender, reader] = [await ann.connect(), await ben.connect()]
      const { message, seq } = await sender.ask('message:send', { chatId, content: 'By name' })
      await reader.ask('message:delivered', { messageId: message.id })
      same((await sender.event('receipts', chatId)).data.marks[0]?.deliveredSeq, seq, 'deliveredSeq')
      await reader.ask('message:read', { messageId: message.id, chatId })
      same((await sender.event('receipts', chatId)).data.marks[0]?.readSeq, seq, 'readSeq')
      const expected = { code: 'NOT_FOUND' } as const
      await reader.refused('message:read', { messageId: context.messageId() }, expected)
    },
  },
  {
    number: '5.6',
    title: 'receipts come at once in direct chats, and at most once a second in groups',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const direct = await context.direct(people.ann, people.ben)
      const seqs: number[] = []
      for (const content of ['One', 'Two', 'Three', 'Four']) {
        seqs.push((await sockets.ann.ask('message:send', { chatId, content })).seq)
        const { seq } = await sockets.ann.ask('message:send', { chatId: direct, content })
        await sockets.ben.ask('message:read', { chatId: direct, seq })
        same((await sockets.ann.event('receipts', direct)).seq, seq + 1, 'The seq of receipts at once')
      }
      const moves = seqs.flatMap((seq) => [
        sockets.ben.ask('message:read', { chatId, seq }),
        sockets.cleo.ask('message:delivered', { chatId, seq }),
      ])
      const acks = new Set((await Promise.all(moves)).map(({ seq }) => seq))
      const last = seqs.at(-1) ?? 0
      claim(acks.size <= 3, `Eight watermarks of one moment made ${acks.size} changes`)
      const { chat } = await people.ann.call('GET /api/chats/:id', { params: { id: chatId } })
      same(chat.seq, last + acks.size, 'The head of the group')
      const at: number[] = []
      for (let count = 0; count < acks.size; count += 1) {
        at.push(Date.parse((await sockets.ann.event('receipts', chatId)).at))
      }
      const pauses = at.slice(1).map((time, index) => time - (at[index] ?? 0))
      claim(
        pauses.every((pause) => pause >= 990),
        `Receipts of the group came after ${pauses.join(', ')} ms`,
      )
    },
  },
  {
    number: '5.7',
    title: "unread is what stands after the watermark and is neither deleted nor one's own",
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { ben } = people
      same(await unreadOf(ben, chatId), 0, 'Unread in a new group')
      const first = await sockets.ann.ask('message:send', { chatId, content: 'One' })
      const second = await sockets.ann.ask('message:send', { chatId, content: 'Two' })
      await sockets.ben.ask('message:send', { chatId, content: 'My own' })
      await sockets.ann.ask('reaction:add', { chatId, messageId: second.message.id, emoji: '👍' })
      same(await unreadOf(ben, chatId), 2, 'Unread after two messages')
      await sockets.ann.ask('message:delete', { chatId, messageId: second.message.id })
      same(await unreadOf(ben, chatId), 1, 'Unread after a deletion')
      await sockets.ben.ask('message:read', { chatId, seq: first.seq })
      same(await unreadOf(ben, chatId), 0, 'Unread after reading')
      same(await unreadOf(people.ann, chatId), 1, "Unread of the sender's, who has not read the answer")
    },
  },
  {
    number: '5.8',
    title: 'a watermark needs chatId and seq, or messageId',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const messageId = context.messageId()
      const bad = [{}, { chatId }, { seq: 1 }, { chatId, seq: 1, messageId }, { chatId, seq: '1' }]
      for (const data of bad) await sockets.ann.refused('message:read', data, { code: 'VALIDATION_ERROR' })
      const params = { id: chatId }
      for (const body of [{}, { seq: 1, messageId }, { seq: -1 }, { seq: null }]) {
        await people.ann.refused('POST /api/chats/:id/read', { params, body }, { code: 'VALIDATION_ERROR' })
      }
    },
  },
  {
    number: '5.9',
    title: 'the receipts of a message tell who read it and whom it reached',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const { message, seq } = await sockets.ann.ask('message:send', { chatId, content: 'Who has it?' })
      const params = { id: message.id }
      const none = await people.ann.call('GET /api/messages/:id/receipts', { params })
      same([none.readBy, none.deliveredTo], [[], []], 'The receipts of a new message')
      await Promise.all([
        sockets.ben.ask('message:read', { chatId, seq }),
        sockets.cleo.ask('message:delivered', { chatId, seq }),
      ])
      const both = await people.ann.call('GET /api/messages/:id/receipts', { params })
      same(
        both.readBy.map(({ userId }) => userId),
        [people.ben.id],
        'readBy',
      )
      claim(both.readBy[0]?.readAt !== null, 'readAt is null')
      same(both.deliveredTo, [people.cleo.id], 'deliveredTo')
      await people.dan.refused('GET /api/messages/:id/receipts', { params }, { code: 'NOT_FOUND' })
    },
  },
]

async function unreadOf(person: Person, chatId: string): Promise<number | undefined> {
  const { chat } = await person.call('GET /api/chats/:id', { params: { id: chatId } })
  const { data } = await person.call('GET /api/chats', { query: { limit: 100 } })
  const listed = data.find(({ id }) => id === chatId)
  same(listed?.me?.unread, chat.me?.unread, 'Unread in the list of chats')
  return chat.me?.unread
}
