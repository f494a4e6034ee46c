import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config.ts'
import type { AppDeps } from '../../src/routes/deps.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { type DeclaredRoute, listRoutes } from '../support/declared.ts'
import {
  createSessionPeople,
  createSessionWorld,
  expectedInSession,
  SESSION_ROLES,
  SESSION_ROWS,
  type SessionPeople,
  type SessionRole,
} from '../support/session-table.ts'
import { DJANGO_SECRET } from '../support/tokens.ts'

const routes = listRoutes(createApp({ config: parseConfig({}) } as AppDeps)).filter(({ path }) =>
  /^\/api\/(v1\/chat\/)?(sessions|chats|messages)\/\{id\}/.test(path),
)

let it: TestApp
let people: SessionPeople

beforeAll(async () => {
  it = await createTestApp({ DJANGO_JWT_SECRET: DJANGO_SECRET })
  people = await createSessionPeople(it)
})

afterAll(() => it.close())

test('every route of one chat or message has a row for sessions, and every row a route', () => {
  expect(Object.keys(SESSION_ROWS).sort()).toEqual(routes.map(({ name }) => name).sort())
})

test.each(routes)('$name of a session lets in whom it should, and nobody else', async (route) => {
  const statuses: Partial<Record<SessionRole, number>> = {}
  for (const role of SESSION_ROLES) statuses[role] = await ask(route, role)
  const row = SESSION_ROWS[route.name] ?? { expected: {} }
  expect(statuses).toEqual(
    Object.fromEntries(SESSION_ROLES.map((role) => [role, expectedInSession(row, role)])),
  )
})

async function ask({ name, method, path }: DeclaredRoute, role: SessionRole): Promise<number> {
  const row = SESSION_ROWS[name]
  const world = await createSessionWorld(it, people)
  const names: Readonly<Record<string, string>> = row?.path?.(world) ?? { id: world.session.id }
  const url = path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(names[key] ?? ''))
  const answer = await it.call(`${method} ${url}${row?.query ? `?${row.query}` : ''}`, {
    token: role === 'anonymous' ? undefined : people[role].token,
    body: row?.body,
  })
  // What is refused, and what one is told of having been there, tells nothing of what is there.
  if (answer.status >= 400 || role === 'former') expect(answer.text).not.toMatch(/hello|soup/)
  return answer.status
}
