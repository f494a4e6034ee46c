import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config.ts'
import { ERRORS } from '../../src/protocol/errors.ts'
import type { AppDeps } from '../../src/routes/deps.ts'
import { createTestApp, errorOf, type TestApp, type TestRequest } from '../support/app.ts'
import { type DeclaredRoute, listRoutes } from '../support/declared.ts'
import { ROWS, type Row, urlOf } from '../support/route-table.ts'
import { createPeople, createWorld, type People, type World } from '../support/route-world.ts'
import { DJANGO_SECRET } from '../support/tokens.ts'

const routes = listRoutes(createApp({ config: parseConfig({}) } as AppDeps))
/** A body that may be left out is a body all the same. */
const withBody = routes.filter(({ body }) => body !== undefined)
const withId = routes.filter(({ path }) => path.includes('{'))
const RUNS = 20

let it: TestApp
let people: People
let world: World

beforeAll(async () => {
  const push = { ONESIGNAL_APP_ID: 'app', ONESIGNAL_API_KEY: 'key' }
  it = await createTestApp({ DJANGO_JWT_SECRET: DJANGO_SECRET, ...push })
  people = await createPeople(it)
  // With the first token a user of another issuer is made, which is no fault of what is tried here.
  await it.call('GET /api/users/me', { token: people.admin.token })
  world = await createWorld(it, people)
})

afterAll(() => it.close())

function rowOf({ name }: DeclaredRoute): Row {
  const row = ROWS[name]
  if (!row) throw new Error(`No row for ${name}`)
  return row
}

/** The request of one who may make it, which fails by nothing but its input. */
function ask(route: DeclaredRoute, request: TestRequest, url = urlOf(route, rowOf(route), world)) {
  const isForAdmins = route.path.startsWith('/api/admin/') || rowOf(route).isForAdmins
  const { token: usual } = isForAdmins ? people.admin : people.owner
  const token = route.isPublic ? undefined : usual
  return it.call(`${route.method} ${url}`, { token, ...request })
}

async function expectRefused(route: DeclaredRoute, request: TestRequest, status = 400, url?: string) {
  const before = await snapshot()
  const answer = await ask(route, request, url)
  expect(answer.status, answer.text).toBe(status)
  const { code, message } = errorOf(answer)
  expect(ERRORS[code].status).toBe(status)
  expect(message).not.toBe('')
  expect(await snapshot()).toEqual(before)
  return answer
}

/** All that a request could have changed by half. */
async function snapshot() {
  const { rows } = await it.db.pool.query(
    `select (select json_agg(c order by id) from chats c) as chats, (select count(*) from messages) as messages,
      (select count(*) from users) as users, (select json_agg(c) from contacts c) as contacts`,
  )
  return rows
}

describe.each(withBody)('the body of $name', (route) => {
  const good = () => rowOf(route).body?.(world) ?? {}

  test.each([
    ['a list', '[]'],
    ['a text', '"text"'],
    ['a number', '42'],
    ['null', 'null'],
    ['true', 'true'],
    ['cut short', '{"a":'],
    ['nothing', ''],
    ['not JSON', 'name=Ada'],
    ['binary', new Uint8Array([0, 255, 254, 128, 0])],
    ['nested 30,000 deep', '['.repeat(30_000) + ']'.repeat(30_000)],
    ['nested 10,000 deep in a field', `{"metadata":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`],
  ])('may not be %s', async (_, text) => {
    await expectRefused(route, { text })
  })

  test('names a field that it does not know, __proto__ and constructor too', async () => {
    for (const field of ['unknown', '__proto__', 'constructor']) {
      const text = `${JSON.stringify(good()).slice(0, -1)},"${field}":{"isAdmin":true}}`.replace('{,', '{')
      const answer = await expectRefused(route, { text })
      if (!route.name.match(/read|delivered|contacts/)) {
        expect(errorOf(answer).details.map((detail) => detail.field)).toContain(field)
      }
    }
    expect(Object.hasOwn(Object.prototype, 'isAdmin')).toBe(false)
  })

  test('has every field of its own type', async () => {
    for (const field of Object.keys(good())) {
      const values: unknown[] = [{}, 1e300, true, '\0', '\ud800', 'x'.repeat(20_000), [[null]]]
      for (const value of values) await expectRefused(route, { body: { ...good(), [field]: value } })
    }
  })

  test('is JSON by its type', async () => {
    // A message may come as a form with its files.
    const form = route.name === 'post /api/chats/{id}/messages' ? [] : ['multipart/form-data; boundary=x']
    for (const type of ['text/plain', 'application/xml', 'application/jsonx', ...form]) {
      await expectRefused(route, { body: good(), headers: { 'Content-Type': type } }, 415)
    }
  })

  test('has at most its size', async () => {
    await expectRefused(route, { text: `{"a":"${'x'.repeat(1_000_000)}"}` }, 413)
  })

  test('whatever it is, nothing breaks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), async (value) => {
        const answer = await ask(route, { body: value })
        expect(answer.status, answer.text).toBeLessThan(500)
      }),
      { numRuns: RUNS },
    )
  })

  test('whatever is in its fields, nothing breaks', async () => {
    const fields = Object.keys(good())
    const anything = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '\0', -1, 2 ** 60),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.record(Object.fromEntries(fields.map((name) => [name, anything]))),
        async (body) => {
          const answer = await ask(route, { body })
          expect(answer.status, answer.text).toBeLessThan(500)
        },
      ),
      { numRuns: RUNS },
    )
  })
})

describe.each(withId)('the path of $name', (route) => {
  const urlWith = (text: string) =>
    urlOf(route, rowOf(route), world).replace(
      /^(\/api\/(?:v1\/|admin\/)?[\w-]+\/(?:sessions\/|slug\/|devices\/)?)[^/?]+/,
      `$1${text}`,
    )
  const body = () => {
    const given = rowOf(route).body?.(world)
    return given === undefined ? {} : { body: given }
  }

  test.each(['not-an-id', '%00', '%F0%9F', "1'--", '..%2F..', 'x'.repeat(5_000), '%ED%A0%80'])(
    'may not hold %s',
    async (text) => {
      const answer = await ask(route, body(), urlWith(text))
      // A slug that is well spelt is one that nobody has.
      expect(answer.status, answer.text).toBe(
        text === 'not-an-id' && route.path.includes('{slug}') ? 404 : 400,
      )
    },
  )

  test('of something that is not there answers 404', async () => {
    const unknown = it.deps.ids.uuid()
    await expectRefused(route, body(), 404, urlWith(unknown))
  })
})

describe.each(withId.filter(({ path }) => /chats|messages/.test(path)))(
  'in a deleted chat, $name',
  (route) => {
    test('answers 404', async () => {
      const gone = await createWorld(it, people)
      await it.call(`DELETE /api/chats/${gone.chat.id}`, { token: people.owner.token })
      const given = rowOf(route).body?.(gone)
      const url = urlOf(route, rowOf(route), gone)
      await expectRefused(route, given === undefined ? {} : { body: given }, 404, url)
    })
  },
)

test.each([
  ['GET /api/chats', 'limit=0'],
  ['GET /api/chats', 'limit=101'],
  ['GET /api/chats', 'limit=abc'],
  ['GET /api/chats', 'limit='],
  ['GET /api/chats', 'limit=1e1'],
  ['GET /api/chats', 'limit=5&limit=6'],
  ['GET /api/chats', 'cursor=%00'],
  ['GET /api/chats', 'cursor=eyJhIjoxfQ'],
  ['GET /api/chats', 'unknown=1'],
  ['GET /api/contacts', 'cursor=x'],
  ['GET /api/contacts', 'status=pending'],
  ['GET /api/users/search', ''],
  ['GET /api/users/search', 'q='],
  ['GET /api/users/search', 'q=%00'],
  ['GET /api/users/search', `q=${'x'.repeat(201)}`],
  ['GET /api/messages/search', 'q=%00'],
  ['GET /api/messages/search', 'q=a&chatId=x'],
  ['GET /api/messages/search', 'q=a&cursor=x'],
])('%s?%s is refused', async (route, query) => {
  const answer = await it.call(`${route}?${query}`, { token: people.owner.token })
  expect([answer.status, errorOf(answer).code]).toEqual([400, 'VALIDATION_ERROR'])
})
