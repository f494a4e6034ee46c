import type { ChatEventType } from '../../protocol/events.ts'
import { claim, same } from '../claims.ts'
import type { Person } from '../person.ts'
import type { RawSocket } from '../raw-socket.ts'
import type { ProtocolRule } from '../rule.ts'

const needs = 'admin'

/** openSession opens a session of the customer's, and answers its id. */
export async function openSession(customer: Person, body: object = { subject: 'Help' }): Promise<string> {
  return (await customer.call('POST /api/sessions', { body })).chat.id
}

/** How a session comes to somebody and goes. */
export const sessions: ProtocolRule[] = [
  {
    needs,
    number: '16.1',
    title: 'a session that a customer opens waits, and is opened once for each externalId',
    async run(context) {
      const { ann, dan } = await context.cast()
      const body = { subject: 'Late', externalId: context.fresh('order'), metadata: { order: 7 } }
      const { chat, seq, replayed } = await ann.call('POST /api/sessions', { body })
      same(
        [chat.kind, chat.status, chat.ownerId, chat.subject],
        ['session', 'waiting', ann.id, 'Late'],
        'The session',
      )
      same(
        [chat.session?.externalId, chat.session?.metadata, replayed],
        [body.externalId, { order: 7 }, false],
        'It',
      )
      const again = await ann.answer('POST /api/sessions', { body })
      same([again.status, again.data.chat.id, again.data.seq], [200, chat.id, seq], 'The answer to a retry')
      same((await dan.answer('POST /api/sessions', { body })).status, 201, "The status of another's")
      const [message] = await ann.history(chat.id)
      same([message?.contentType, message?.senderId], ['system', ann.id], 'The message of the service')
    },
  },
  {
    needs,
    number: '16.2',
    title: 'an agent accepts a session; all in it hear who came, that it was accepted, and a message',
    async run(context) {
      const [{ ann }, { agent }] = [await context.cast(), await context.staff()]
      const chatId = await openSession(ann)
      const [byAnn, byAgent] = [await ann.connect(), await agent.connect()]
      const { chat, seq } = await byAgent.ask('session:accept', { chatId })
      same([chat.status, chat.assigneeId, chat.session?.queuedAt], ['active', agent.id, null], 'The session')
      await hears(byAnn, chatId, ['participant:joined', 'session:accepted', 'message:new'], seq)
      same((await byAgent.batch(chatId)).to, seq, 'Up to where the agent reads it')
      await byAgent.ask('message:send', { chatId, content: 'Hello' })
      same(
        (await byAnn.event('message:new', chatId)).data.message.content,
        'Hello',
        'What the customer hears',
      )
    },
  },
  {
    needs,
    number: '16.3',
    title: 'of many who accept a session one has it, and the others hear who',
    async run(context) {
      const [{ ann }, { agent, other }] = [await context.cast(), await context.staff()]
      const chatId = await openSession(ann)
      const tries = [agent, other, agent, other].map(async (person) => {
        const token = await person.token()
        return context.rest.send('POST /api/sessions/:id/accept', { params: { id: chatId }, token })
      })
      const statuses = (await Promise.all(tries)).map(({ status }) => status)
      same(statuses.toSorted(), [200, 200, 409, 409], 'The statuses of two agents who try twice each')
      const [winner, loser] = statuses[0] === 200 ? [agent, other] : [other, agent]
      const expected = { code: 'CONFLICT', field: 'assigneeId' } as const
      const { message } = await (await loser.connect()).refused('session:accept', { chatId }, expected)
      claim(message.includes(winner.id), `The refusal does not name the winner: ${message}`)
    },
  },
  {
    needs,
    number: '16.4',
    title: 'a session goes to another professional, and the first hears nothing after it',
    async run(context) {
      const [{ ann }, { agent, other }] = [await context.cast(), await context.staff()]
      const chatId = await accepted(ann, agent)
      const [byAnn, byAgent, byOther] = [await ann.connect(), await agent.connect(), await other.connect()]
      const { chat, seq } = await byAgent.ask('session:transfer', { chatId, userId: other.id })
      same([chat.status, chat.assigneeId], ['active', other.id], 'The session')
      const told = ['participant:joined', 'session:transferred', 'message:new', 'participant:left'] as const
      await hears(byAnn, chatId, told, seq)
      await hears(byAgent, chatId, told, seq)
      await byOther.batch(chatId)
      await byOther.ask('message:send', { chatId, content: 'I have it now' })
      await byAnn.event('message:new', chatId)
      await byAgent.settled()
      same(byAgent.about(chatId), [], 'What the first agent hears')
      await byAgent.refused('message:send', { chatId, content: 'Wait' }, { code: 'NOT_FOUND' })
    },
  },
  {
    needs,
    number: '16.5',
    title: 'a session that goes to a team waits in its queue, which its agents alone see and take from',
    async run(context) {
      const [{ ann }, { agent, other }] = [await context.cast(), await context.staff()]
      const team = context.fresh('team')
      const chatId = await accepted(ann, agent)
      const request = { params: { id: chatId }, body: { team } }
      const { chat } = await agent.call('POST /api/sessions/:id/transfer', request)
      same([chat.status, chat.assigneeId, chat.session?.team], ['waiting', null, team], 'The session')
      await agent.refused('POST /api/sessions/:id/accept', { params: { id: chatId } }, { code: 'FORBIDDEN' })
      const query = { status: 'waiting', team }
      same((await agent.call('GET /api/sessions', { query })).data, [], 'What others see of the queue')
      await context.asAdmin('PUT /api/admin/agents/:id', {
        params: { id: other.id },
        body: { teams: [team] },
      })
      const [listed] = (await other.call('GET /api/sessions', { query })).data
      same([listed?.id, listed?.customer?.id], [chatId, ann.id], 'What the team sees of it')
      await other.call('POST /api/sessions/:id/accept', { params: { id: chatId } })
    },
  },
  {
    needs,
    number: '16.6',
    title: 'a session is given back to the queue',
    async run(context) {
      const [{ ann }, { agent, other }] = [await context.cast(), await context.staff()]
      const chatId = await accepted(ann, agent)
      const [byAnn, byAgent] = [await ann.connect(), await agent.connect()]
      const { chat, seq } = await byAgent.ask('session:release', { chatId })
      claim(chat.status === 'waiting' && chat.session?.queuedAt, 'A session that was released does not wait')
      await hears(byAnn, chatId, ['session:queued', 'message:new', 'participant:left'], seq)
      await other.call('POST /api/sessions/:id/accept', { params: { id: chatId } })
    },
  },
  {
    needs,
    number: '16.7',
    title: 'a closed session is read as before, and refuses messages with CONFLICT',
    async run(context) {
      const [{ ann }, { agent }] = [await context.cast(), await context.staff()]
      const chatId = await accepted(ann, agent)
      const [byAnn, byAgent] = [await ann.connect(), await agent.connect()]
      const { chat, seq } = await byAnn.ask('session:close', { chatId, reason: 'Solved' })
      same(
        [chat.status, chat.assigneeId, chat.session?.closeReason],
        ['closed', agent.id, 'Solved'],
        'The session',
      )
      await hears(byAgent, chatId, ['session:closed', 'message:new'], seq)
      await byAgent.refused('message:send', { chatId, content: 'One more' }, { code: 'CONFLICT' })
      await byAnn.refused('session:accept', { chatId }, { code: 'FORBIDDEN' })
      same((await byAgent.ask('session:close', { chatId })).seq, seq, 'The seq of a second close')
      claim((await agent.history(chatId)).length === 3, 'The history of a closed session is not what it was')
      await ann.call('POST /api/chats/:id/read', { params: { id: chatId }, body: { seq } })
    },
  },
  {
    needs,
    number: '16.8',
    title:
      'a session is reopened by its agent as his, by the customer into the queue, with a dentist as it was',
    async run(context) {
      const [{ ann }, { agent, dentist }] = [await context.cast(), await context.staff()]
      const chatId = await accepted(ann, agent)
      const byAnn = await ann.connect()
      const params = { id: chatId }
      await agent.call('POST /api/sessions/:id/close', { params })
      const { chat, seq } = await agent.call('POST /api/sessions/:id/reopen', { params })
      same([chat.status, chat.assigneeId], ['active', agent.id], 'What its agent reopens')
      await byAnn.event('session:closed', chatId)
      same((await byAnn.event('session:reopened', chatId)).seq, seq - 1, 'The seq of session:reopened')
      await byAnn.ask('session:close', { chatId })
      const waiting = await byAnn.ask('session:reopen', { chatId })
      same([waiting.chat.status, waiting.chat.assigneeId], ['waiting', null], 'What its customer reopens')
      const direct = await openSession(ann, { assigneeId: dentist.id })
      await byAnn.ask('session:close', { chatId: direct })
      const again = await byAnn.ask('session:reopen', { chatId: direct })
      same([again.chat.status, again.chat.assigneeId], ['active', dentist.id], 'What is with a dentist')
    },
  },
  {
    needs,
    number: '16.9',
    title: 'session:waiting tells available agents, and nobody else, what comes into the queue and leaves it',
    async run(context) {
      const [{ ann }, { agent, other }] = [await context.cast(), await context.staff()]
      await other.call('PUT /api/agents/me', { body: { availability: 'away' } })
      const [byAnn, byAgent, byOther] = [await ann.connect(), await agent.connect(), await other.connect()]
      const chatId = await openSession(ann)
      const isIt = (status: string) => (data: { chat: { id: string; status: string | null } }) =>
        data.chat.id === chatId && data.chat.status === status
      const told = await byAgent.signal('session:waiting', isIt('waiting'))
      same(told.customer?.id, ann.id, 'The customer of the signal')
      await byAgent.ask('session:accept', { chatId })
      await byAgent.signal('session:waiting', isIt('active'))
      for (const socket of [byAnn, byOther]) {
        await socket.settled()
        same(
          socket.unheard.filter(({ type }) => type === 'session:waiting'),
          [],
          'What others are told',
        )
      }
      await other.call('PUT /api/agents/me', { body: { availability: 'available' } })
    },
  },
]

/** A session of the customer's that the agent has accepted. */
export async function accepted(customer: Person, agent: Person): Promise<string> {
  const id = await openSession(customer)
  await agent.call('POST /api/sessions/:id/accept', { params: { id } })
  return id
}

/** The socket hears these, one after another, the last of them at `last`. */
async function hears(
  socket: RawSocket,
  chatId: string,
  types: readonly ChatEventType[],
  last: number,
): Promise<void> {
  for (const [index, type] of types.entries()) {
    const event = await socket.event(type, chatId)
    same(event.seq, last - types.length + 1 + index, `The seq of ${type}`)
    if (event.type === 'message:new') same(event.data.message.contentType, 'system', 'The message')
  }
}
