import { same } from '../claims.ts'
import type { RawSocket } from '../raw-socket.ts'
import type { ProtocolRule } from '../rule.ts'

export const sending: ProtocolRule[] = [
  {
    number: '3.1',
    title: 'a send is answered with the message at the head plus one',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      for (const head of [1, 2, 3]) {
        const ack = await sockets.ann.ask('message:send', { chatId, content: `After ${head}` })
        const { message, seq, replayed } = ack
        same([seq, message.seq, message.changedSeq], [head + 1, head + 1, head + 1], 'The numbers')
        same([message.chatId, message.senderId], [chatId, people.ann.id], 'The chat and the sender')
        same([replayed, message.isEdited, message.isDeleted], [false, false, false], 'replayed and the like')
      }
      const { chat } = await people.ben.call('GET /api/chats/:id', { params: { id: chatId } })
      same([chat.seq, chat.lastMessage?.content], [4, 'After 3'], 'The head and the last message')
    },
  },
  {
    number: '3.2',
    title: 'every other connection of every participant hears message:new',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const second = await people.ann.connect()
      const { message, seq } = await sockets.ann.ask('message:send', { chatId, content: 'To all' })
      for (const socket of [sockets.ben, sockets.cleo, second]) {
        const event = await socket.event('message:new', chatId)
        same([event.seq, event.data.message], [seq, message], 'The event')
        same([event.data.sender.id, event.at], [people.ann.id, message.createdAt], 'The sender and the time')
      }
    },
  },
  {
    number: '3.3',
    title: 'the ack of a send or an edit stands in for the event; other events reach their origin too',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const { ann } = sockets
      const { message } = await ann.ask('message:send', { chatId, content: 'Mine' })
      await ann.ask('message:edit', { messageId: message.id, chatId, content: 'Still mine' })
      const added = await ann.ask('reaction:add', { messageId: message.id, chatId, emoji: '👍' })
      same((await ann.event('reaction:added', chatId)).seq, added.seq, 'The seq of reaction:added')
      const deleted = await ann.ask('message:delete', { messageId: message.id, chatId })
      same((await ann.event('message:deleted', chatId)).seq, deleted.seq, 'The seq of message:deleted')
      await ann.settled()
      same(ann.about(chatId), [], 'What else its own connection heard')
    },
  },
  {
    number: '3.4',
    title: 'all connections hear the same events under the same numbers, in order, without a hole',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const listeners = [await people.ann.connect(), await people.ben.connect(), await people.cleo.connect()]
      const heard = listeners.map((socket) => record(socket, chatId))
      const senders = [sockets.ann, sockets.ben, sockets.cleo]
      const sends = senders.flatMap((socket, who) =>
        Array.from({ length: 8 }, (_, index) =>
          socket.ask('message:send', { chatId, content: `${who}: ${index}` }),
        ),
      )
      const seqs = (await Promise.all(sends)).map(({ seq }) => seq).toSorted((a, b) => a - b)
      const numbers = Array.from({ length: sends.length }, (_, index) => index + 2)
      same(seqs, numbers, 'The numbers of the acks')
      const last = numbers.at(-1) ?? 0
      for (const [index, socket] of listeners.entries()) {
        if (!heard[index]?.some(({ seq }) => seq === last)) {
          await socket.next(`seq ${last}`, (frame) =>
            'seq' in frame && frame.seq === last ? frame : undefined,
          )
        }
        same(
          heard[index]?.map(({ seq }) => seq),
          numbers,
          'The numbers in the order of arrival',
        )
        same(heard[index], heard[0], 'What one connection heard, against another')
      }
    },
  },
  {
    number: '3.5',
    title: 'the same id makes one message, over the socket and REST alike',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const id = context.messageId()
      const first = await sockets.ann.ask('message:send', { chatId, id, content: 'Once' })
      same([first.message.id, first.replayed], [id, false], 'The id and replayed')
      const bySocket = await sockets.ann.ask('message:send', { chatId, id, content: 'Once' })
      const byOther = await (await people.ann.connect()).ask('message:send', { chatId, id, content: 'Once' })
      const request = { params: { id: chatId }, body: { id, content: 'Once' } }
      const byRest = await people.ann.answer('POST /api/chats/:id/messages', request)
      same(byRest.status, 200, 'The status of a replay')
      for (const again of [bySocket, byOther, byRest.data]) {
        same(again, { ...first, replayed: true }, 'The answer to the same id again')
      }
      const restId = context.messageId()
      const restFirst = { params: { id: chatId }, body: { id: restId, content: 'By REST' } }
      same((await people.ann.answer('POST /api/chats/:id/messages', restFirst)).status, 201, 'The status')
      const replay = await sockets.ann.ask('message:send', { chatId, id: restId, content: 'By REST' })
      same([replay.seq, replay.replayed], [first.seq + 1, true], 'The replay over the socket')
      const stored = (await people.ben.history(chatId)).map((message) => message.id)
      same(stored, [id, restId], 'The messages')
      await sockets.ann.refused(
        'message:send',
        { chatId, id: crypto.randomUUID(), content: 'x' },
        {
          code: 'VALIDATION_ERROR',
          field: 'data.id',
        },
      )
    },
  },
  {
    number: '3.6',
    title: 'a late retry is answered as such, whatever came after the first',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const id = context.messageId()
      const first = await sockets.ann.ask('message:send', { chatId, id, content: 'Early' })
      await sockets.ben.ask('message:send', { chatId, content: 'Another' })
      await sockets.ben.ask('reaction:add', { chatId, messageId: id, emoji: '👍' })
      const edited = await sockets.ann.ask('message:edit', { chatId, messageId: id, content: 'Late' })
      const again = await sockets.ann.ask('message:send', { chatId, id, content: 'Early' })
      same([again.replayed, again.seq, again.message.seq], [true, first.seq, first.seq], 'The retry')
      const next = await sockets.ann.ask('message:send', { chatId, content: 'Next' })
      same(next.seq, edited.seq + 1, 'The next number')
    },
  },
  {
    number: '3.7',
    title: 'an id of another chat or sender is refused',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const elsewhere = await context.group([people.ann, people.cleo])
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'Mine' })
      const conflict = { code: 'CONFLICT', field: 'id' } as const
      const data = { id: message.id, content: 'Mine' }
      await sockets.ann.refused('message:send', { ...data, chatId: elsewhere }, conflict)
      await sockets.ben.refused('message:send', { ...data, chatId }, conflict)
      await people.ben.refused(
        'POST /api/chats/:id/messages',
        { params: { id: chatId }, body: data },
        conflict,
      )
      same((await people.ann.history(elsewhere)).length, 0, 'The messages of the other chat')
    },
  },
]

/** The numbered events of a chat, as they arrive. */
function record(socket: RawSocket, chatId: string): { type: string; seq: number; at: string }[] {
  const events: { type: string; seq: number; at: string }[] = []
  socket.onFrame = (frame) => {
    if ('seq' in frame && frame.chatId === chatId) events.push(frame)
  }
  return events
}
