import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { createOpenSocket, createUuids } from '../../src/client/platform.ts'
import { MessageId } from '../../src/protocol/ids.ts'
import { createTestClock } from '../support/test-clock.ts'

describe('uuids', () => {
  test('are UUIDv7s, each greater than the one before, in one millisecond and when the clock goes back', () => {
    const clock = createTestClock()
    const uuid = createUuids(clock)
    const made: string[] = []
    for (let count = 0; count < 10_000; count += 1) {
      if (count % 3_000 === 0) clock.pass(1)
      if (count === 5_000) clock.pass(-10_000)
      made.push(uuid())
    }
    expect(made.every((id) => MessageId.safeParse(id).success)).toBe(true)
    expect(made).toEqual([...made].sort())
    expect(new Set(made).size).toBe(made.length)
  })

  test('carry the time', () => {
    const clock = createTestClock(Date.UTC(2026, 10, 21))
    const hex = createUuids(clock)().replaceAll('-', '').slice(0, 12)
    expect(Number.parseInt(hex, 16)).toBe(Date.UTC(2026, 10, 21))
  })
})

describe('a socket of the platform', () => {
  const server = createServer()
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'parley.v1' })

  afterEach(() => {
    sockets.close()
    server.closeAllConnections()
    server.close()
  })

  test('says who it is by its subprotocol, and hears frames, also several at once, and its end', async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    sockets.on('connection', (socket, { headers, url: path }) => {
      socket.send(JSON.stringify({ path, protocols: headers['sec-websocket-protocol'] }))
      socket.on('message', (data) => {
        socket.send(`${data}\n${data}`)
        socket.close(4010)
      })
    })
    const heard: string[] = []
    const code = await new Promise<number>((resolve) => {
      const socket = createOpenSocket(url, WebSocket)('the.token', {
        received(text) {
          heard.push(text)
          if (heard.length === 1) socket.send('echo')
        },
        closed: resolve,
      })
    })
    expect(heard).toEqual([
      '{"path":"/ws","protocols":"parley.v1, parley.lines, bearer.the.token"}',
      'echo',
      'echo',
    ])
    expect(code).toBe(4010)
  })

  test('ends as 1006 when nobody answers, or when the token cannot be said', async () => {
    const open = createOpenSocket('http://127.0.0.1:1', WebSocket)
    const codeOf = (token: string) => new Promise<number>((closed) => open(token, { received() {}, closed }))
    expect(await Promise.all([codeOf('token'), codeOf('not a token')])).toEqual([1006, 1006])
  })
})
