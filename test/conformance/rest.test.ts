import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { Rest } from '../../src/conformance/rest.ts'

let server: Server

afterEach(() => new Promise((resolve) => server.close(resolve)))

/** A deployment that answers with these, and with the last one for ever. */
async function deploy(...statuses: number[]): Promise<{ rest: Rest; asked: () => number }> {
  let asked = 0
  server = createServer((_, response) => {
    const status = statuses[Math.min(asked, statuses.length - 1)] ?? 200
    asked += 1
    response.writeHead(status, status === 200 ? {} : { 'Retry-After': '0.01' }).end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { rest: new Rest(`http://127.0.0.1:${port}`), asked: () => asked }
}

test('a deployment that is away for a moment is asked again', async () => {
  const { rest, asked } = await deploy(503, 503, 200)
  expect((await rest.send('GET /api/chats')).status).toBe(200)
  expect(asked()).toBe(3)
})

test('one that stays away is found out', async () => {
  const { rest, asked } = await deploy(503)
  await expect(rest.call('GET /api/chats')).rejects.toThrow('GET /api/chats answered 503')
  expect(asked()).toBe(3)
})

test('a rate limit is waited for, unless that is what is tried', async () => {
  const { rest, asked } = await deploy(429, 429, 429, 429, 200)
  let pauses = 0
  rest.onPaused = async () => void pauses++
  expect((await rest.send('GET /api/chats', { isImpatient: true })).status).toBe(429)
  expect((await rest.send('GET /api/chats')).status).toBe(200)
  expect([asked(), pauses]).toEqual([5, 3])
})
