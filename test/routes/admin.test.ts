import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestApp, errorOf, type TestApp, type TestUser } from '../support/app.ts'
import { PASSWORD } from '../support/auth.ts'
import { createGroup, createStaff, send } from '../support/people.ts'

let it: TestApp
let admin: TestUser

beforeAll(async () => {
  it = await createTestApp()
  admin = await createStaff(it, 'admin')
})

afterAll(() => it.close())

const call = (route: string, body?: object) => it.call(route, { token: admin.token, ...(body && { body }) })

async function audited(query: string) {
  return (await call(`GET /api/admin/audit?${query}`)).body.data
}

async function createToken(scopes: readonly string[], fields: object = {}) {
  const { status, body } = await call('POST /api/admin/service-tokens', { name: 'Shop', scopes, ...fields })
  expect(status).toBe(201)
  return body as { token: string; serviceToken: { id: string } }
}

describe('an administrator', () => {
  test('makes a user an agent, whose logins end, and who then works in sessions', async () => {
    const user = await it.user()
    const { body } = await call(`PUT /api/admin/users/${user.id}`, { type: 'agent' })
    expect(body.user.type).toBe('agent')
    expect((await it.call('GET /api/users/me', { token: user.token })).status).toBe(401)
    const login = await it.call('POST /api/auth/login', {
      body: { username: user.username, password: PASSWORD },
    })
    const mine = await it.call('GET /api/agents/me', { token: login.body.accessToken })
    expect(mine.body.agent).toMatchObject({ capacity: 5, sessions: 0 })
    expect(await audited(`actorId=${admin.id}&action=user.type`)).toMatchObject([
      { targetId: user.id, details: { from: 'member', to: 'agent' } },
    ])
  })

  test('changes neither his own type nor that of a bot', async () => {
    expect((await call(`PUT /api/admin/users/${admin.id}`, { type: 'member' })).status).toBe(409)
    const user = await it.user()
    expect((await call(`PUT /api/admin/users/${user.id}`, { type: 'bot' })).status).toBe(400)
  })

  test('reads who did what in sessions, and pages through it', async () => {
    const [customer, agent] = [await it.user(), await createStaff(it, 'agent')]
    const opened = await it.call('POST /api/sessions', { token: customer.token, body: { subject: 'Late' } })
    const { id } = opened.body.chat
    await it.call(`POST /api/sessions/${id}/accept`, { token: agent.token })
    await call(`POST /api/sessions/${id}/observe`)
    await it.call(`POST /api/sessions/${id}/close`, { token: agent.token, body: { reason: 'Done' } })
    const all = await audited(`chatId=${id}`)
    expect(all).toMatchObject([
      { action: 'session.closed', actorId: agent.id, details: { reason: 'Done' } },
      { action: 'session.observed', actorId: admin.id },
      { action: 'session.accepted', actorId: agent.id, targetId: agent.id },
    ])
    const first = (await call(`GET /api/admin/audit?chatId=${id}&limit=2`)).body
    const second = (await call(`GET /api/admin/audit?chatId=${id}&limit=2&cursor=${first.nextCursor}`)).body
    expect([first.hasMore, second.hasMore, second.data[0].id]).toEqual([true, false, all[2].id])
  })

  test('finds who deleted what is not his own, and who gave whom which role, in the log', async () => {
    const [owner, member] = [await it.user(), await it.user()]
    const chat = await createGroup(it, [owner, member])
    const mine = await send(it, owner, chat, 'Mine')
    const theirs = await send(it, member, chat, 'Theirs')
    const act = (route: string, body?: object) => it.call(route, { token: owner.token, body })
    await act(`DELETE /api/messages/${mine.id}`)
    await act(`DELETE /api/messages/${theirs.id}`)
    await act(`PUT /api/chats/${chat.id}/mute`, { until: null })
    await act(`PUT /api/chats/${chat.id}/participants/${member.id}`, { role: 'admin' })
    await act(`PUT /api/chats/${chat.id}`, { name: 'Renamed' })
    await act(`PUT /api/chats/${chat.id}/owner`, { userId: member.id })
    await it.call(`DELETE /api/chats/${chat.id}`, { token: member.token })
    const log: { action: string; actorId: string; targetId: string }[] = await audited(`chatId=${chat.id}`)
    expect(log.map(({ action, actorId, targetId }) => [action, actorId, targetId])).toEqual([
      ['chat.deleted', member.id, null],
      ['chat.owner', owner.id, member.id],
      ['participant.role', owner.id, member.id],
      ['message.deleted', owner.id, theirs.id],
    ])
  })

  test('finds logins, and refresh tokens that were used twice, in the log', async () => {
    const user = await it.user()
    expect(await audited(`actorId=${user.id}`)).toMatchObject([{ action: 'login' }])
    for (let time = 0; time < 2; time += 1) {
      await it.call('POST /api/auth/refresh', { body: { refreshToken: user.refreshToken } })
    }
    expect((await audited(`actorId=${user.id}`))[0].action).toBe('refresh.reused')
  })

  test.each(['limit=0', 'cursor=x', 'actorId=x', 'action=Drop%20table', 'unknown=1'])(
    'is told what is wrong with %s',
    async (query) => {
      expect(errorOf(await call(`GET /api/admin/audit?${query}`)).code).toBe('VALIDATION_ERROR')
    },
  )
})

describe('a service token', () => {
  test('opens, lists and closes sessions of customers, once for each external id', async () => {
    const customer = await it.user()
    const { token } = await createToken(['sessions:read', 'sessions:write'])
    const body = { customerId: customer.id, externalId: `order-${customer.id}`, subject: 'Order 7' }
    const opened = await it.call('POST /api/sessions', { token, body })
    expect([opened.status, opened.body.chat.status]).toEqual([201, 'waiting'])
    const other = await createToken(['sessions:write'])
    expect((await it.call('POST /api/sessions', { token: other.token, body })).status).toBe(200)
    const listed = await it.call(`GET /api/sessions?externalId=${body.externalId}`, { token })
    expect(listed.body.data).toMatchObject([{ id: opened.body.chat.id, customer: { id: customer.id } }])
    const { id } = opened.body.chat
    expect((await it.call(`POST /api/sessions/${id}/close`, { token })).body.chat.status).toBe('closed')
    expect((await it.call(`POST /api/sessions/${id}/accept`, { token })).status).toBe(403)
    expect((await it.call(`POST /api/sessions/${id}/notes`, { token })).status).toBe(404)
  })

  test('is good for its scopes alone, and for no user route and no socket', async () => {
    const { token } = await createToken(['sessions:read'])
    expect((await it.call('POST /api/sessions', { token, body: {} })).status).toBe(403)
    expect((await it.call('POST /api/guests', { token, body: {} })).status).toBe(403)
    for (const route of [
      'GET /api/chats',
      'GET /api/users/me',
      'GET /api/admin/audit',
      'POST /api/auth/ticket',
    ]) {
      expect((await it.call(route, { token })).status).toBe(401)
    }
    const socket = await it.call('GET /ws', { token, headers: { Upgrade: 'websocket' } })
    expect(socket.status).toBe(401)
  })

  test('ends when it is revoked or its time is over, and is stored as a digest', async () => {
    const { token, serviceToken } = await createToken(['sessions:read'])
    expect((await it.call('GET /api/sessions', { token })).status).toBe(200)
    const { rows } = await it.db.pool.query('select token_hash from service_tokens')
    expect(rows.map(({ token_hash }) => token_hash)).not.toContain(token)
    expect((await call(`DELETE /api/admin/service-tokens/${serviceToken.id}`)).status).toBe(204)
    expect((await it.call('GET /api/sessions', { token })).status).toBe(401)
    expect((await call(`DELETE /api/admin/service-tokens/${serviceToken.id}`)).status).toBe(404)
    const late = await createToken(['sessions:read'], { expiresAt: '2020-01-01T00:00:00.000Z' })
    expect((await it.call('GET /api/sessions', { token: late.token })).status).toBe(401)
    const { data } = (await call('GET /api/admin/service-tokens')).body
    expect(data.find(({ id }: { id: string }) => id === serviceToken.id)).toMatchObject({
      lastUsedAt: expect.any(String),
      revokedAt: expect.any(String),
    })
  })
})

describe('a guest', () => {
  test('is brought by a service, is the same one by its external id, and opens a session', async () => {
    const { token } = await createToken(['guests:write'])
    const body = { displayName: 'Table 4', externalId: `table-${it.deps.ids.uuid()}` }
    const first = await it.call('POST /api/guests', { token, body })
    const again = await it.call('POST /api/guests', { token, body: { ...body, displayName: 'Table 5' } })
    expect(first.body.user).toMatchObject({ type: 'customer', displayName: 'Table 4' })
    expect(again.body.user).toMatchObject({ id: first.body.user.id, displayName: 'Table 5' })
    const session = await it.call('POST /api/sessions', { token: again.body.accessToken, body: {} })
    expect(session.body.chat.ownerId).toBe(first.body.user.id)
  })

  test('comes by himself where the setting lets him, without a name of a service', async () => {
    expect((await it.call('POST /api/guests', { body: {} })).status).toBe(401)
    const open = await createTestApp({ GUESTS: 'on' })
    const { status, body } = await open.call('POST /api/guests', { body: {} })
    expect([status, body.user.type]).toEqual([201, 'customer'])
    expect((await open.call('POST /api/guests', { body: { externalId: 'x' } })).status).toBe(403)
    await open.close()
  })
})

test('canned replies are written and read by staff', async () => {
  const agent = await createStaff(it, 'agent')
  const reply = { title: 'Greeting', content: 'How can I be of use?', team: 'night' }
  const made = await it.call('POST /api/canned-replies', { token: agent.token, body: reply })
  expect(made.body.reply).toMatchObject({ ...reply, createdBy: agent.id })
  const { id } = made.body.reply
  const changed = { title: 'Hello', content: 'Hello!' }
  const put = await it.call(`PUT /api/canned-replies/${id}`, { token: agent.token, body: changed })
  expect(put.body.reply).toMatchObject({ ...changed, team: null })
  const list = await it.call('GET /api/canned-replies', { token: agent.token })
  expect(list.body.data).toMatchObject([{ id, title: 'Hello' }])
  expect((await it.call(`DELETE /api/canned-replies/${id}`, { token: agent.token })).status).toBe(204)
  expect((await it.call(`DELETE /api/canned-replies/${id}`, { token: agent.token })).status).toBe(404)
})
