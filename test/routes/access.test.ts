import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config.ts'
import type { AppDeps } from '../../src/routes/deps.ts'
import { createTestApp, type TestApp } from '../support/app.ts'
import { type DeclaredRoute, listRoutes } from '../support/declared.ts'
import { expectedOf, ROLES, ROWS, type Role, urlOf } from '../support/route-table.ts'
import { createPeople, createWorld, type People } from '../support/route-world.ts'
import { DJANGO_SECRET } from '../support/tokens.ts'

// Only listed here; they are called on the app over a real database.
const routes = listRoutes(createApp({ config: parseConfig({}) } as AppDeps))

let it: TestApp
let people: People

beforeAll(async () => {
  const push = { ONESIGNAL_APP_ID: 'app', ONESIGNAL_API_KEY: 'key' }
  it = await createTestApp({ DJANGO_JWT_SECRET: DJANGO_SECRET, ...push })
  people = await createPeople(it)
})

afterAll(() => it.close())

test('every route has a row, and every row a route', () => {
  expect(Object.keys(ROWS).sort()).toEqual(routes.map(({ name }) => name).sort())
})

test.each(routes)('$name lets in whom it should, and nobody else', async (route) => {
  const row = ROWS[route.name]
  const statuses: Partial<Record<Role, number>> = {}
  for (const role of ROLES) statuses[role] = await ask(route, role)
  expect(statuses).toEqual(Object.fromEntries(ROLES.map((role) => [role, row && expectedOf(row, role)])))
})

test.each(routes.filter(({ isPublic }) => !isPublic))(
  '$name takes no token that is made up',
  async (route) => {
    const world = await createWorld(it, people)
    const url = urlOf(route, ROWS[route.name] ?? { expected: [0, 0, 0, 0, 0] }, world)
    for (const token of ['x', 'a.b.c', people.owner.refreshToken]) {
      expect((await it.call(`${route.method} ${url}`, { token })).status).toBe(401)
    }
  },
)

async function ask(route: DeclaredRoute, role: Role): Promise<number> {
  const row = ROWS[route.name]
  if (!row) throw new Error(`No row for ${route.name}`)
  const world = await createWorld(it, people)
  const token = role === 'anonymous' ? undefined : people[role].token
  const answer = await it.call(`${route.method} ${urlOf(route, row, world)}`, {
    token,
    body: row.body?.(world),
    ...(row.form && { form: row.form(world) }),
  })
  // What is refused tells nothing of what is there.
  if (answer.status >= 400) expect(answer.text).not.toMatch(/hello|Group/)
  return answer.status
}
