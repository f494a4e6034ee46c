import { claim, present, same } from '../claims.ts'
import type { Context } from '../context.ts'
import type { Person } from '../person.ts'
import type { RawSocket } from '../raw-socket.ts'
import type { ProtocolRule } from '../rule.ts'

const NOT_FOUND = { code: 'NOT_FOUND' } as const

/** Who comes into a chat and goes, what they hear, and who may do it. */
export const membership: ProtocolRule[] = [
  {
    number: '7.11',
    title: 'who takes part from now on hears a batch from 0, and then events',
    async run(context) {
      const { ann, ben, cleo, dan } = await context.cast()
      const [byAnn, byBen, byCleo, byDan] = [
        await ann.connect(),
        await ben.connect(),
        await cleo.connect(),
        await dan.connect(),
      ]
      const slug = context.fresh('open')
      const chatId = await context.group([ann, ben], { slug, isOpen: true })
      for (const socket of [byAnn, byBen]) await beginsAt(socket, chatId, 1)
      const params = { id: chatId }
      await byBen.ask('message:send', { chatId, content: 'Before' })
      await ann.call('POST /api/chats/:id/participants', { params, body: { userIds: [cleo.id] } })
      same((await beginsAt(byCleo, chatId, 3)).messages.length, 1, 'The messages of the batch')
      await dan.call('POST /api/chats/:id/join', { params })
      await beginsAt(byDan, chatId, 4)
      const { seq } = await byBen.ask('message:send', { chatId, content: 'After' })
      for (const socket of [byAnn, byCleo, byDan]) {
        await socket.next(`seq ${seq}`, (it) =>
          it.type === 'message:new' && it.seq === seq ? it : undefined,
        )
      }
      const joined = [
        await byAnn.event('participant:joined', chatId),
        await byAnn.event('participant:joined', chatId),
      ]
      same(
        joined.map(({ data }) => data.participant.userId),
        [cleo.id, dan.id],
        'Who joined',
      )
    },
  },
  {
    number: '7.12',
    title: 'after a removal the removed user hears nothing of the chat',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const second = await people.cleo.connect()
      const params = { id: chatId, userId: people.cleo.id }
      const { seq } = await people.ann.call('DELETE /api/chats/:id/participants/:userId', { params })
      await sockets.ann.ask('message:send', { chatId, content: 'Not for Cleo' })
      sockets.ann.send('typing:start', { chatId })
      await sockets.ben.signal('typing', (data) => data.chatId === chatId)
      for (const socket of [sockets.cleo, second]) {
        const { seq: at, data } = await socket.event('participant:left', chatId)
        same([at, data], [seq, { userId: people.cleo.id, by: people.ann.id }], 'participant:left')
        await socket.settled()
        same(socket.about(chatId), [], 'What the removed user heard')
      }
      same((await sockets.ben.event('participant:left', chatId)).seq, seq, 'The seq that others heard')
    },
  },
  {
    number: '8.11',
    title: 'staff add participants, one change each',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { ann, ben, cleo, dan } = people
      const add = (userIds: string[]) => ({ params: { id: chatId }, body: { userIds } })
      await ben.refused('POST /api/chats/:id/participants', add([cleo.id]), { code: 'FORBIDDEN' })
      const ack = await ann.call('POST /api/chats/:id/participants', add([cleo.id, ben.id, dan.id]))
      same(ack.seq, 3, 'The seq')
      same(
        ack.participants.map(({ userId }) => userId).toSorted(),
        [ben.id, cleo.id, dan.id].toSorted(),
        'The answer',
      )
      for (const [index, person] of [cleo, dan].entries()) {
        const { seq, data } = await sockets.ben.event('participant:joined', chatId)
        const { userId, role, joinedSeq } = data.participant
        same(
          [userId, role, joinedSeq, seq],
          [person.id, 'member', 2 + index, 2 + index],
          'participant:joined',
        )
      }
      same(
        (await ann.call('POST /api/chats/:id/participants', add([cleo.id]))).seq,
        3,
        'The seq of no change',
      )
      const unknown = add([context.messageId()])
      await ann.refused('POST /api/chats/:id/participants', unknown, { ...NOT_FOUND, field: 'userIds' })
      await ann.refused('POST /api/chats/:id/participants', add([]), {
        code: 'VALIDATION_ERROR',
        field: 'userIds',
      })
      same(await headOf(ann, chatId), 3, 'The head')
    },
  },
  {
    number: '8.12',
    title: 'staff remove members, only the owner removes admins, nobody the owner',
    async run(context) {
      const { ann, ben, cleo, dan } = await context.cast()
      const chatId = await context.group([ann, ben, cleo, dan])
      const who = (person: Person) => ({ params: { id: chatId, userId: person.id } })
      for (const admin of [ben, cleo]) {
        await ann.call('PUT /api/chats/:id/participants/:userId', { ...who(admin), body: { role: 'admin' } })
      }
      const forbidden = { code: 'FORBIDDEN' } as const
      await dan.refused('DELETE /api/chats/:id/participants/:userId', who(ben), forbidden)
      await ben.refused('DELETE /api/chats/:id/participants/:userId', who(cleo), forbidden)
      await ben.refused('DELETE /api/chats/:id/participants/:userId', who(ann), forbidden)
      await ann.refused('DELETE /api/chats/:id/participants/:userId', who(ann), forbidden)
      await ben.call('DELETE /api/chats/:id/participants/:userId', who(dan))
      await ann.call('DELETE /api/chats/:id/participants/:userId', who(cleo))
      await ann.refused('DELETE /api/chats/:id/participants/:userId', who(cleo), NOT_FOUND)
    },
  },
  {
    number: '8.13',
    title: 'who left or was removed finds the chat gone',
    run: findsItGone,
  },
  {
    number: '8.14',
    title: 'who is added again hears the chat again, from 0',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const { ann, cleo } = people
      await cleo.call('POST /api/chats/:id/leave', { params: { id: chatId } })
      await sockets.cleo.event('participant:left', chatId)
      await sockets.ann.ask('message:send', { chatId, content: 'Meanwhile' })
      const body = { userIds: [cleo.id] }
      const { seq } = await ann.call('POST /api/chats/:id/participants', { params: { id: chatId }, body })
      const batch = await beginsAt(sockets.cleo, chatId, seq)
      const own = batch.participants.find(({ userId }) => userId === cleo.id)
      same([own?.joinedSeq, own?.leftSeq], [seq, null], 'The own participant')
      const { message } = await sockets.ann.ask('message:send', { chatId, content: 'Welcome back' })
      same((await sockets.cleo.event('message:new', chatId)).data.message, message, 'The next message')
      await sockets.cleo.ask('message:send', { chatId, content: 'Thanks' })
    },
  },
  {
    number: '8.15',
    title: 'the owner cannot leave while others are there',
    async run(context) {
      const { ann, ben } = await context.cast()
      const chatId = await context.group([ann, ben])
      const params = { id: chatId }
      await ann.refused('POST /api/chats/:id/leave', { params }, { code: 'CONFLICT' })
      await ben.call('POST /api/chats/:id/leave', { params })
      await ann.call('POST /api/chats/:id/leave', { params })
      await ann.refused('GET /api/chats/:id', { params }, NOT_FOUND)
    },
  },
  {
    number: '8.16',
    title: 'the owner makes admins and members, and keeps the own role',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const { ann, ben, cleo } = people
      const role = (person: Person, name: string) => ({
        params: { id: chatId, userId: person.id },
        body: { role: name },
      })
      const route = 'PUT /api/chats/:id/participants/:userId'
      await ben.refused(route, role(ben, 'admin'), { code: 'FORBIDDEN' })
      const { seq, participants } = await ann.call(route, role(ben, 'admin'))
      same([seq, participants[0]?.role], [2, 'admin'], 'The answer')
      const event = await sockets.cleo.event('participant:updated', chatId)
      same(
        [event.seq, event.data.participant.userId, event.data.participant.role],
        [2, ben.id, 'admin'],
        'The event',
      )
      same((await ann.call(route, role(ben, 'admin'))).seq, 2, 'The seq of no change')
      await ben.refused(route, role(cleo, 'admin'), { code: 'FORBIDDEN' })
      await ann.refused(route, role(ann, 'member'), { code: 'CONFLICT', field: 'role' })
      await ann.refused(route, role(cleo, 'owner'), { code: 'VALIDATION_ERROR', field: 'role' })
      await ann.refused(route, role(people.dan, 'admin'), { ...NOT_FOUND, field: 'userId' })
      await ann.call(route, role(ben, 'member'))
    },
  },
  {
    number: '8.17',
    title: 'the owner transfers the ownership, as one change',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const { ann, ben, dan } = people
      const to = (person: Person) => ({ params: { id: chatId }, body: { userId: person.id } })
      await ben.refused('PUT /api/chats/:id/owner', to(ben), { code: 'FORBIDDEN' })
      await ann.refused('PUT /api/chats/:id/owner', to(dan), NOT_FOUND)
      const { chat, seq } = await ann.call('PUT /api/chats/:id/owner', to(ben))
      same([chat.ownerId, seq], [ben.id, 2], 'The answer')
      const { data } = await sockets.cleo.event('chat:updated', chatId)
      const roles = Object.fromEntries(data.participants.map(({ userId, role }) => [userId, role]))
      same([data.chat.ownerId, roles], [ben.id, { [ann.id]: 'admin', [ben.id]: 'owner' }], 'The event')
      await ann.refused('PUT /api/chats/:id/owner', to(ann), { code: 'FORBIDDEN' })
      await ann.call('POST /api/chats/:id/leave', { params: { id: chatId } })
    },
  },
]

async function findsItGone(context: Context): Promise<void> {
  const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
  const { ann, ben, cleo } = people
  const { message } = await sockets.ann.ask('message:send', { chatId, content: context.fresh('secret') })
  await ben.call('POST /api/chats/:id/leave', { params: { id: chatId } })
  const removal = { params: { id: chatId, userId: cleo.id } }
  await ann.call('DELETE /api/chats/:id/participants/:userId', removal)
  const chat = { id: chatId }
  const named = { id: message.id }
  for (const person of [ben, cleo]) {
    await person.refused('GET /api/chats/:id', { params: chat }, NOT_FOUND)
    await person.refused('GET /api/chats/:id/messages', { params: chat }, NOT_FOUND)
    await person.refused('POST /api/chats/:id/messages', { params: chat, body: { content: 'x' } }, NOT_FOUND)
    await person.refused('POST /api/chats/:id/read', { params: chat, body: { seq: 1 } }, NOT_FOUND)
    await person.refused('PUT /api/chats/:id/mute', { params: chat, body: { until: null } }, NOT_FOUND)
    await person.refused('POST /api/chats/:id/leave', { params: chat }, NOT_FOUND)
    await person.refused('POST /api/chats/:id/join', { params: chat }, NOT_FOUND)
    await person.refused('GET /api/messages/:id', { params: named }, NOT_FOUND)
    await person.refused('PUT /api/messages/:id', { params: named, body: { content: 'x' } }, NOT_FOUND)
    await person.refused('DELETE /api/messages/:id', { params: named }, NOT_FOUND)
    await person.refused('GET /api/messages/:id/receipts', { params: named }, NOT_FOUND)
    const { data } = await person.call('GET /api/chats', { query: { limit: 100 } })
    claim(!data.some(({ id }) => id === chatId), 'The list of chats names it')
    const found = await person.call('GET /api/messages/search', { query: { q: message.content } })
    same(found.results, [], 'What search finds')
  }
}

async function beginsAt(socket: RawSocket, chatId: string, to: number) {
  const batch = await socket.batch(chatId)
  same([batch.from, batch.to], [0, to], 'from and to of the first batch')
  claim(batch.chat !== null && batch.me !== null, 'The first batch has no chat or no me')
  return { ...batch, chat: present(batch.chat, 'The chat') }
}

async function headOf(person: Person, chatId: string): Promise<number> {
  return (await person.call('GET /api/chats/:id', { params: { id: chatId } })).chat.seq
}
