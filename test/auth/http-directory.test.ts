import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createHttpDirectory } from '../../src/auth/http-directory.ts'
import type { Wanted } from '../../src/auth/ports.ts'

const TOKEN = 'directory-token-0123456789abcdefgh'
const ann = { issuer: 'cognito', subject: 'ann', type: 'customer' } as const

let server: Server
let url: string
let asked: { authorization: string | undefined; users: Wanted[] }[]
let answer: (users: Wanted[], response: ServerResponse) => void

beforeEach(async () => {
  asked = []
  answer = (users, response) =>
    response.end(
      JSON.stringify({ users: users.map(({ subject }) => ({ displayName: `Name of ${subject}` })) }),
    )
  server = createServer(async (request: IncomingMessage, response) => {
    const { users } = (await json(request)) as { users: Wanted[] }
    asked.push({ authorization: request.headers.authorization, users })
    answer(users, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/names`
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

test('names are asked for with the token, many in one request', async () => {
  const { find } = createHttpDirectory({ url, token: TOKEN, isShared: true })
  const wanted = Array.from({ length: 250 }, (_, index) => ({ ...ann, subject: `s${index}` }))
  const found = await Promise.all(wanted.map((one) => find(one)))
  expect(found.map((entry) => entry?.name)).toEqual(wanted.map(({ subject }) => `Name of ${subject}`))
  expect(asked.length).toBeLessThan(8)
  expect(asked[0]).toEqual({ authorization: `Bearer ${TOKEN}`, users: [wanted[0]] })
})

test('where nobody may wait for another, each name is a request', async () => {
  const { find } = createHttpDirectory({ url, token: TOKEN, isShared: false })
  const found = await Promise.all(['a', 'b', 'c'].map((subject) => find({ ...ann, subject })))
  expect(found.map((entry) => entry?.name)).toEqual(['Name of a', 'Name of b', 'Name of c'])
  expect(asked.length).toBe(3)
})

test('who is not known there is null', async () => {
  answer = (_, response) => response.end('{"users":[null]}')
  expect(await createHttpDirectory({ url, token: TOKEN, isShared: true }).find(ann)).toBeUndefined()
})

test.each<[string, (response: ServerResponse) => void]>([
  ['500', (response) => response.writeHead(500).end()],
  ['a redirect', (response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end()],
  ['no JSON', (response) => response.end('<html>')],
  ['fewer names', (response) => response.end('{"users":[]}')],
  ['something else', (response) => response.end('{"users":[{"displayName":1}]}')],
  ['nothing, for ever', () => {}],
])('%s is a failure within 2 seconds, and three of them stop the asking', async (_, reply) => {
  answer = (_users, response) => reply(response)
  const { find } = createHttpDirectory({ url, token: TOKEN, isShared: true })
  const before = performance.now()
  await Promise.all([1, 2, 3].map(() => expect(find(ann)).rejects.toThrow()))
  await expect(find(ann)).rejects.toThrow('away')
  expect(performance.now() - before).toBeLessThan(5_000)
  expect(asked.length).toBeLessThanOrEqual(3)
})
