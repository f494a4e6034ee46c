import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestAnswer } from '../../support/app.ts'
import { type Fleet, startFleet } from '../../support/fleet.ts'
import { DJANGO_SECRET, djangoToken } from '../../support/tokens.ts'

const AGENTS = 50
/** Run by hand with ROUNDS=200. */
const ROUNDS = Number(process.env.ROUNDS ?? 10)

let fleet: Fleet
let tokens: string[]
let customer: string

interface Answer {
  readonly status: number
  readonly body: TestAnswer['body']
}

beforeAll(async () => {
  fleet = await startFleet(3, { DJANGO_JWT_SECRET: DJANGO_SECRET, GUESTS: 'on' })
  const exp = Math.floor(Date.now() / 1_000) + 3_600
  const claims = (number: number) => ({ user_id: 1_000 + number, user_type: 'agent', exp })
  tokens = await Promise.all(
    Array.from({ length: AGENTS }, (_, number) => djangoToken(Date.now(), claims(number))),
  )
  customer = (await call(0, 'POST /api/guests', '', {})).body.accessToken
  // Each agent is known before all come at once.
  for (const [index, token] of tokens.entries()) await call(index, 'GET /api/agents/me', token)
})
afterAll(() => fleet?.stop())

/** Asks one of the instances, in turn. */
async function call(index: number, route: string, token: string, body?: object): Promise<Answer> {
  const [method = '', path = ''] = route.split(' ')
  const { url = '' } = fleet.instances[index % fleet.instances.length] ?? {}
  const headers = {
    ...(body && { 'Content-Type': 'application/json' }),
    ...(token && { Authorization: `Bearer ${token}` }),
  }
  const response = await fetch(url + path, { method, headers, body: body ? JSON.stringify(body) : null })
  return { status: response.status, body: await response.json() }
}

async function open(index: number): Promise<string> {
  const { status, body } = await call(index, 'POST /api/sessions', customer, { subject: 'Help' })
  expect(status).toBe(201)
  return body.chat.id
}

test(`${AGENTS} agents accept one session at the same instant over 3 instances, ${ROUNDS} times: one has it, and all agree who`, async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    const id = await open(round)
    const answers = await Promise.all(
      tokens.map((token, index) => call(index + round, `POST /api/sessions/${id}/accept`, token)),
    )
    const winners = answers.filter(({ status }) => status === 200)
    expect(winners.length, `round ${round}`).toBe(1)
    const winner = winners[0]?.body.chat.assigneeId
    const others = answers.filter(({ status }) => status !== 200)
    for (const { status, body } of others) {
      expect([status, body.error.code, body.error.details[0]?.field]).toEqual([409, 'CONFLICT', 'assigneeId'])
      expect(body.error.message).toContain(winner)
    }
    const token = tokens[answers.findIndex(({ status }) => status === 200)] ?? ''
    expect((await call(round, `POST /api/sessions/${id}/close`, token)).status).toBe(200)
    const seen = await call(round + 1, `GET /api/chats/${id}`, customer)
    expect(seen.body.chat).toMatchObject({ status: 'closed', assigneeId: winner })
  }
})

test('an agent who accepts many sessions at the same instant over 3 instances has no more than his capacity', async () => {
  const [token = ''] = tokens
  for (let round = 0; round < Math.min(ROUNDS, 20); round += 1) {
    const sessions = await Promise.all(Array.from({ length: 15 }, (_, index) => open(index)))
    const answers = await Promise.all(
      sessions.map((id, index) => call(index, `POST /api/sessions/${id}/accept`, token)),
    )
    const accepted = sessions.filter((_, index) => answers[index]?.status === 200)
    expect(accepted.length, `round ${round}`).toBe(5)
    for (const { status } of answers) expect([200, 409]).toContain(status)
    const { body } = await call(round, 'GET /api/agents/me', token)
    expect(body.agent).toMatchObject({ capacity: 5, sessions: 5 })
    for (const id of accepted) await call(round, `POST /api/sessions/${id}/close`, token)
    expect((await call(round, 'GET /api/agents/me', token)).body.agent.sessions).toBe(0)
  }
})
