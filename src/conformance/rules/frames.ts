import { ErrorBody } from '../../protocol/errors.ts'
import { claim, present, same } from '../claims.ts'
import type { RawSocket } from '../raw-socket.ts'
import type { ProtocolRule } from '../rule.ts'

const FRAME_BYTES = 65_536
/** Bad frames in a row that close a connection. */
const BAD_FRAMES = 20
const INVALID = { code: 'VALIDATION_ERROR' } as const

export const frames: ProtocolRule[] = [
  {
    number: '2.1',
    title: 'every frame has one reply with its id; typing has none',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const replies: string[] = []
      sockets.ann.onFrame = (frame) => {
        if (frame.type === 'ack' || frame.type === 'error') replies.push(frame.id ?? 'null')
      }
      const ids = [
        sockets.ann.send('message:send', { chatId, content: 'One' }),
        sockets.ann.send('presence:update', { status: 'online' }),
        sockets.ann.send('sync', { chats: {} }),
        sockets.ann.send('message:read', { chatId, seq: 1 }),
        sockets.ann.send('ping', {}),
      ]
      sockets.ann.send('typing:start', { chatId })
      sockets.ann.send('typing:stop', { chatId })
      for (const id of ids) await sockets.ann.reply(id)
      const last = sockets.ann.send('ping', {})
      await sockets.ann.reply(last)
      same(replies.toSorted(), [...ids, last].toSorted(), 'The replies')
      same(replies.at(-1), last, 'The last reply')
    },
  },
  {
    number: '2.2',
    title: 'ping is answered with the time',
    async run(context) {
      const { ann } = await context.cast()
      const socket = await ann.connect()
      const { serverTime } = await socket.ask('ping', {})
      claim(Math.abs(Date.parse(serverTime) - Date.now()) < 600_000, `serverTime is ${serverTime}`)
    },
  },
  {
    number: '2.3',
    title: 'what has no usable id is answered with the id null',
    async run(context) {
      const { ann } = await context.cast()
      const socket = await ann.connect()
      const texts = [
        ...['', '{', 'null', '[]', '"ping"', '12', '{"type":"ping"}'],
        '{"type":"ping","id":7,"data":{}}',
        '{"type":"ping","id":"","data":{}}',
        JSON.stringify({ type: 'ping', id: 'x'.repeat(65), data: {} }),
      ]
      for (const text of texts) await isBad(socket, text, null)
    },
  },
  {
    number: '2.4',
    title: 'a frame that is not of its schema is refused, and the field named',
    async run(context) {
      const { ann } = await context.cast()
      const socket = await ann.connect()
      const chatId = context.messageId()
      const bad = [
        [{ type: 'message:shout', data: {} }, 'type'],
        [{ data: {} }, 'type'],
        [{ type: 'ping' }, 'data'],
        [{ type: 'ping', data: [] }, 'data'],
        [{ type: 'ping', data: {}, extra: 1 }, 'extra'],
        [{ type: 'ping', data: { extra: 1 } }, 'data.extra'],
        [{ type: 'message:send', data: { content: 'x' } }, 'data.chatId'],
        [{ type: 'message:send', data: { chatId, content: 7 } }, 'data.content'],
        [{ type: 'message:send', data: { chatId: 'here', content: 'x' } }, 'data.chatId'],
        [{ type: 'message:edit', data: { messageId: chatId } }, 'data.content'],
        [{ type: 'message:read', data: { chatId, seq: -1 } }, 'data.seq'],
        [{ type: 'message:read', data: { chatId, seq: 1.5 } }, 'data.seq'],
        [{ type: 'sync', data: { chats: { here: 1 } } }, 'data.chats.here'],
        [{ type: 'presence:update', data: { status: 'asleep' } }, 'data.status'],
        [{ type: 'auth', data: { token: 5 } }, 'data.token'],
      ] as const
      for (const [index, [frame, field]] of bad.entries()) {
        const id = `bad-${index}`
        const { details } = await isBad(socket, JSON.stringify({ id, ...frame }), id)
        claim(
          details.some((detail) => detail.field === field),
          `The refusal of ${JSON.stringify(frame)} does not name ${field}: ${JSON.stringify(details)}`,
        )
        if (index % 5 === 4) await socket.settled()
      }
    },
  },
  {
    number: '2.5',
    title: 'a binary frame is refused',
    async run(context) {
      const { ann } = await context.cast()
      const socket = await ann.connect()
      socket.sendBytes(new TextEncoder().encode('{"type":"ping","id":"1","data":{}}'))
      same((await errorTo(socket, null)).code, 'VALIDATION_ERROR', 'The error')
      await socket.settled()
    },
  },
  {
    number: '2.6',
    title: 'only a stream of bad frames closes, with 4400',
    async run(context) {
      const { ann } = await context.cast()
      const patient = await ann.connect()
      for (let round = 0; round < 3; round += 1) {
        for (let count = 1; count < BAD_FRAMES; count += 1) patient.sendText('nonsense')
        await patient.settled()
      }
      const hasty = await ann.connect()
      for (let count = 0; count < BAD_FRAMES; count += 1) hasty.sendText('nonsense')
      same((await hasty.closed).code, 4400, 'The close code after a stream of bad frames')
      await patient.settled()
    },
  },
  {
    number: '2.7',
    title: 'a frame of 64 KiB is taken, one byte more closes with 1009',
    async run(context) {
      const { ann } = await context.cast()
      const socket = await ann.connect()
      const frame = JSON.stringify({ type: 'ping', id: 'padded', data: {} })
      socket.sendText(frame.padEnd(FRAME_BYTES))
      await socket.reply('padded')
      socket.sendText(frame.padEnd(FRAME_BYTES + 1))
      same((await socket.closed).code, 1009, 'The close code')
      const huge = await ann.connect()
      huge.sendText(frame.padEnd(1_048_576))
      same((await huge.closed).code, 1009, 'The close code of a frame of 1 MiB')
    },
  },
  {
    number: '2.8',
    title: '__proto__, deep nesting and huge numbers do no harm',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const nested = '['.repeat(10_000) + ']'.repeat(10_000)
      const frameOf = (id: string, data: string) => `{"type":"message:send","id":"${id}","data":${data}}`
      const withMetadata = (id: string, metadata: string) =>
        frameOf(id, `{"chatId":"${chatId}","content":"x","metadata":${metadata}}`)
      const texts = {
        proto: frameOf('proto', `{"chatId":"${chatId}","content":"x","__proto__":{"isAdmin":true}}`),
        constructor: frameOf('constructor', `{"chatId":"${chatId}","content":"x","constructor":{}}`),
        metaproto: withMetadata('metaproto', '{"__proto__":{"polluted":true}}'),
        deep: withMetadata('deep', `{"deep":${nested}}`),
        number: withMetadata('number', '{"n":1e999}'),
        digits: frameOf('digits', `{"chatId":"${chatId}","content":"x","replyToId":${'9'.repeat(2_000)}}`),
        nested: frameOf('nested', nested),
      }
      for (const [id, text] of Object.entries(texts)) {
        sockets.ann.sendText(text)
        const reply = await sockets.ann.reply(id)
        const isFine = reply.type === 'ack' || reply.error.code === 'VALIDATION_ERROR'
        claim(isFine, `${id} was answered with ${JSON.stringify(reply)}`)
      }
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'Still here' })
      claim(message.metadata === null, 'A later message has metadata of another')
    },
  },
  {
    number: '2.9',
    title: 'U+0000 and half of a surrogate pair are refused',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      for (const content of ['a\u0000b', 'a\ud800b', '\udc00']) {
        await sockets.ann.refused('message:send', { chatId, content }, { ...INVALID, field: 'data.content' })
        await sockets.ann.refused(
          'message:send',
          { chatId, content: 'x', metadata: { key: content } },
          INVALID,
        )
        await sockets.ann.refused(
          'message:send',
          { chatId, content: 'x', metadata: { [content]: 1 } },
          INVALID,
        )
        await sockets.ann.settled()
      }
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'whole \u{1f600}' })
      same(message.content, 'whole \u{1f600}', 'A whole pair')
    },
  },
  {
    number: '2.10',
    title: 'ids in upper case are folded to lower case',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const id = context.messageId()
      const data = { chatId: chatId.toUpperCase(), id: id.toUpperCase(), content: 'Loud' }
      const { message } = await sockets.ann.ask('message:send', data)
      same([message.id, message.chatId], [id, chatId], 'The ids')
      const again = await sockets.ann.ask('message:send', { chatId, id, content: 'Loud' })
      same(again.replayed, true, 'replayed, of the same id in lower case')
    },
  },
  {
    number: '2.11',
    title: 'commands of one connection are done in the order in which they were sent',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const messageId = context.messageId()
      const ids = [
        sockets.ann.send('message:send', { chatId, id: messageId, content: 'First' }),
        sockets.ann.send('reaction:add', { messageId, chatId, emoji: '👍' }),
        sockets.ann.send('message:edit', { messageId, chatId, content: 'Second' }),
        sockets.ann.send('message:send', { chatId, content: 'Third' }),
        sockets.ann.send('message:delete', { messageId, chatId }),
      ]
      const seqs: number[] = []
      for (const id of ids) {
        const reply = await sockets.ann.reply(id)
        claim(reply.type === 'ack' && 'seq' in reply.data, `${id} was answered with ${JSON.stringify(reply)}`)
        seqs.push(reply.data.seq)
      }
      const first = present(seqs[0], 'The first seq')
      same(
        seqs,
        [0, 1, 2, 3, 4].map((step) => first + step),
        'The numbers of the five changes',
      )
    },
  },
  {
    number: '2.14',
    title: 'every error says code, message, details, time and request id',
    async run(context) {
      const { ann } = await context.cast()
      const socket = await ann.connect()
      const bySocket = await socket.refused('ping', { extra: 1 }, INVALID)
      const byRest = await ann.refused('GET /api/chats', { query: { limit: 'many' } }, INVALID)
      for (const error of [bySocket, byRest]) {
        claim(ErrorBody.strict().safeParse(error).success, `Not an error body: ${JSON.stringify(error)}`)
        claim(Math.abs(Date.parse(error.timestamp) - Date.now()) < 600_000, `timestamp is ${error.timestamp}`)
        claim(error.requestId.length > 0 && error.message.length > 0, 'requestId or message is empty')
        claim(error.details.length > 0, 'details are empty')
      }
    },
  },
]

async function isBad(socket: RawSocket, text: string, id: string | null): Promise<ErrorBody> {
  socket.sendText(text)
  const error = await errorTo(socket, id)
  claim(error.code === 'VALIDATION_ERROR', `${text} was refused as ${error.code}`)
  return error
}

async function errorTo(socket: RawSocket, id: string | null): Promise<ErrorBody> {
  const reply = await socket.reply(id)
  claim(reply.type === 'error', `${id} was done: ${JSON.stringify(reply)}`)
  return reply.error
}
