import { claim, present, same } from '../claims.ts'
import type { ProtocolRule } from '../rule.ts'
import { accepted, openSession } from './sessions.ts'

const needs = 'admin'
const CANARY = 'Between us: be patient'

/** What may be seen and done in sessions, and by whom. */
export const sessionHistory: ProtocolRule[] = [
  {
    needs,
    number: '16.10',
    title: 'an agent has no more sessions than his capacity, however many he accepts at once',
    async run(context) {
      const { ann } = await context.cast()
      const agent = await context.professional('agent')
      await context.asAdmin('PUT /api/admin/agents/:id', { params: { id: agent.id }, body: { capacity: 2 } })
      const ids = await Promise.all([1, 2, 3, 4, 5].map(() => openSession(ann)))
      const token = await agent.token()
      const answers = await Promise.all(
        ids.map((id) => context.rest.send('POST /api/sessions/:id/accept', { params: { id }, token })),
      )
      same(answers.map(({ status }) => status).toSorted(), [200, 200, 409, 409, 409], 'The statuses')
      const mine = ids.filter((_, index) => answers[index]?.status === 200)
      const left = ids.filter((_, index) => answers[index]?.status === 409)
      await agent.call('POST /api/sessions/:id/close', { params: { id: present(mine[0], 'A session') } })
      await agent.call('POST /api/sessions/:id/accept', { params: { id: present(left[0], 'Another') } })
      same((await agent.call('GET /api/agents/me')).agent.sessions, 2, 'What the agent has')
    },
  },
  {
    needs,
    number: '16.11',
    title: 'notes are of the staff of a session: its customer neither finds nor hears them',
    async run(context) {
      const [{ ann }, { agent, other }] = [await context.cast(), await context.staff()]
      const sessionId = await accepted(ann, agent)
      const [byAnn, byAgent] = [await ann.connect(), await agent.connect()]
      const heard: string[] = []
      byAnn.onFrame = (frame) => heard.push(JSON.stringify(frame))
      const { chat } = await agent.call('POST /api/sessions/:id/notes', { params: { id: sessionId } })
      same([chat.kind, chat.parentId], ['notes', sessionId], 'The notes')
      const { message } = await byAgent.ask('message:send', { chatId: chat.id, content: CANARY })
      await ann.refused('POST /api/sessions/:id/notes', { params: { id: sessionId } }, { code: 'NOT_FOUND' })
      await ann.refused('GET /api/chats/:id', { params: { id: chat.id } }, { code: 'NOT_FOUND' })
      await ann.refused('GET /api/messages/:id', { params: { id: message.id } }, { code: 'NOT_FOUND' })
      await byAnn.refused('message:send', { chatId: chat.id, content: 'Who?' }, { code: 'NOT_FOUND' })
      await byAnn.refused('reaction:add', { messageId: message.id, emoji: '👍' }, { code: 'NOT_FOUND' })
      await byAnn.ask('sync', { chats: { [chat.id]: 0 } })
      const params = { id: sessionId }
      await agent.call('POST /api/sessions/:id/transfer', { params, body: { userId: other.id } })
      await other.call('POST /api/sessions/:id/notes', { params })
      same((await other.history(chat.id))[0]?.content, CANARY, 'What the next agent reads')
      await agent.refused('GET /api/chats/:id/messages', { params: { id: chat.id } }, { code: 'NOT_FOUND' })
      await byAnn.settled()
      claim(!heard.join().includes(CANARY), 'The customer heard a note')
    },
  },
  {
    needs,
    number: '16.12',
    title: 'who has nothing to do with a session does not find it, and who may not do something is told so',
    async run(context) {
      const [{ ann, ben, dan }, { agent, other, dentist }] = [await context.cast(), await context.staff()]
      const chatId = await accepted(ann, agent)
      const params = { id: chatId }
      for (const person of [dan, dentist]) {
        for (const what of ['accept', 'release', 'close', 'reopen', 'observe', 'notes'] as const) {
          await person.refused(`POST /api/sessions/:id/${what}`, { params }, { code: 'NOT_FOUND' })
        }
        await person.refused('GET /api/chats/:id', { params }, { code: 'NOT_FOUND' })
      }
      await ann.refused('POST /api/sessions/:id/release', { params }, { code: 'FORBIDDEN' })
      await other.refused('POST /api/sessions/:id/close', { params }, { code: 'FORBIDDEN' })
      await other.refused('GET /api/chats/:id/messages', { params }, { code: 'NOT_FOUND' })
      const group = { id: await context.group([ann, ben]) }
      await ann.refused('POST /api/sessions/:id/close', { params: group }, { code: 'FORBIDDEN' })
      same(
        (await dan.call('GET /api/sessions')).data.some(({ id }) => id === chatId),
        false,
        'In a list',
      )
    },
  },
  {
    needs,
    number: '16.13',
    title: 'bad, missing, huge and foreign input of sessions is refused, and the field named',
    async run(context) {
      const [{ ann }, { agent }] = [await context.cast(), await context.staff()]
      const bad: [object, string][] = [
        [{ subject: 7 }, 'subject'],
        [{ subject: ' ' }, 'subject'],
        [{ subject: 'x'.repeat(201) }, 'subject'],
        [{ externalId: 'x'.repeat(201) }, 'externalId'],
        [{ metadata: { big: 'x'.repeat(5_000) } }, 'metadata'],
        [{ customerId: 'me' }, 'customerId'],
        [{ team: 'No Such!' }, 'team'],
        [{ status: 'active' }, 'status'],
      ]
      for (const [body, field] of bad) {
        await ann.refused('POST /api/sessions', { body }, { code: 'VALIDATION_ERROR', field })
      }
      const chatId = await accepted(ann, agent)
      const socket = await agent.connect()
      const invalid = { code: 'VALIDATION_ERROR' } as const
      await socket.refused('session:transfer', { chatId }, invalid)
      await socket.refused('session:transfer', { chatId, userId: ann.id, team: 'night' }, invalid)
      await socket.refused(
        'session:close',
        { chatId, reason: 'x'.repeat(501) },
        { ...invalid, field: 'data.reason' },
      )
      await socket.refused(
        'session:transfer',
        { chatId, userId: ann.id },
        { code: 'NOT_FOUND', field: 'userId' },
      )
      const nobody = context.messageId()
      await socket.refused('session:accept', { chatId: nobody }, { code: 'NOT_FOUND', field: 'chatId' })
      await ann.refused('GET /api/sessions', { query: { status: 'open' } }, { ...invalid, field: 'status' })
      await agent.refused('PUT /api/agents/me', { body: { availability: 'maybe' } }, invalid)
    },
  },
  {
    needs,
    number: '16.14',
    title: 'receipts of a session tell exactly when each reader read each message',
    async run(context) {
      const [{ ann }, { agent }] = [await context.cast(), await context.staff()]
      const chatId = await accepted(ann, agent)
      const [byAnn, byAgent] = [await ann.connect(), await agent.connect()]
      const first = await byAnn.ask('message:send', { chatId, content: 'First' })
      await byAgent.ask('message:read', { chatId, seq: first.seq })
      const [mark] = (await byAnn.event('receipts', chatId)).data.marks
      const second = await byAnn.ask('message:send', { chatId, content: 'Second' })
      await byAgent.ask('message:read', { messageId: second.message.id })
      for (const [{ message }, at] of [
        [first, mark?.at],
        [second, undefined],
      ] as const) {
        const { readBy } = await ann.call('GET /api/messages/:id/receipts', { params: { id: message.id } })
        const read = present(readBy.find(({ userId }) => userId === agent.id)?.readAt, 'readAt')
        if (at !== undefined) same(read, at, 'readAt of the first message, once the second was read')
      }
    },
  },
  {
    needs,
    number: '16.15',
    title: 'typing in a session is heard by the other side, and not by who may only read',
    async run(context) {
      const [{ ann }, { agent }] = [await context.cast(), await context.staff()]
      const chatId = await accepted(ann, agent)
      const [byAnn, byAgent] = [await ann.connect(), await agent.connect()]
      byAnn.send('typing:start', { chatId })
      const typing = await byAgent.signal('typing', (data) => data.chatId === chatId)
      same(typing.userIds, [ann.id], 'Who is typing')
    },
  },
  {
    needs,
    number: '16.16',
    title: 'an admin sees a session by observing it, which all in it see and the audit log keeps',
    async run(context) {
      const [{ ann }, { agent }] = [await context.cast(), await context.staff()]
      const admin = await context.professional('admin')
      const chatId = await accepted(ann, agent)
      const byAnn = await ann.connect()
      const params = { id: chatId }
      await admin.refused('GET /api/chats/:id/messages', { params }, { code: 'NOT_FOUND' })
      await admin.call('POST /api/sessions/:id/observe', { params })
      const { data } = await byAnn.event('participant:joined', chatId)
      same([data.participant.userId, data.participant.role], [admin.id, 'observer'], 'Who joined')
      claim((await admin.history(chatId)).length > 0, 'An observer reads nothing')
      const body = { content: 'Hello' }
      await admin.refused('POST /api/chats/:id/messages', { params, body }, { code: 'FORBIDDEN' })
      const log = await context.asAdmin('GET /api/admin/audit', {
        query: { chatId, action: 'session.observed' },
      })
      same(
        log.data.map(({ actorId }) => actorId),
        [admin.id],
        'Who did it, in the audit log',
      )
      await ann.refused('GET /api/admin/audit', {}, { code: 'FORBIDDEN' })
    },
  },
  {
    needs,
    number: '16.18',
    title: 'clients of an older support API see and do the same in their own field names',
    async run(context) {
      const [{ ann }, { agent }] = [await context.cast(), await context.staff()]
      const opened = await ann.call('POST /api/v1/chat/sessions', { body: { subject: 'Cold soup' } })
      same([opened.status, opened.customer_id, opened.agent_id], ['waiting', ann.id, null], 'The session')
      const params = { id: opened.id }
      const taken = await agent.call('POST /api/v1/chat/sessions/:id/accept', { params })
      same(taken, { ...opened, status: 'active', agent_id: agent.id }, 'The session of the agent')
      const byAgent = await agent.connect()
      const body = { content: 'Hello?', message_type: 'text' }
      const sent = await ann.call('POST /api/v1/chat/sessions/:id/messages', { params, body })
      same((await byAgent.event('message:new', opened.id)).data.message.id, sent.id, 'What the socket says')
      await agent.call('POST /api/v1/chat/sessions/:id/read', { params })
      const query = { limit: 1 }
      const { data } = await ann.call('GET /api/v1/chat/sessions/:id/messages', { params, query })
      same([data[0]?.id, data[0]?.read_receipts[0]?.user_id], [sent.id, agent.id], 'What was read by whom')
      const closed = await agent.call('POST /api/v1/chat/sessions/:id/close', { params })
      same(closed, { ...taken, status: 'closed' }, 'The closed session')
      const mine = await ann.call('GET /api/v1/chat/sessions', { query: { status: 'closed', limit: 1 } })
      same(mine.data, [closed], 'The list')
    },
  },
]
