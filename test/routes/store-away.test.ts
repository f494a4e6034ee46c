import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, errorOf, type TestApp, type TestUser } from '../support/app.ts'
import { aForm, aPng } from '../support/files.ts'
import { BUSY } from '../support/patience.ts'
import { createGroup, send } from '../support/people.ts'

/** An S3 server that is ill in one way after another. */
let fail: (response: ServerResponse) => void = (response) => response.writeHead(500).end()
const server = createServer((request, response) => {
  request.resume()
  fail(response)
})
/** In which the sender of a file hears of it: S3 is given 10 s, twice. */
const GIVEN = 20_000
let it: TestApp
let ann: TestUser
let chat: { id: string }

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const keys = { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' }
  it = await createTestApp({ S3_BUCKET: 'files', S3_ENDPOINT: `http://127.0.0.1:${port}`, ...keys })
  ann = await it.user()
  chat = await createGroup(it, [ann])
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await it.close()
})

test.each<[string, typeof fail]>([
  ['fails', (response) => response.writeHead(500).end()],
  ['denies', (response) => response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>')],
  ['ends connections', (response) => response.destroy()],
])('a store that %s refuses files as retryable, and messages without files go on', async (_, how) => {
  fail = how
  const uploading = it.call('POST /api/attachments', {
    token: ann.token,
    form: aForm({ chatId: chat.id }, aPng()),
  })
  expect((await send(it, ann, chat)).content).toBe('Hello')
  const answer = await uploading
  expect([answer.status, errorOf(answer).code]).toEqual([503, 'SERVICE_UNAVAILABLE'])
  const path = `POST /api/chats/${chat.id}/messages`
  const form = aForm({ content: 'Look' }, aPng())
  expect((await it.call(path, { token: ann.token, form })).status).toBe(503)
  const { rows } = await it.db.pool.query("select 1 from attachments where status in ('ready', 'claimed')")
  expect(rows).toEqual([])
})

test('a store that is slow holds up its own files alone', async () => {
  const held = Promise.withResolvers<ServerResponse>()
  fail = held.resolve
  const form = aForm({ chatId: chat.id }, aPng())
  let isAnswered = false
  const uploading = it.call('POST /api/attachments', { token: ann.token, form }).finally(() => {
    isAnswered = true
  })
  const response = await held.promise
  for (let sent = 0; sent < 5; sent += 1) await send(it, ann, chat)
  expect(isAnswered).toBe(false)
  fail = (later) => later.writeHead(500).end()
  fail(response)
  const answer = await uploading
  expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '5'])
})

test('a store that never answers is given up in time', async () => {
  fail = () => {}
  const form = aForm({ chatId: chat.id }, aPng())
  const begin = performance.now()
  const answer = await it.call('POST /api/attachments', { token: ann.token, form })
  expect([answer.status, errorOf(answer).code]).toEqual([503, 'SERVICE_UNAVAILABLE'])
  expect(performance.now() - begin).toBeLessThan(GIVEN + BUSY)
})
