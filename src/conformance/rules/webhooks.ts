import { same } from '../claims.ts'
import type { Context } from '../context.ts'
import type { Person } from '../person.ts'
import type { ProtocolRule } from '../rule.ts'
import { openSession } from './sessions.ts'

const needs = 'hooks'

/** What endpoints are told, and what becomes of work that fails. Every signature is looked at as it comes. */
export const webhooks: ProtocolRule[] = [
  {
    needs,
    number: '18.7',
    title: 'endpoints hear of messages, edits, deletions and receipts, signed by Standard Webhooks',
    async run(context) {
      const { ann, ben } = await context.cast()
      const id = await context.group([ann, ben])
      const { message, seq } = await say(ann, id, 'for the record')
      const params = { id: message.id }
      await ann.call('PUT /api/messages/:id', { params, body: { content: 'for the archive' } })
      await ben.call('POST /api/chats/:id/read', { params: { id }, body: { seq } })
      await ann.call('DELETE /api/messages/:id', { params })
      const told = await eventsOf(context, id, 4)
      same(
        told.toSorted((a, b) => a.data.seq - b.data.seq).map(({ type, data }) => [type, data.seq]),
        ['message.new', 'message.edited', 'receipts', 'message.deleted'].map((type, n) => [type, seq + n]),
        'What they hear',
      )
      for (const { id: webhookId, data } of told) same(webhookId, `${id}_${data.seq}`, 'The webhook-id')
    },
  },
  {
    needs,
    number: '18.8',
    title: 'what an endpoint does not take comes again, under the same id',
    async run(context) {
      const { ann } = await context.cast()
      const id = await context.group([ann])
      context.mail.refuse(true)
      try {
        await say(ann, id, 'in spite of all')
        await eventsOf(context, id, 1)
      } finally {
        context.mail.refuse(false)
      }
      const tries = await eventsOf(context, id, 2)
      same(new Set(tries.map((it) => it.id)).size, 1, 'How many ids there are')
      same(tries.at(-1)?.isTaken, true, 'That the last one was taken')
    },
  },
  {
    needs,
    number: '18.9',
    title: 'an administrator has what came after a seq sent again, under the same ids',
    async run(context) {
      const { ann } = await context.cast()
      const chatId = await context.group([ann])
      const { seq } = await say(ann, chatId, 'one')
      for (const words of ['two', 'three']) await say(ann, chatId, words)
      await eventsOf(context, chatId, 3)
      const body = { chatId, since: seq }
      await ann.refused('POST /api/admin/webhooks/replay', { body }, { code: 'FORBIDDEN' })
      const replayed = await context.asAdmin('POST /api/admin/webhooks/replay', { body })
      same(replayed, { events: 2, next: null }, 'The answer')
      const ids = (await eventsOf(context, chatId, 5)).map(({ id }) => id)
      const expected = [0, 1, 1, 2, 2].map((n) => `${chatId}_${seq + n}`)
      same(ids.sort(), expected, 'What came in all')
    },
  },
  {
    needs,
    number: '18.10',
    title: 'endpoints hear what becomes of a session, again where they are to, and no word of its notes',
    async run(context) {
      const [{ ann }, { agent }] = [await context.cast(), await context.staff()]
      const id = await openSession(ann)
      await agent.call('POST /api/sessions/:id/accept', { params: { id } })
      const notes = await agent.call('POST /api/sessions/:id/notes', { params: { id } })
      await say(agent, notes.chat.id, 'a rude customer')
      await agent.call('POST /api/sessions/:id/close', { params: { id }, body: { reason: 'Done' } })
      const steps = () => context.mail.eventsOf(id).filter(({ type }) => !/^(message|receipts)/.test(type))
      const told = await context.mail.wait(steps, 3, 'events of the session')
      const types = told.map(({ type }) => type).sort()
      same(types, ['chat.created', 'session.accepted', 'session.closed'], 'What they hear')
      await context.asAdmin('POST /api/admin/webhooks/replay', { body: { chatId: id, since: 0 } })
      const again = (await context.mail.wait(steps, 6, 'events of the session')).map((it) => it.id)
      same(new Set(again).size, 3, 'How many ids those have that came again')
      same(context.mail.eventsOf(notes.chat.id), [], 'What came of the notes')
    },
  },
  {
    needs: 'admin',
    number: '18.11',
    title: 'dead letters are listed to administrators, and one that is not there is NOT_FOUND',
    async run(context) {
      const { ann } = await context.cast()
      await ann.refused('GET /api/admin/jobs', {}, { code: 'FORBIDDEN' })
      await context.asAdmin('GET /api/admin/jobs')
      const token = context.adminToken
      const params = { id: context.messageId() }
      for (const route of ['POST /api/admin/jobs/:id/retry', 'DELETE /api/admin/jobs/:id'] as const) {
        await ann.refused(route, { params }, { code: 'FORBIDDEN' })
        await context.rest.refused(route, { params, token }, { code: 'NOT_FOUND', field: 'id' })
      }
    },
  },
]

function say(person: Person, chatId: string, content: string) {
  return person.call('POST /api/chats/:id/messages', { params: { id: chatId }, body: { content } })
}

function eventsOf({ mail }: Context, chatId: string, count: number) {
  return mail.wait(
    () => mail.eventsOf(chatId).filter(({ type }) => type !== 'chat.created'),
    count,
    'webhooks',
  )
}
