import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { WebSocketServer } from 'ws'
import { type LoadSocket, openSocket } from '../../bench/generator/socket.ts'

const servers: WebSocketServer[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const client of server.clients) client.terminate()
    server.close()
  }
})

async function listen(): Promise<{ server: WebSocketServer; port: number }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  servers.push(server)
  await once(server, 'listening')
  return { server, port: (server.address() as AddressInfo).port }
}

/** A load socket whose frames can be awaited. */
function openReading(port: number, path = '/'): { socket: LoadSocket; next(): Promise<string> } {
  const frames: string[] = []
  let wake = () => {}
  const take = (text: string) => {
    frames.push(text)
    wake()
  }
  const socket = openSocket(
    { port, path, headers: {} },
    {
      text: (buffer, start, end) => take(buffer.toString('utf8', start, end)),
      opened: () => take('opened'),
      closed: () => take('closed'),
    },
  )
  const next = async (): Promise<string> => {
    const frame = frames.shift()
    if (frame !== undefined) return frame
    await new Promise<void>((resolve) => {
      wake = resolve
    })
    return next()
  }
  return { socket, next }
}

test('frames of every length arrive whole and in order, however the network cuts them', async () => {
  const { server, port } = await listen()
  const texts = [0, 1, 125, 126, 65_535, 65_536, 3_000_000, 5].map((length) => 'x'.repeat(length))
  server.on('connection', (socket) => {
    for (const text of texts) socket.send(text)
  })
  const { next } = openReading(port)
  expect(await next()).toBe('opened')
  for (const text of texts) expect((await next()).length).toBe(text.length)
})

test('what a load socket sends, a real server reads', async () => {
  const { server, port } = await listen()
  server.on('connection', (socket) => socket.on('message', (data) => socket.send(`heard ${data}`)))
  const { socket, next } = openReading(port)
  await next()
  for (const length of [1, 125, 126, 10_000]) {
    socket.send('y'.repeat(length))
    expect(await next()).toBe(`heard ${'y'.repeat(length)}`)
  }
})

test('a ping is answered with what it carried', async () => {
  const { server, port } = await listen()
  const pong = new Promise<string>((resolve) => {
    server.on('connection', (socket) => {
      socket.on('pong', (data) => resolve(data.toString()))
      socket.ping('still there?')
    })
  })
  openReading(port)
  expect(await pong).toBe('still there?')
})

test('it tells when the server closes, dies or was never there', async () => {
  const { server, port } = await listen()
  server.on('connection', (socket, request) =>
    request.url === '/close' ? socket.close() : socket.terminate(),
  )
  for (const path of ['/close', '/die']) {
    const { next } = openReading(port, path)
    expect(await next()).toBe('opened')
    expect(await next()).toBe('closed')
  }
  server.close()
  await once(server, 'close')
  expect(await openReading(port).next()).toBe('closed')
})
