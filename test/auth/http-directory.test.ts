import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createHttpDirectory } from '../../src/auth/http-directory.ts'
import type { Wanted } from '../../src/auth/ports.ts'
import { BUSY } from '../support/patience.ts'

const TOKEN = 'directory-token-0123456789abcdefgh'
const ann = { issuer: 'cognito', subject: 'ann', type: 'customer' } as const

let server: Server
let url: string
let asked: { authorization: string | undefined; users: Wanted[]; wants?: string }[]
let answer: (users: Wanted[], response: ServerResponse) => void

beforeEach(async () => {
  asked = []
  answer = (users, response) =>
    response.end(
      JSON.stringify({ users: users.map(({ subject }) => ({ displayName: `Name of ${subject}` })) }),
    )
  server = createServer(async (request: IncomingMessage, response) => {
    const question = (await json(request)) as { users: Wanted[]; wants?: string }
    asked.push({ authorization: request.headers.authorization, ...question })
    answer(question.users, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/names`
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

const open = ({ isShared = true, pushIssuers = ['cognito'] } = {}) =>
  createHttpDirectory({ url, token: TOKEN, pushIssuers, isShared })

test('names are asked for with the token, many in one request', async () => {
  const { find } = open()
  const wanted = Array.from({ length: 250 }, (_, index) => ({ ...ann, subject: `s${index}` }))
  const found = await Promise.all(wanted.map((one) => find(one)))
  expect(found.map((entry) => entry?.name)).toEqual(wanted.map(({ subject }) => `Name of ${subject}`))
  expect(asked.length).toBeLessThan(8)
  expect(asked[0]).toEqual({ authorization: `Bearer ${TOKEN}`, users: [wanted[0]] })
})

test('where nobody may wait for another, each name is a request', async () => {
  const { find } = open({ isShared: false })
  const found = await Promise.all(['a', 'b', 'c'].map((subject) => find({ ...ann, subject })))
  expect(found.map((entry) => entry?.name)).toEqual(['Name of a', 'Name of b', 'Name of c'])
  expect(asked.length).toBe(3)
})

test('who is not known there is null', async () => {
  answer = (_, response) => response.end('{"users":[null]}')
  expect(await open().find(ann)).toBeUndefined()
})

const NO_ANSWERS: [string, (response: ServerResponse) => void][] = [
  ['401', (response) => response.writeHead(401).end()],
  ['500', (response) => response.writeHead(500).end()],
  ['a redirect', (response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end()],
  ['no JSON', (response) => response.end('<html>')],
  ['fewer users', (response) => response.end('{"users":[]}')],
  ['something else', (response) => response.end('{"users":[{"displayName":1,"pushTokens":[1]}]}')],
  ['no list', (response) => response.end('{"users":[{"displayName":{},"pushTokens":"one"}]}')],
  ['more than 1 MiB', (response) => response.end(`{"users":[null],"x":"${'x'.repeat(1_048_577)}"}`)],
  ['nothing, for ever', () => {}],
]

test.each(NO_ANSWERS)(
  '%s is a failure within 2 seconds, and three of them stop the asking',
  async (_, reply) => {
    answer = (_users, response) => reply(response)
    const { find } = open()
    const before = performance.now()
    await Promise.all([1, 2, 3].map(() => expect(find(ann)).rejects.toThrow()))
    await expect(find(ann)).rejects.toThrow('away')
    expect(performance.now() - before).toBeLessThan(2_000 + BUSY)
    expect(asked.length).toBeLessThanOrEqual(3)
  },
)

test('devices are asked for by issuer and subject, many users in one request', async () => {
  answer = (users, response) =>
    response.end(JSON.stringify({ users: users.map(({ subject }) => ({ pushTokens: [`${subject}-1`] })) }))
  const { listTokens } = open()
  const subjects = Array.from({ length: 150 }, (_, index) => `s${index}`)
  const found = await Promise.all(subjects.map((subject) => listTokens({ ...ann, subject })))
  expect(found).toEqual(subjects.map((subject) => [`${subject}-1`]))
  expect(asked.length).toBeLessThan(6)
  const users = [{ issuer: 'cognito', subject: 's0' }]
  expect(asked[0]).toEqual({ authorization: `Bearer ${TOKEN}`, wants: 'pushTokens', users })
})

test('a directory is asked for devices of no issuer but those that are set', async () => {
  for (const directory of [open({ pushIssuers: [] }), open({ pushIssuers: ['acme'] })]) {
    expect(directory.hasTokensOf('cognito')).toBe(false)
    expect(await directory.listTokens(ann)).toEqual([])
  }
  expect(open().hasTokensOf('cognito')).toBe(true)
  expect(asked).toEqual([])
})

test('a directory that knows names alone has no devices, whatever it says of the user', async () => {
  const { listTokens } = open()
  expect(await listTokens(ann)).toEqual([])
  answer = (_, response) => response.end('{"users":[null]}')
  expect(await listTokens(ann)).toEqual([])
})

test('of the devices of one user 100 count, and none without an id', async () => {
  const pushTokens = ['', ...Array.from({ length: 5_000 }, (_, index) => `device-${index}`)]
  answer = (_, response) => response.end(JSON.stringify({ users: [{ pushTokens }] }))
  expect(await open().listTokens(ann)).toEqual(pushTokens.slice(1, 101))
})

test.each(NO_ANSWERS)(
  '%s about devices is a failure within 2 seconds, and names are asked for all the same',
  async (_, reply) => {
    answer = (_users, response) => reply(response)
    const { find, listTokens } = open()
    const before = performance.now()
    await Promise.all([1, 2, 3].map(() => expect(listTokens(ann)).rejects.toThrow()))
    await expect(listTokens(ann)).rejects.toThrow('away')
    expect(performance.now() - before).toBeLessThan(2_000 + BUSY)
    answer = (_users, response) => response.end('{"users":[{"displayName":"Ann"}]}')
    expect(await find(ann)).toMatchObject({ name: 'Ann' })
  },
)
