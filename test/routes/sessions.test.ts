import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserType } from '../../src/protocol/model.ts'
import { createTestApp, errorOf, type TestAnswer, type TestApp, type TestUser } from '../support/app.ts'
import { createStaff, send } from '../support/people.ts'

let it: TestApp
let customer: TestUser
let agent: TestUser
let other: TestUser
let admin: TestUser
let dentist: TestUser

beforeAll(async () => {
  it = await createTestApp()
  const staff = (type: UserType) => createStaff(it, type)
  customer = await it.user()
  ;[agent, other, admin, dentist] = [
    await staff('agent'),
    await staff('agent'),
    await staff('admin'),
    await staff('dentist'),
  ]
})

afterAll(() => it.close())

async function open(user = customer, body: object = { subject: 'Late' }): Promise<{ id: string }> {
  const answer = await it.call('POST /api/sessions', { token: user.token, body })
  expect(answer.status, answer.text).toBe(201)
  return answer.body.chat
}

function act({ id }: { id: string }, what: string, user: TestUser, body?: object): Promise<TestAnswer> {
  return it.call(`POST /api/sessions/${id}/${what}`, { token: user.token, ...(body && { body }) })
}

async function done(session: { id: string }, what: string, user: TestUser, body?: object) {
  const answer = await act(session, what, user, body)
  expect(answer.status, answer.text).toBe(200)
  return answer.body
}

async function refused(session: { id: string }, what: string, user: TestUser, body?: object) {
  const answer = await act(session, what, user, body)
  expect(answer.status, answer.text).toBeGreaterThanOrEqual(400)
  return errorOf(answer)
}

/** An agent with no sessions, so that capacity is nobody else's matter. */
const freshAgent = () => createStaff(it, 'agent')

async function contents(session: { id: string }, user: TestUser): Promise<string[]> {
  const answer = await it.call(`GET /api/chats/${session.id}/messages`, { token: user.token })
  return answer.body.data.map(({ content }: { content: string }) => content).reverse()
}

describe('a session', () => {
  test('waits in the queue until an agent accepts it, is talked in, closed, and refuses messages then', async () => {
    const session = await open()
    const ann = await freshAgent()
    const { chat } = await done(session, 'accept', ann)
    expect(chat).toMatchObject({ status: 'active', assigneeId: ann.id, ownerId: customer.id })
    expect(chat.session.queuedAt).toBeNull()
    await send(it, customer, session, 'Where is my order?')
    await send(it, ann, session, 'On its way')
    await done(session, 'close', customer, { reason: 'Arrived' })
    const answer = await it.call(`POST /api/chats/${session.id}/messages`, {
      token: customer.token,
      body: { content: 'One more' },
    })
    expect([answer.status, errorOf(answer).message]).toEqual([409, expect.stringContaining('reopen')])
    expect(await contents(session, customer)).toEqual([
      `${customer.username} opened the session`,
      `${ann.username} accepted the session`,
      'Where is my order?',
      'On its way',
      `${customer.username} closed the session: Arrived`,
    ])
  })

  test('that is opened again by its external id is the same one', async () => {
    const body = { externalId: 'order-7', metadata: { order: 7 } }
    const { id } = await open(customer, body)
    const again = await it.call('POST /api/sessions', { token: customer.token, body })
    expect([again.status, again.body.chat.id, again.body.replayed]).toEqual([200, id, true])
    const another = await it.user()
    expect((await open(another, body)).id).not.toBe(id)
  })

  test('begins active where a customer names a dentist, or a professional opens it', async () => {
    const named = await it.call('POST /api/sessions', {
      token: customer.token,
      body: { assigneeId: dentist.id },
    })
    expect(named.body.chat).toMatchObject({ status: 'active', assigneeId: dentist.id })
    const opened = await it.call('POST /api/sessions', {
      token: dentist.token,
      body: { customerId: customer.id, subject: 'Your check-up' },
    })
    expect(opened.body.chat).toMatchObject({ status: 'active', assigneeId: dentist.id, ownerId: customer.id })
    const mine = await it.call(`GET /api/chats/${opened.body.chat.id}`, { token: customer.token })
    expect(mine.body.chat.me.role).toBe('customer')
  })

  test.each<[string, () => TestUser, () => object, number]>([
    ['a customer for somebody else', () => customer, () => ({ customerId: agent.id }), 403],
    ['a customer with an agent of his choice', () => customer, () => ({ assigneeId: agent.id }), 403],
    ['a customer with another customer', () => customer, () => ({ assigneeId: customer.id }), 404],
    ['an agent for himself', () => agent, () => ({}), 400],
    ['an agent for another agent', () => agent, () => ({ customerId: other.id }), 400],
    ['an agent for nobody that is there', () => agent, () => ({ customerId: it.deps.ids.uuid() }), 404],
  ])('is not opened by %s', async (_, by, body, status) => {
    const answer = await it.call('POST /api/sessions', { token: by().token, body: body() })
    expect([answer.status, answer.text]).toEqual([status, expect.stringContaining('Id')])
  })

  test('is accepted by one; the next hears who has it, and the same again changes nothing', async () => {
    const session = await open()
    const [ann, ben] = [await freshAgent(), await freshAgent()]
    const { seq } = await done(session, 'accept', ann)
    const { code, message, details } = await refused(session, 'accept', ben)
    expect([code, details[0]?.field]).toEqual(['CONFLICT', 'assigneeId'])
    expect(message).toContain(ann.username)
    expect((await done(session, 'accept', ann)).seq).toBe(seq)
  })

  test('goes to another agent, who may read it, and the first hears nothing more', async () => {
    const session = await open()
    const [ann, ben] = [await freshAgent(), await freshAgent()]
    await done(session, 'accept', ann)
    const { chat } = await done(session, 'transfer', ann, { userId: ben.id })
    expect(chat).toMatchObject({ status: 'active', assigneeId: ben.id })
    await send(it, ben, session, 'I have it now')
    expect((await it.call(`GET /api/chats/${session.id}`, { token: ann.token })).status).toBe(404)
    expect(await contents(session, ben)).toContain(
      `${ann.username} transferred the session to ${ben.username}`,
    )
  })

  test('goes to the queue of a team, whose agents alone may take it', async () => {
    const session = await open()
    const [ann, night] = [await freshAgent(), await freshAgent()]
    await done(session, 'accept', ann)
    await done(session, 'transfer', ann, { team: 'night' })
    expect((await refused(session, 'accept', ann)).code).toBe('FORBIDDEN')
    const teams = await it.call(`PUT /api/admin/agents/${night.id}`, {
      token: admin.token,
      body: { teams: ['night'] },
    })
    expect(teams.body.agent.teams).toEqual(['night'])
    await done(session, 'accept', night)
  })

  test('is given back to the queue, and taken by another', async () => {
    const session = await open()
    const [ann, ben] = [await freshAgent(), await freshAgent()]
    await done(session, 'accept', ann)
    expect((await done(session, 'release', ann)).chat).toMatchObject({ status: 'waiting', assigneeId: null })
    await done(session, 'accept', ben)
  })

  test('is reopened by its agent as his, by the customer into the queue, and with a dentist as it was', async () => {
    const session = await open()
    const ann = await freshAgent()
    await done(session, 'accept', ann)
    await done(session, 'close', ann)
    expect((await done(session, 'reopen', ann)).chat).toMatchObject({ status: 'active', assigneeId: ann.id })
    await done(session, 'close', ann)
    expect((await done(session, 'reopen', customer)).chat).toMatchObject({
      status: 'waiting',
      assigneeId: null,
    })
    const direct = await open(customer, { assigneeId: dentist.id })
    await done(direct, 'close', dentist)
    expect((await done(direct, 'reopen', customer)).chat).toMatchObject({
      status: 'active',
      assigneeId: dentist.id,
    })
  })

  test('does not exist for whoever has nothing to do with it', async () => {
    const session = await open()
    const stranger = await it.user()
    for (const what of ['accept', 'release', 'close', 'reopen', 'observe', 'notes']) {
      for (const user of [stranger, dentist])
        expect((await refused(session, what, user)).code).toBe('NOT_FOUND')
    }
    expect((await refused(session, 'accept', customer)).code).toBe('FORBIDDEN')
    expect((await refused(session, 'release', customer)).code).toBe('FORBIDDEN')
    expect((await refused(session, 'close', agent)).code).toBe('FORBIDDEN')
  })
})

describe('the capacity of an agent', () => {
  test('bounds what he has at once, and frees with every close, release and transfer', async () => {
    const ann = await freshAgent()
    await it.call(`PUT /api/admin/agents/${ann.id}`, { token: admin.token, body: { capacity: 2 } })
    const sessions = [await open(), await open(), await open()] as const
    await done(sessions[0], 'accept', ann)
    await done(sessions[1], 'accept', ann)
    const { code, message } = await refused(sessions[2], 'accept', ann)
    expect([code, message]).toEqual(['CONFLICT', expect.stringContaining('2 of at most 2')])
    await done(sessions[0], 'close', ann)
    await done(sessions[2], 'accept', ann)
    expect((await refused(sessions[0], 'reopen', ann)).code).toBe('CONFLICT')
    await done(sessions[1], 'release', ann)
    await done(sessions[0], 'reopen', ann)
    const { body } = await it.call('GET /api/agents/me', { token: ann.token })
    expect(body.agent).toMatchObject({ capacity: 2, sessions: 2, availability: 'available' })
  })

  test('holds when he accepts many at the same instant', async () => {
    const ann = await freshAgent()
    await it.call(`PUT /api/admin/agents/${ann.id}`, { token: admin.token, body: { capacity: 3 } })
    const sessions = await Promise.all(Array.from({ length: 12 }, () => open()))
    const answers = await Promise.all(sessions.map((session) => act(session, 'accept', ann)))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(3).fill(200), ...Array(9).fill(409)])
  })

  test('holds for a transfer, which also needs an agent who is available', async () => {
    const [ann, ben] = [await freshAgent(), await freshAgent()]
    const session = await open()
    await done(session, 'accept', ann)
    await it.call('PUT /api/agents/me', { token: ben.token, body: { availability: 'away' } })
    expect((await refused(session, 'transfer', ann, { userId: ben.id })).message).toContain('away')
    await it.call('PUT /api/agents/me', { token: ben.token, body: { availability: 'available' } })
    await it.call(`PUT /api/admin/agents/${ben.id}`, { token: admin.token, body: { capacity: 0 } })
    expect((await refused(session, 'transfer', ann, { userId: ben.id })).code).toBe('CONFLICT')
  })
})

describe('notes', () => {
  test('are of the staff alone, and follow a transfer', async () => {
    const session = await open()
    const [ann, ben] = [await freshAgent(), await freshAgent()]
    await done(session, 'accept', ann)
    const { chat } = await done(session, 'notes', ann)
    expect(chat).toMatchObject({ kind: 'notes', parentId: session.id })
    await send(it, ann, chat, 'Rude, be patient')
    for (const route of [`GET /api/chats/${chat.id}`, `GET /api/chats/${chat.id}/messages`]) {
      expect((await it.call(route, { token: customer.token })).status).toBe(404)
    }
    expect((await refused(session, 'notes', customer)).code).toBe('NOT_FOUND')
    await done(session, 'transfer', ann, { userId: ben.id })
    await done(session, 'notes', ben)
    expect(await contents(chat, ben)).toEqual(['Rude, be patient'])
    expect((await it.call(`GET /api/chats/${chat.id}`, { token: ann.token })).status).toBe(404)
  })
})

describe('an admin', () => {
  test('sees no messages until he observes, which everybody in the session sees', async () => {
    const session = await open()
    const route = `GET /api/chats/${session.id}/messages`
    expect((await it.call(route, { token: admin.token })).status).toBe(404)
    await done(session, 'observe', admin)
    expect((await it.call(route, { token: admin.token })).status).toBe(200)
    const { body } = await it.call(`GET /api/chats/${session.id}`, { token: customer.token })
    expect(body.chat.participants.map(({ role }: { role: string }) => role).sort()).toEqual([
      'customer',
      'observer',
    ])
    const silent = await it.call(`POST /api/chats/${session.id}/messages`, {
      token: admin.token,
      body: { content: 'Hello' },
    })
    expect(silent.status).toBe(403)
  })
})

describe('the list', () => {
  test('shows those who wait longest first, to agents by their teams, and pages', async () => {
    const team = `team-${it.deps.ids.uuid().slice(-6)}`
    const sessions: { id: string }[] = []
    for (let count = 0; count < 3; count += 1) sessions.push(await open(customer, { team }))
    const ann = await freshAgent()
    const list = async (user: TestUser, query: string) =>
      (await it.call(`GET /api/sessions?${query}`, { token: user.token })).body
    expect((await list(ann, `status=waiting&team=${team}`)).data).toEqual([])
    await it.call(`PUT /api/admin/agents/${ann.id}`, { token: admin.token, body: { teams: [team] } })
    const first = await list(ann, `status=waiting&team=${team}&limit=2`)
    expect(first.data.map(({ id }: { id: string }) => id)).toEqual(sessions.slice(0, 2).map(({ id }) => id))
    expect(first.data[0]).toMatchObject({ customer: { id: customer.id }, assignee: null })
    expect(first.data[0].waitingSeconds).toBeGreaterThanOrEqual(0)
    const second = await list(ann, `status=waiting&team=${team}&limit=2&cursor=${first.nextCursor}`)
    expect(second).toMatchObject({ data: [{ id: sessions[2]?.id }], hasMore: false })
    expect((await list(admin, `team=${team}&customerId=${customer.id}`)).data).toHaveLength(3)
    expect((await list(await it.user(), `team=${team}`)).data).toEqual([])
  })
})
