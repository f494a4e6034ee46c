import { claim, present, same } from '../claims.ts'
import type { ProtocolRule } from '../rule.ts'

/** Edits and deletions. */
export const changing: ProtocolRule[] = [
  {
    number: '3.17',
    title: 'the sender edits: new words and changedSeq at the old place',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const sent = await sockets.ann.ask('message:send', {
        chatId,
        content: 'Helo',
        metadata: { kept: true },
      })
      await sockets.ann.ask('message:send', { chatId, content: 'Next' })
      const { message, seq } = await sockets.ann.ask('message:edit', {
        messageId: sent.message.id,
        chatId,
        content: 'Hello',
        formatting: { bold: [[0, 5]] },
      })
      same(seq, sent.seq + 2, 'The seq of the edit')
      same([message.seq, message.changedSeq], [sent.seq, seq], 'seq and changedSeq')
      same([message.content, message.formatting], ['Hello', { bold: [[0, 5]] }], 'The new words')
      same([message.isEdited, message.metadata], [true, { kept: true }], 'isEdited and the metadata')
      same(message.createdAt, sent.message.createdAt, 'createdAt')
      claim(message.editedAt !== null, 'editedAt is null')
      const event = await sockets.ben.event('message:edited', chatId)
      same([event.seq, event.data.message], [seq, message], 'The event')
      const [stored] = await people.ben.history(chatId)
      same(stored, message, 'The message in the history')
    },
  },
  {
    number: '3.18',
    title: 'an edit that changes nothing is no change',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const { message, seq } = await sockets.ann.ask('message:send', { chatId, content: 'Same' })
      const edit = { messageId: message.id, chatId, content: 'Same' }
      const again = await sockets.ann.ask('message:edit', edit)
      same([again.seq, again.message.isEdited], [seq, false], 'The answer')
      const next = await sockets.ann.ask('message:send', { chatId, content: 'Next' })
      same(next.seq, seq + 1, 'The next number')
    },
  },
  {
    number: '3.19',
    title: 'only the sender may edit, and not to nothing',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { message } = await sockets.ben.ask('message:send', { chatId, content: 'By Ben' })
      const edit = { messageId: message.id, chatId, content: 'By Ann' }
      await sockets.ann.refused('message:edit', edit, { code: 'FORBIDDEN' })
      const empty = { ...edit, content: '  ' }
      await sockets.ben.refused('message:edit', empty, { code: 'VALIDATION_ERROR', field: 'content' })
      const long = { ...edit, content: 'x'.repeat(10_001) }
      await sockets.ben.refused('message:edit', long, { code: 'VALIDATION_ERROR', field: 'data.content' })
      same((await people.ann.history(chatId))[0]?.content, 'By Ben', 'The content')
    },
  },
  {
    number: '3.20',
    title: 'a deletion leaves a tombstone',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const sent = await sockets.ann.ask('message:send', {
        chatId,
        content: 'Secret @ben',
        formatting: { bold: [[0, 6]] },
        metadata: { secret: true },
        mentions: [people.ben.id],
      })
      const messageId = sent.message.id
      await sockets.ben.ask('reaction:add', { messageId, chatId, emoji: '👍' })
      const ack = await sockets.ann.ask('message:delete', { messageId, chatId })
      same(ack, { messageId, seq: sent.seq + 2 }, 'The answer')
      for (const socket of [sockets.ann, sockets.ben]) {
        const event = await socket.event('message:deleted', chatId)
        const expected = { messageId, messageSeq: sent.seq, senderId: people.ann.id }
        same([event.seq, event.data], [ack.seq, expected], 'The event')
      }
      const stone = present((await people.ben.history(chatId))[0], 'The tombstone')
      same([stone.id, stone.seq, stone.changedSeq], [messageId, sent.seq, ack.seq], 'Its id and numbers')
      same(
        [stone.isDeleted, stone.content, stone.formatting, stone.metadata],
        [true, '', null, null],
        'Its rest',
      )
      same([stone.mentions, stone.reactions, stone.attachments], [[], [], []], 'Its lists')
      claim(stone.deletedAt !== null, 'deletedAt is null')
    },
  },
  {
    number: '3.21',
    title: 'deleting again is no change, and what is deleted can be neither edited nor reacted to',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'Gone' })
      const named = { messageId: message.id, chatId }
      const first = await sockets.ann.ask('message:delete', named)
      same(await sockets.ann.ask('message:delete', named), first, 'The second answer')
      await sockets.ann.refused('message:edit', { ...named, content: 'Back' }, { code: 'NOT_FOUND' })
      await sockets.ben.refused('reaction:add', { ...named, emoji: '👍' }, { code: 'NOT_FOUND' })
      const next = await sockets.ann.ask('message:send', { chatId, content: 'Next' })
      same(next.seq, first.seq + 1, 'The next number')
      const retry = { chatId, id: message.id, content: 'Gone' }
      const replay = await sockets.ann.ask('message:send', retry)
      same([replay.replayed, replay.message.isDeleted], [true, true], 'A retry of the deleted send')
    },
  },
  {
    number: '3.22',
    title: 'in a group its staff may delete any message, members only their own',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const { ann, ben } = people
      const send = async () =>
        (await sockets.cleo.ask('message:send', { chatId, content: 'By Cleo' })).message.id
      const mine = await sockets.ann.ask('message:send', { chatId, content: 'By Ann' })
      const first = { messageId: await send(), chatId }
      await sockets.ben.refused('message:delete', first, { code: 'FORBIDDEN' })
      await sockets.cleo.refused(
        'message:delete',
        { messageId: mine.message.id, chatId },
        { code: 'FORBIDDEN' },
      )
      await sockets.ann.ask('message:delete', first)
      const params = { id: chatId, userId: ben.id }
      await ann.call('PUT /api/chats/:id/participants/:userId', { params, body: { role: 'admin' } })
      await sockets.ben.ask('message:delete', { messageId: await send(), chatId })
      await sockets.cleo.ask('message:delete', { messageId: await send(), chatId })
      const direct = await context.direct(ann, ben)
      const private_ = await sockets.ann.ask('message:send', { chatId: direct, content: 'For Ben' })
      const named = { messageId: private_.message.id, chatId: direct }
      await sockets.ben.refused('message:delete', named, { code: 'FORBIDDEN' })
    },
  },
  {
    number: '3.23',
    title: 'chatId may be left out where messageId names the message',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const elsewhere = await context.group([people.ann, people.cleo])
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'One' })
      const messageId = message.id
      const edited = await sockets.ann.ask('message:edit', { messageId, content: 'Two' })
      same(edited.message.chatId, chatId, 'The chat')
      await sockets.ben.ask('reaction:add', { messageId, emoji: '👍' })
      await sockets.ben.ask('reaction:remove', { messageId, emoji: '👍' })
      await sockets.ben.ask('message:read', { messageId })
      const wrong = { messageId, chatId: elsewhere }
      await sockets.ann.refused('message:edit', { ...wrong, content: 'x' }, { code: 'NOT_FOUND' })
      await sockets.ann.refused('message:delete', wrong, { code: 'NOT_FOUND' })
      const outsider = await people.dan.connect()
      await outsider.refused('message:delete', { messageId }, { code: 'NOT_FOUND', field: 'messageId' })
      await sockets.ann.ask('message:delete', { messageId })
    },
  },
  {
    number: '3.24',
    title: 'REST and the socket are one path',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const body = { content: 'By REST', metadata: { from: 'REST' } }
      const sent = await people.ann.answer('POST /api/chats/:id/messages', { params: { id: chatId }, body })
      same([sent.status, sent.data.seq, sent.data.replayed], [201, 2, false], 'The answer')
      const { message } = sent.data
      for (const socket of [sockets.ann, sockets.ben]) {
        same((await socket.event('message:new', chatId)).data.message, message, 'message:new')
      }
      const params = { id: message.id }
      const edited = await people.ann.call('PUT /api/messages/:id', { params, body: { content: 'Edited' } })
      for (const socket of [sockets.ann, sockets.ben]) {
        const event = await socket.event('message:edited', chatId)
        same([event.seq, event.data.message], [edited.seq, edited.message], 'message:edited')
      }
      const deleted = await people.ann.call('DELETE /api/messages/:id', { params })
      same(deleted, { messageId: message.id, seq: 4 }, 'The answer to the deletion')
      for (const socket of [sockets.ann, sockets.ben]) {
        same((await socket.event('message:deleted', chatId)).seq, 4, 'message:deleted')
      }
    },
  },
]
