import { claim, same } from '../claims.ts'
import type { ProtocolRule } from '../rule.ts'

const EMOJI_PER_MESSAGE = 20

export const reactions: ProtocolRule[] = [
  {
    number: '4.1',
    title: 'a reaction is heard by all, with all reactions of the message',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { ann, ben } = people
      const { message, seq } = await sockets.ann.ask('message:send', { chatId, content: 'Like it?' })
      const named = { messageId: message.id, chatId }
      const steps = [
        ['reaction:add', ben, '👍', [{ emoji: '👍', count: 1, users: [ben.id] }]],
        ['reaction:add', ann, '👍', [{ emoji: '👍', count: 2, users: [ben.id, ann.id] }]],
        ['reaction:remove', ben, '👍', [{ emoji: '👍', count: 1, users: [ann.id] }]],
        ['reaction:remove', ann, '👍', []],
      ] as const
      for (const [index, [type, person, emoji, left]] of steps.entries()) {
        const ack = await (person === ann ? sockets.ann : sockets.ben).ask(type, { ...named, emoji })
        same(ack.seq, seq + 1 + index, 'The seq')
        for (const socket of [sockets.ann, sockets.ben]) {
          const event = await socket.event(
            type === 'reaction:add' ? 'reaction:added' : 'reaction:removed',
            chatId,
          )
          const data = { messageId: message.id, emoji, userId: person.id, reactions: left }
          same([event.seq, event.data], [ack.seq, data], `The event of step ${index + 1}`)
        }
      }
      const [stored] = await people.ben.history(chatId)
      same([stored?.reactions, stored?.changedSeq], [[], seq + 4], 'The stored reactions and changedSeq')
    },
  },
  {
    number: '4.2',
    title: 'reactions are a set: the same again is no change',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const { message, seq } = await sockets.ann.ask('message:send', { chatId, content: 'Once' })
      const named = { messageId: message.id, chatId, emoji: '🎉' }
      same((await sockets.ben.ask('reaction:remove', named)).seq, seq, 'Removing what is not there')
      same((await sockets.ben.ask('reaction:add', named)).seq, seq + 1, 'Adding')
      same((await sockets.ben.ask('reaction:add', named)).seq, seq + 1, 'Adding again')
      same((await sockets.ben.ask('reaction:remove', named)).seq, seq + 2, 'Removing')
      same((await sockets.ben.ask('reaction:remove', named)).seq, seq + 2, 'Removing again')
    },
  },
  {
    number: '4.3',
    title: 'a message has at most 20 distinct emoji',
    async run(context) {
      const { chatId, sockets } = await context.gather('ann', 'ben')
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'All of them' })
      const named = { messageId: message.id, chatId }
      for (let index = 0; index < EMOJI_PER_MESSAGE; index += 1) {
        await sockets.ben.ask('reaction:add', { ...named, emoji: `:e${index}:` })
      }
      const conflict = { code: 'CONFLICT', field: 'emoji' } as const
      await sockets.ben.refused('reaction:add', { ...named, emoji: ':more:' }, conflict)
      await sockets.ann.ask('reaction:add', { ...named, emoji: ':e7:' })
      await sockets.ben.ask('reaction:remove', { ...named, emoji: ':e0:' })
      await sockets.ben.ask('reaction:add', { ...named, emoji: ':more:' })
    },
  },
  {
    number: '4.4',
    title: 'reactions by REST are heard like those by socket',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { message, seq } = await sockets.ann.ask('message:send', { chatId, content: 'By REST' })
      const params = { id: message.id }
      const added = await people.ben.call('POST /api/messages/:id/reactions', {
        params,
        body: { emoji: '👍🏽' },
      })
      same(added, { seq: seq + 1 }, 'The answer')
      for (const socket of [sockets.ann, sockets.ben]) {
        const { data } = await socket.event('reaction:added', chatId)
        same([data.emoji, data.userId], ['👍🏽', people.ben.id], 'reaction:added')
      }
      const removal = { params: { ...params, emoji: '👍🏽' } }
      const removed = await people.ben.call('DELETE /api/messages/:id/reactions/:emoji', removal)
      same(removed, { seq: seq + 2 }, 'The answer to the removal')
      for (const socket of [sockets.ann, sockets.ben]) {
        same((await socket.event('reaction:removed', chatId)).data.reactions, [], 'The reactions left')
      }
    },
  },
  {
    number: '4.5',
    title: 'what cannot be seen cannot be reacted to, nor by nothing',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'Here' })
      const named = { messageId: message.id, chatId }
      const missing = { chatId, messageId: context.messageId(), emoji: '👍' }
      await sockets.ben.refused('reaction:add', missing, { code: 'NOT_FOUND', field: 'messageId' })
      const outsider = { params: { id: message.id }, body: { emoji: '👍' } }
      await people.dan.refused('POST /api/messages/:id/reactions', outsider, { code: 'NOT_FOUND' })
      for (const emoji of ['', '   ', 'x'.repeat(33), '\u0000', 7, undefined]) {
        const expected = { code: 'VALIDATION_ERROR', field: 'data.emoji' } as const
        await sockets.ben.refused('reaction:add', { ...named, emoji }, expected)
      }
      const [stored] = await people.ben.history(chatId)
      claim(stored?.reactions.length === 0, 'A refused reaction was stored')
    },
  },
]
