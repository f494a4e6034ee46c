import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import { SUBPROTOCOL } from '../../src/protocol/version.ts'
import { type Server, startServer } from '../support/server.ts'

const PASSWORD = 'Tea-at-4!'
const UPGRADE = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
  'Sec-WebSocket-Protocol': SUBPROTOCOL,
}

let server: Server | undefined

afterEach(async () => {
  await server?.stop()
  server = undefined
})

test('while it says goodbye to its connections, a service lets no new one in: a proxy is to try another', async () => {
  // The second of two connections hears its goodbye halfway: until then the service drains.
  server = await startServer({ env: { DRAIN_SECONDS: '6' } })
  const { url } = server
  const clients = ['ann', 'ben'].map(() => createClient({ url }))
  let token = ''
  for (const [index, client] of clients.entries()) {
    client.onSession((session) => {
      token = session?.accessToken ?? token
    })
    await client.register({ username: `person${index}`, password: PASSWORD })
    const live = new Promise<void>((resolve) => {
      client.on('status', ({ state }) => state === 'live' && resolve())
    })
    client.connect()
    await live
  }
  process.kill(server.pid(), 'SIGTERM')
  while ((await fetch(`${url}/health/ready`)).ok);

  const asked = request(`${url}/ws`, { headers: { ...UPGRADE, Authorization: `Bearer ${token}` } }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  expect(response.statusCode).toBe(503)
  response.resume()
  for (const client of clients) client.disconnect()
})
