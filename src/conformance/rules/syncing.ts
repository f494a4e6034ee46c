import type { z } from 'zod'
import type { ChangeSet } from '../../protocol/model.ts'
import { claim, same } from '../claims.ts'
import type { RawSocket } from '../raw-socket.ts'
import type { ProtocolRule } from '../rule.ts'

const CHANGES_MOST = 500
const SYNC_CHATS = 1_000

/** What `sync` answers. */
export const syncing: ProtocolRule[] = [
  {
    number: '7.1',
    title: 'a chat named below its head is answered with a batch from there',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const sent = []
      for (const content of ['One', 'Two', 'Three']) {
        sent.push((await sockets.ann.ask('message:send', { chatId, content })).message)
      }
      const resumed = await people.ben.connect()
      await resumed.ask('sync', { chats: { [chatId]: 2 } })
      const batch = await resumed.batch(chatId)
      same([batch.from, batch.to], [2, 4], 'from and to')
      same(batch.messages, sent.slice(1), 'The messages')
      same(
        [batch.chat, batch.participants],
        [null, []],
        'The chat and the participants, which did not change',
      )
    },
  },
  {
    number: '7.2',
    title: 'a chat that is not named is answered with its head',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { seq } = await sockets.ann.ask('message:send', { chatId, content: 'Unknown to Ben' })
      const socket = await people.ben.connect()
      await socket.ask('sync', { chats: {} })
      same(await socket.reset(chatId), { chatId, head: seq }, 'The reset')
    },
  },
  {
    number: '7.3',
    title: 'a chat named at its head is answered with nothing',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { seq } = await sockets.ann.ask('message:send', { chatId, content: 'Known to Ben' })
      const socket = await people.ben.connect()
      const { chats } = await socket.ask('sync', { chats: { [chatId]: seq } })
      same(chats[chatId], seq, 'The head in the ack')
      same(socket.about(chatId), [], 'What was heard')
    },
  },
  {
    number: '7.4',
    title: 'the ack follows all batches and resets, with every head',
    async run(context) {
      const stranger = await context.stranger()
      const { ann } = await context.cast()
      const chats = [
        await context.group([stranger, ann]),
        await context.group([stranger]),
        await context.group([stranger, ann]),
      ]
      const [behind = '', atHead = '', unnamed = ''] = chats
      const socket = await stranger.connect()
      const { seq } = await socket.ask('message:send', { chatId: behind, content: 'One more' })
      const order: string[] = []
      const resumed = await stranger.connect()
      resumed.onFrame = ({ type }) => {
        if (type !== 'user:status') order.push(type)
      }
      const { logId, chats: heads } = await resumed.ask('sync', { chats: { [behind]: 1, [atHead]: 1 } })
      same(order.toSorted(), ['ack', 'sync:batch', 'sync:reset'], 'What was heard')
      same(order.at(-1), 'ack', 'What was heard last')
      same(heads, { [behind]: seq, [atHead]: 1, [unnamed]: 1 }, 'The heads')
      claim(logId.length > 0, 'logId is empty')
    },
  },
  {
    number: '7.5',
    title: 'a message that changed while the client was away is right after one batch',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { ann } = sockets
      const send = async (content: string) => (await ann.ask('message:send', { chatId, content })).message.id
      const [wrong, gone, liked, quiet] = [
        await send('Wrogn'),
        await send('Gone'),
        await send('Liked'),
        await send('-'),
      ]
      const applied = 5
      sockets.ben.close()
      await ann.ask('message:edit', { chatId, messageId: wrong, content: 'Wrong' })
      await ann.ask('reaction:add', { chatId, messageId: wrong, emoji: '👍' })
      await ann.ask('message:edit', { chatId, messageId: wrong, content: 'Right' })
      await ann.ask('message:delete', { chatId, messageId: gone })
      await ann.ask('reaction:add', { chatId, messageId: liked, emoji: '🎉' })
      const late = await send('Late')
      const { seq: head } = await ann.ask('message:edit', { chatId, messageId: late, content: 'Later' })
      const resumed = await people.ben.connect()
      await resumed.ask('sync', { chats: { [chatId]: applied } })
      const batch = await resumed.batch(chatId)
      same([batch.from, batch.to], [applied, head], 'from and to')
      same(
        batch.messages.map(({ id }) => id),
        [wrong, gone, liked, late],
        'The rows, each once, by seq',
      )
      const stored = await people.ben.history(chatId)
      same(
        batch.messages,
        stored.filter(({ id }) => id !== quiet),
        'The rows, against a fresh read',
      )
      const [first, second, third] = batch.messages
      same(
        [first?.content, first?.reactions.length, first?.isEdited],
        ['Right', 1, true],
        'The wrong message',
      )
      same([second?.isDeleted, second?.content, third?.reactions[0]?.emoji], [true, '', '🎉'], 'The others')
    },
  },
  {
    number: '7.6',
    title: "a chat that is not the user's is answered with head 0",
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const deleted = await context.group([people.ann, people.ben])
      // Who has not heard of it yet when it is deleted, is told that it is not his.
      await sockets.ben.batch(deleted)
      const socket = await people.dan.connect()
      const unknown = context.messageId()
      await socket.ask('sync', { chats: { [chatId]: 1, [unknown]: 7 } })
      for (const id of [chatId, unknown]) same(await socket.reset(id), { chatId: id, head: 0 }, 'The reset')
      await people.ann.call('DELETE /api/chats/:id', { params: { id: deleted } })
      await sockets.ben.event('chat:deleted', deleted)
      const resumed = await people.ben.connect()
      const { chats } = await resumed.ask('sync', { chats: { [deleted]: 1 } })
      same(await resumed.reset(deleted), { chatId: deleted, head: 0 }, 'The reset of a deleted chat')
      same(Object.hasOwn(chats, deleted), false, 'Whether the heads name the deleted chat')
    },
  },
  {
    number: '7.7',
    title: 'a seq past the head, or another history, is answered with the true head',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { seq } = await sockets.ann.ask('message:send', { chatId, content: 'The last' })
      const ahead = await people.ben.connect()
      await ahead.ask('sync', { chats: { [chatId]: seq + 5 } })
      same(await ahead.reset(chatId), { chatId, head: seq }, 'The reset of a client that is ahead')
      const foreign = await people.ben.connect()
      await foreign.ask('sync', { logId: 'another history', chats: { [chatId]: seq } })
      same(await foreign.reset(chatId), { chatId, head: seq }, 'The reset of another history')
      const own = people.ben.open({ headers: { Authorization: `Bearer ${await people.ben.token()}` } })
      const { logId } = await own.hello()
      same(
        (await own.ask('sync', { logId, chats: { [chatId]: seq } })).logId,
        logId,
        'logId in hello and ack',
      )
      same(own.about(chatId), [], 'What was heard of a chat at its head')
    },
  },
  {
    number: '7.8',
    title: 'more than 500 changed rows are answered with a reset',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const senders = [sockets.ann, sockets.ben, sockets.cleo]
      await Promise.all(senders.map((socket) => sendMany(socket, chatId, Math.ceil(CHANGES_MOST / 3) + 1)))
      const { chat } = await people.ann.call('GET /api/chats/:id', { params: { id: chatId } })
      const socket = await people.ben.connect()
      await socket.ask('sync', { chats: { [chatId]: 1 } })
      same(await socket.reset(chatId), { chatId, head: chat.seq }, 'The reset')
      const less = await people.ben.connect()
      await less.ask('sync', { chats: { [chatId]: chat.seq - 400 } })
      same((await less.batch(chatId)).messages.length, 400, 'The rows of a batch')
      const params = { id: chatId }
      const changes = await people.ben.call('GET /api/chats/:id/changes', { params, query: { since: 1 } })
      same([changes.reset, changes.head], [true, chat.seq], 'reset and head by REST')
    },
  },
  {
    number: '7.9',
    title: 'events after a batch continue where it ends, though the chat was written to meanwhile',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      let isDone = false
      const writing = (async () => {
        for (let count = 0; !isDone; count += 1) {
          await sockets.ann.ask('message:send', { chatId, content: `Meanwhile ${count}` })
        }
      })()
      for (let round = 0; round < 5; round += 1) {
        const socket = await people.ben.connect()
        let applied = 1
        const faults: string[] = []
        socket.onFrame = (frame) => {
          if (frame.type === 'sync:batch' && frame.data.chatId === chatId) applied = frame.data.to
          else if ('seq' in frame && frame.chatId === chatId && applied > 1) {
            if (frame.seq !== applied + 1) faults.push(`${frame.seq} after ${applied}`)
            applied = frame.seq
          }
        }
        await socket.ask('sync', { chats: { [chatId]: 1 } })
        await socket.event('message:new', chatId)
        await socket.settled()
        same(faults, [], 'Holes and doubles')
      }
      isDone = true
      await writing
    },
  },
  {
    number: '7.10',
    title: 'who was removed while away gets the own participant and nothing else',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { ann, cleo } = people
      const params = { id: chatId }
      await ann.call('POST /api/chats/:id/participants', { params, body: { userIds: [cleo.id] } })
      await sockets.ann.ask('message:send', { chatId, content: 'With Cleo' })
      const removal = { params: { ...params, userId: cleo.id } }
      const { seq } = await ann.call('DELETE /api/chats/:id/participants/:userId', removal)
      await sockets.ann.ask('message:send', { chatId, content: 'Without Cleo' })
      const socket = await cleo.connect()
      const { chats } = await socket.ask('sync', { chats: { [chatId]: 2 } })
      const batch = await socket.batch(chatId)
      same([batch.to, batch.messages, batch.chat, batch.me], [seq, [], null, null], 'The batch')
      same(
        batch.participants.map((it) => [it.userId, it.leftSeq]),
        [[cleo.id, seq]],
        'The participants',
      )
      same(Object.hasOwn(chats, chatId), false, 'Whether the heads name the chat')
    },
  },
  {
    number: '7.13',
    title: 'changes by REST are the same as a batch',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const { ann, ben } = people
      const params = { id: chatId }
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'One' })
      await sockets.ben.ask('reaction:add', { chatId, messageId: message.id, emoji: '👍' })
      await sockets.ben.ask('message:read', { chatId, seq: 3 })
      await ann.call('PUT /api/chats/:id', { params, body: { name: 'Renamed' } })
      for (const since of [0, 1, 3]) {
        const socket = await ben.connect()
        await socket.ask('sync', { chats: { [chatId]: since } })
        const batch = await socket.batch(chatId)
        const changes = await ben.call('GET /api/chats/:id/changes', { params, query: { since } })
        const { head, more, reset, ...rest } = changes
        same([head, more, reset], [batch.to, false, false], 'head, more and reset')
        same(comparable(rest), comparable(batch), `The changes since ${since}`)
      }
      const none = await ben.call('GET /api/chats/:id/changes', { params, query: { since: 5 } })
      same(
        [none.from, none.to, none.messages, none.participants],
        [5, 5, [], []],
        'The changes since the head',
      )
      const ahead = await ben.call('GET /api/chats/:id/changes', { params, query: { since: 99 } })
      same([ahead.reset, ahead.head], [true, 5], 'The changes since a seq past the head')
      const outsider = { params, query: { since: 0 } }
      await people.dan.refused('GET /api/chats/:id/changes', outsider, { code: 'NOT_FOUND' })
    },
  },
  {
    number: '7.15',
    title: 'a frame names at most 1,000 chats',
    async run(context) {
      const { ann } = await context.cast()
      const socket = await ann.connect()
      const named = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, () => [context.messageId(), 1]))
      const expected = { code: 'VALIDATION_ERROR', field: 'data.chats' } as const
      await socket.refused('sync', { chats: named(SYNC_CHATS + 1) }, expected)
      await socket.ask('sync', { chats: named(SYNC_CHATS) })
    },
  },
]

async function sendMany(socket: RawSocket, chatId: string, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += 20) {
    const wave = Array.from({ length: Math.min(20, count - sent) }, (_, index) =>
      socket.ask('message:send', { chatId, content: `Number ${sent + index}` }),
    )
    await Promise.all(wave)
  }
}

/** Presence is no part of what changed: it may be another a moment later. */
function comparable({ participants, ...rest }: z.infer<typeof ChangeSet>) {
  return { ...rest, participants: participants.map(({ user: _, ...it }) => it) }
}
