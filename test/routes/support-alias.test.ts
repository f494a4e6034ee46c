import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, errorOf, type TestAnswer, type TestApp, type TestUser } from '../support/app.ts'
import { aForm, aPdf, aPng } from '../support/files.ts'
import { createStaff } from '../support/people.ts'

let it: TestApp
let customer: TestUser
let agent: TestUser

beforeAll(async () => {
  it = await createTestApp()
  ;[customer, agent] = [await it.user(), await createStaff(it, 'agent')]
})

afterAll(() => it.close())

/** A call of the old support client: `POST /sessions`. */
function as(user: TestUser, route: string, given: object = {}): Promise<TestAnswer> {
  const [method, path] = route.split(' ')
  const what = given instanceof FormData ? { form: given } : method === 'GET' ? {} : { body: given }
  return it.call(`${method} /api/v1/chat${path}`, { token: user.token, ...what })
}

async function done(user: TestUser, route: string, given: object = {}) {
  const answer = await as(user, route, given)
  expect(answer.status, answer.text).toBeLessThan(300)
  return answer.body
}

test('the day of a support client: it opens, lists, accepts, talks, uploads, reads and closes by its own names', async () => {
  const session = await done(customer, 'POST /sessions', { subject: 'Cold soup' })
  expect(session).toEqual({
    ...{ id: expect.any(String), subject: 'Cold soup', status: 'waiting' },
    ...{ customer_id: customer.id, agent_id: null, created_at: expect.any(String) },
  })
  expect((await done(agent, 'GET /sessions')).data[0]).toEqual(session)
  const { id } = session

  expect(await done(agent, `POST /sessions/${id}/accept`)).toEqual({
    ...session,
    status: 'active',
    agent_id: agent.id,
  })
  expect((await done(customer, 'GET /sessions?status=active')).data).toMatchObject([{ agent_id: agent.id }])

  const hello = await done(customer, `POST /sessions/${id}/messages`, { content: 'Hello?' })
  expect(hello).toEqual({
    ...{ id: expect.any(String), session_id: id, sender_id: customer.id, content: 'Hello?' },
    ...{ message_type: 'text', created_at: expect.any(String), attachments: [], read_receipts: [] },
  })

  const form = aForm({ session_id: id }, aPng('soup.png'), { name: 'bill.pdf', bytes: aPdf() })
  const { attachments } = await done(customer, 'POST /upload', form)
  expect(attachments).toMatchObject([
    { message_id: null, file_name: 'soup.png', file_url: expect.stringMatching(/^\/api\/attachments\//) },
    { message_id: null, file_name: 'bill.pdf', file_size: aPdf().length },
  ])
  const files = await done(customer, `POST /sessions/${id}/messages`, {
    message_type: 'image',
    attachment_ids: attachments.map((file: { id: string }) => file.id),
  })
  expect(files.attachments).toEqual(attachments.map((file: object) => ({ ...file, message_id: files.id })))
  const url = files.attachments[0].file_url
  expect((await it.call(`GET ${url}`, { token: agent.token })).status).toBe(302)

  await done(agent, `POST /sessions/${id}/read`, { message_id: hello.id })
  const { data, hasMore } = await done(customer, `GET /sessions/${id}/messages?limit=2`)
  const receipt = { message_id: hello.id, user_id: agent.id, read_at: expect.any(String) }
  expect([data, hasMore]).toEqual([[files, { ...hello, read_receipts: [receipt] }], true])
  await done(agent, `POST /sessions/${id}/read`)
  expect((await done(customer, `GET /sessions/${id}/messages?limit=1`)).data[0].read_receipts).toHaveLength(1)

  expect(await done(agent, `POST /sessions/${id}/close`, { reason: 'Warm again' })).toMatchObject({
    status: 'closed',
    agent_id: agent.id,
  })
  const late = await as(customer, `POST /sessions/${id}/messages`, { content: 'One more' })
  expect([late.status, errorOf(late).code]).toEqual([409, 'CONFLICT'])
})

test('a session that is opened again under the same Idempotency-Key is the same one', async () => {
  const headers = { 'Idempotency-Key': 'soup-1' }
  const open = () => it.call('POST /api/v1/chat/sessions', { token: customer.token, body: {}, headers })
  expect((await open()).body).toEqual((await open()).body)
})

test('staff open a session for a customer, whom they name', async () => {
  const session = await done(agent, 'POST /sessions', { customer_id: customer.id })
  expect(session).toMatchObject({ status: 'active', customer_id: customer.id, agent_id: agent.id })
})

test('bad input is refused by the names that the client knows', async () => {
  const { id } = await done(customer, 'POST /sessions')
  const field = async (route: string, given: object) => {
    const answer = await as(customer, route, given)
    return [answer.status, errorOf(answer).details[0]?.field]
  }
  expect(await field(`POST /sessions/${id}/messages`, { content: ' ' })).toEqual([400, 'content'])
  expect(await field(`POST /sessions/${id}/messages`, { content: 'x', attachment_ids: ['x'] })).toEqual([
    ...[400, 'attachment_ids.0'],
  ])
  expect(await field('POST /sessions', { customer_id: 'x' })).toEqual([400, 'customer_id'])
  const other = await done(customer, 'POST /sessions')
  const { id: message } = await done(customer, `POST /sessions/${other.id}/messages`, { content: 'There' })
  expect((await as(customer, `POST /sessions/${id}/read`, { message_id: message })).status).toBe(404)
  const form = aForm({ session_id: it.deps.ids.uuid() }, aPng())
  expect((await as(customer, 'POST /upload', form)).status).toBe(404)
})
