import { once } from 'node:events'
import { Agent, request, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { getConnInfo } from '@hono/node-server/conninfo'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestApp, type TestApp } from '../support/app.ts'

let it: TestApp
let server: Server
let port: number

beforeAll(async () => {
  it = await createTestApp({}, { remoteAddress: (context) => getConnInfo(context).remote.address ?? null })
  server = createAdaptorServer({ fetch: it.app.fetch }) as Server
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await it.close()
})

interface WireAnswer {
  readonly status: number | undefined
  readonly body: string
}

/** A request in pieces, as it goes over the wire without a length. */
function sendInPieces(path: string, pieces: readonly string[], agent?: Agent): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' }
    const sent = request({ port, path, method: 'POST', headers, agent }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode, body }))
    })
    sent.on('error', reject)
    for (const piece of pieces) sent.write(piece)
    sent.end()
  })
}

test('a body that comes in pieces without a length is read to its limit and no further', async () => {
  const good = await sendInPieces('/api/auth/login', ['{"username":"nobody",', '"password":"x"}'])
  expect(good.status).toBe(401)
  const tooMuch = await sendInPieces('/api/auth/login', [
    '{"username":"',
    ...Array(40).fill('x'.repeat(8_192)),
  ])
  expect(tooMuch.status).toBe(413)
  expect(JSON.parse(tooMuch.body).error.code).toBe('PAYLOAD_TOO_LARGE')
})

test('who sends far too much without a length hears so, and keeps the connection', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let sent = 0; sent < 5; sent += 1) {
    const tooMuch = await sendInPieces('/api/auth/login', Array(32).fill('x'.repeat(65_536)), agent)
    expect(JSON.parse(tooMuch.body).error.code).toBe('PAYLOAD_TOO_LARGE')
    const good = await sendInPieces('/api/auth/login', ['{"username":"nobody",', '"password":"x"}'], agent)
    expect(good.status).toBe(401)
  }
  agent.destroy()
})

test('a body that breaks off is a fault of the request, and is not taken for a whole one', async () => {
  const logged = it.logged.length
  const socket = connect(port, '127.0.0.1')
  const head = 'POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
  socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`)
  await once(server, 'request')
  socket.destroy()
  await expect.poll(() => it.logged.length).toBeGreaterThan(logged)
  expect(it.logged.at(-1)).toMatchObject({ path: '/api/auth/login', status: 400 })
})

test('an answer that is compressed on the wire is what it was', async () => {
  const response = await fetch(`http://127.0.0.1:${port}/openapi.json`, {
    headers: { 'Accept-Encoding': 'gzip' },
  })
  expect(response.headers.get('Content-Encoding')).toBe('gzip')
  expect(await response.json()).toHaveProperty('openapi', '3.1.0')
})

test('the address in the log is the other end of the connection', async () => {
  await fetch(`http://127.0.0.1:${port}/health/live`, { headers: { 'X-Forwarded-For': '203.0.113.9' } })
  expect(it.logged.at(-1)).toMatchObject({ path: '/health/live', ipAddress: '127.0.0.1' })
})

test('a head of a page has no body, and a refused method is a 404', async () => {
  const head = await fetch(`http://127.0.0.1:${port}/docs`, { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect((await fetch(`http://127.0.0.1:${port}/api/users/me`, { method: 'DELETE' })).status).toBe(401)
})
