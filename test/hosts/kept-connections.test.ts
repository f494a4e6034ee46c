import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import { post } from '../../src/hosts/node/post.ts'
import { createSendPool } from '../../src/hosts/node/send-pool.ts'
import { uuid } from '../support/builders.ts'

describe('a connection that was kept for the next request', () => {
  /** Requests that came by each connection. */
  let requests: Map<Socket, number>
  let server: Server
  let url: string
  /** How many requests of a connection are answered, before it is closed at the next one. */
  let most: number

  beforeEach(async () => {
    requests = new Map()
    most = Number.POSITIVE_INFINITY
    server = createServer(({ socket }, response) => {
      const count = (requests.get(socket) ?? 0) + 1
      requests.set(socket, count)
      if (count > most) socket.destroy()
      else response.end('{"id":"a-push"}')
    })
    // A server that says how long it keeps connections is asked no later: this one does not say it.
    server.keepAliveTimeout = 0
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  const ask = () => post({ url, headers: {}, body: '{}', isTrusted: true })

  test('is used again', async () => {
    await ask()
    await ask()
    expect([...requests.values()]).toEqual([2])
  })

  test('and is closed just then costs no push: the next one is tried, and a new one in the end', async () => {
    await Promise.all([ask(), ask(), ask()])
    most = 1
    expect(await ask()).toMatchObject({ status: 200 })
    expect([...requests.values()]).toEqual([2, 2, 2, 1])
  })

  test('is told from one that is new: what is closed there fails', async () => {
    most = 0
    await expect(ask()).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect([...requests.values()]).toEqual([1])
  })

  test('and is closed while nothing is sent is let go of at once by the thread that sends', async () => {
    const settings = parseConfig({
      ONESIGNAL_APP_ID: 'the-app',
      ONESIGNAL_API_KEY: 'the-key',
      ONESIGNAL_URL: url,
    })
    const pool = createSendPool(settings)
    const notification = {
      ...{ key: uuid(1), title: 'Ann', body: 'Tea?', link: '/', chatId: uuid(2), messageId: uuid(3) },
      ...{ userId: uuid(4), unread: 1 },
    }
    expect(await pool.send({ via: 'onesignal', tokens: ['a-phone'], notification })).toEqual({
      status: 'sent',
    })
    const [socket] = requests.keys()
    if (!socket) throw new Error('Nothing was asked')
    const closed = once(socket, 'close')
    socket.end()
    await closed
    await pool.close()
  })
})
