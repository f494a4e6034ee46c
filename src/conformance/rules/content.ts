import type { ErrorCode } from '../../protocol/errors.ts'
import type { Formatting } from '../../protocol/model.ts'
import { claim, same } from '../claims.ts'
import type { Context } from '../context.ts'
import type { RawSocket } from '../raw-socket.ts'
import type { ProtocolRule } from '../rule.ts'

const INVALID = 'VALIDATION_ERROR' satisfies ErrorCode

/** What a message may say, and where. */
export const messageContent: ProtocolRule[] = [
  {
    number: '3.8',
    title: 'a message has 1 to 10,000 code points',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      for (const content of ['x'.repeat(10_000), '\u{1f600}'.repeat(10_000), ' x ']) {
        const { message } = await sockets.ann.ask('message:send', { chatId, content })
        claim(message.content === content, `${content.length} units came back as ${message.content.length}`)
      }
      for (const content of ['', ' \n\t ', '\u3000', 'x'.repeat(10_001), undefined, null]) {
        const expected = { code: INVALID, field: 'data.content' } as const
        await sockets.ann.refused('message:send', { chatId, content }, expected)
      }
      const body = { content: '' }
      const expected = { code: INVALID, field: 'content' } as const
      await people.ann.refused('POST /api/chats/:id/messages', { params: { id: chatId }, body }, expected)
    },
  },
  {
    number: '3.9',
    title: 'content is plain text, kept as it was sent',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const contents = [
        '<script>alert(1)</script> <b>bold</b> &amp; "quoted"',
        '  two  spaces\r\nand\ta line ',
        'العربية עברית 漢字 \u{1f469}\u200d\u{1f680} e\u0301',
        "'; drop table messages; -- %s {{x}}",
      ]
      for (const content of contents) {
        const { message } = await sockets.ann.ask('message:send', { chatId, content })
        const event = await sockets.ben.event('message:new', chatId)
        same([message.content, event.data.message.content], [content, content], 'The content')
      }
      same(
        (await people.ben.history(chatId)).map(({ content }) => content),
        contents,
        'The history',
      )
    },
  },
  {
    number: '3.10',
    title: 'formatting is ranges within the content',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const data = { chatId, content: 'Hello world' }
      const formatting: Formatting = {
        bold: [[0, 5]],
        italic: [
          [2, 4],
          [6, 11],
        ],
        code: [],
      }
      const { message } = await sockets.ann.ask('message:send', { ...data, formatting })
      same(message.formatting, formatting, 'The formatting')
      const bad = [
        { bold: [[0, 12]] },
        { bold: [[3, 3]] },
        { bold: [[4, 2]] },
        { bold: [[-1, 2]] },
        { big: [] },
      ]
      for (const wrong of bad) {
        await sockets.ann.refused('message:send', { ...data, formatting: wrong }, { code: INVALID })
      }
    },
  },
  {
    number: '3.11',
    title: "metadata is the client's own, within bounds",
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const metadata = { a: [1, 'two', null, { b: true }], 'with space': 1.5, ünï: '😀' }
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'x', metadata })
      same(message.metadata, metadata, 'The metadata')
      same((await people.ben.history(chatId))[0]?.metadata, metadata, 'The metadata in the history')
      const deep = JSON.parse(`${'{"x":'.repeat(9)}1${'}'.repeat(9)}`) as object
      for (const wrong of [{ long: 'x'.repeat(4_097) }, deep, [], 'text', 7]) {
        await sockets.ann.refused(
          'message:send',
          { chatId, content: 'x', metadata: wrong },
          { code: INVALID },
        )
      }
    },
  },
  {
    number: '3.12',
    title: 'a reply names a message of the same chat',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const elsewhere = await context.group([people.ann, people.cleo])
      const first = await sockets.ann.ask('message:send', { chatId, content: 'Question' })
      const reply = await sockets.ben.ask('message:send', {
        chatId,
        content: 'Answer',
        replyToId: first.message.id,
      })
      same(reply.message.replyToId, first.message.id, 'replyToId')
      const other = await sockets.ann.ask('message:send', { chatId: elsewhere, content: 'Elsewhere' })
      for (const replyToId of [other.message.id, context.messageId()]) {
        const expected = { code: 'NOT_FOUND', field: 'replyToId' } as const
        await sockets.ann.refused('message:send', { chatId, content: 'Lost', replyToId }, expected)
      }
    },
  },
  {
    number: '3.13',
    title: 'mentions name participants',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { ann, ben, dan } = people
      const mentions = [ben.id, ann.id, ben.id]
      const { message } = await sockets.ann.ask('message:send', { chatId, content: '@ben @ann', mentions })
      same(message.mentions, [ben.id, ann.id], 'The mentions')
      for (const stranger of [dan.id, context.messageId()]) {
        const expected = { code: INVALID, field: 'mentions' } as const
        await sockets.ann.refused('message:send', { chatId, content: '@', mentions: [stranger] }, expected)
      }
    },
  },
  {
    number: '3.14',
    title: 'system messages are not for people to send',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'x', contentType: 'file' })
      same(message.contentType, 'file', 'contentType')
      for (const contentType of ['system', 'html', '']) {
        const expected = { code: INVALID, field: 'data.contentType' } as const
        await sockets.ann.refused('message:send', { chatId, content: 'x', contentType }, expected)
      }
    },
  },
  {
    number: '3.15',
    title: 'attachments that are no upload of the sender are refused',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const data = { chatId, content: 'x', attachmentIds: [context.messageId()] }
      await sockets.ann.refused('message:send', data, { code: 'NOT_FOUND', field: 'attachmentIds' })
      const many = { ...data, attachmentIds: Array.from({ length: 6 }, () => context.messageId()) }
      await sockets.ann.refused('message:send', many, { code: INVALID, field: 'data.attachmentIds' })
    },
  },
  {
    number: '3.16',
    title: 'no command works in a chat that is not there, deleted, or not (any more) one of the user',
    run: refusesStrangers,
  },
]

async function refusesStrangers(context: Context): Promise<void> {
  const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
  const { ann, ben, cleo, dan } = people
  const { message } = await sockets.ann.ask('message:send', { chatId, content: 'Here' })
  const outsider = await dan.connect()
  await ann.call('DELETE /api/chats/:id/participants/:userId', { params: { id: chatId, userId: cleo.id } })
  const deleted = await context.group([ann, ben])
  const last = await sockets.ben.ask('message:send', { chatId: deleted, content: 'Last' })
  await ann.call('DELETE /api/chats/:id', { params: { id: deleted } })
  await sockets.ben.settled()
  const before = (await ann.call('GET /api/chats/:id', { params: { id: chatId } })).chat.seq
  const attempts: [RawSocket, string, string][] = [
    [outsider, chatId, message.id],
    [outsider, context.messageId(), context.messageId()],
    [sockets.cleo, chatId, message.id],
    [sockets.ben, deleted, last.message.id],
  ]
  const expected = { code: 'NOT_FOUND' } as const
  for (const [socket, chat, messageId] of attempts) {
    await socket.refused(
      'message:send',
      { chatId: chat, content: 'Let me in' },
      { ...expected, field: 'chatId' },
    )
    for (const named of [{ chatId: chat, messageId }, { messageId }]) {
      await socket.refused('message:edit', { ...named, content: 'Mine now' }, expected)
      await socket.refused('message:delete', named, expected)
      await socket.refused('reaction:add', { ...named, emoji: '👍' }, expected)
      await socket.refused('reaction:remove', { ...named, emoji: '👍' }, expected)
    }
    await socket.refused('message:read', { chatId: chat, seq: 1 }, expected)
    await socket.refused('message:delivered', { messageId }, expected)
  }
  const { chat } = await ann.call('GET /api/chats/:id', { params: { id: chatId } })
  same(chat.seq, before, 'The head, after commands of strangers')
}
