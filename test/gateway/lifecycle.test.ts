import { beforeEach, describe, expect, test } from 'vitest'
import type { GatewayPorts } from '../../src/gateway/gateway.ts'
import { RefusalError } from '../../src/protocol/errors.ts'
import { TIMES } from '../../src/protocol/limits.ts'
import { aGroup, GROUP, MIA, OTTO, principalOf, settled, tablesWith } from '../support/builders.ts'
import { type Client, createStage, HOUR, type Stage } from './stage.ts'

const SEND = { chatId: GROUP, content: 'hello' }

let stage: Stage
let mia: Client

async function begin(with_: Partial<GatewayPorts> = {}): Promise<void> {
  stage = createStage(tablesWith([aGroup()]), with_)
  mia = await stage.connect(MIA, { sessionId: 'phone' })
}

beforeEach(() => begin())

/** Signs of life, every 20 s, while time passes. */
async function pass(milliseconds: number, ...clients: Client[]): Promise<void> {
  for (let left = milliseconds; left > 0; left -= 20_000) {
    await stage.clock.pass(Math.min(left, 20_000))
    for (const { connection } of clients) connection.heard()
  }
}

describe('a login that is revoked', () => {
  test('ends its connections and no others', async () => {
    const [desk, other] = [await stage.connect(MIA, { sessionId: 'desk' }), await stage.connect(OTTO)]
    stage.broadcast.publish(`user:${MIA.id}`, { kind: 'revoked', sessionId: 'phone' })
    expect([mia, desk, other].map(({ socket }) => socket.closed)).toEqual([
      'notAuthenticated',
      undefined,
      undefined,
    ])
  })

  test('may be all of them but the one that asked', async () => {
    const desk = await stage.connect(MIA, { sessionId: 'desk' })
    stage.broadcast.publish(`user:${MIA.id}`, { kind: 'revoked', sessionId: null, exceptSessionId: 'desk' })
    expect([mia, desk].map(({ socket }) => socket.closed)).toEqual(['notAuthenticated', undefined])
    stage.broadcast.publish(`user:${MIA.id}`, { kind: 'revoked', sessionId: null })
    expect(desk.socket.closed).toBe('notAuthenticated')
  })

  test('ends a connection that is still opening', async () => {
    const release = stage.changes.hang()
    const opening = stage.open(MIA, { sessionId: 'tablet' })
    await settled()
    stage.broadcast.publish(`user:${MIA.id}`, { kind: 'revoked', sessionId: 'tablet' })
    release()
    await settled()
    expect([opening.socket.closed, opening.socket.sent]).toEqual(['notAuthenticated', []])
  })

  test('is found within a minute where no word of it comes', async () => {
    let isCurrent = true
    const authenticator = { verify: () => Promise.reject(new Error()), isCurrent: async () => isCurrent }
    await begin({ authenticator })
    isCurrent = false
    await pass(TIMES.principalCheck, mia)
    expect(mia.socket.closed).toBe('notAuthenticated')
  })

  test('is not supposed where it cannot be asked', async () => {
    const authenticator = {
      verify: () => Promise.reject(new Error()),
      isCurrent: () => Promise.reject(new Error('away')),
    }
    await begin({ authenticator })
    await pass(3 * TIMES.principalCheck, mia)
    expect(mia.socket.closed).toBeUndefined()
  })
})

describe('a token that ends', () => {
  test('10.11 closes its connection', async () => {
    await pass(HOUR - 1_000, mia)
    expect(mia.socket.closed).toBeUndefined()
    await pass(1_000, mia)
    expect(mia.socket.closed).toBe('notAuthenticated')
  })

  test('may be renewed on the open connection', async () => {
    const expiresAt = stage.clock.now() + 2 * HOUR
    const verify = async () => ({ principal: principalOf(MIA, 'phone'), expiresAt })
    await begin({ authenticator: { verify, isCurrent: async () => true } })
    expect(await mia.ask('auth', { token: 'fresh' })).toMatchObject({
      data: { expiresAt: '2026-01-01T02:00:00.000Z' },
    })
    await pass(HOUR + 1_000, mia)
    expect(mia.socket.closed).toBeUndefined()
    await pass(HOUR, mia)
    expect(mia.socket.closed).toBe('notAuthenticated')
  })

  test('is not renewed by a bad one, or by another user’s', async () => {
    const refusal = new RefusalError({ code: 'UNAUTHORIZED', message: 'No good token' })
    const verify = async (token: string) => {
      if (token === 'bad') throw refusal
      return { principal: principalOf(OTTO), expiresAt: stage.clock.now() + 9 * HOUR }
    }
    await begin({ authenticator: { verify, isCurrent: async () => true } })
    expect(await mia.ask('auth', { token: 'bad' })).toMatchObject({ error: { code: 'UNAUTHORIZED' } })
    expect(await mia.ask('auth', { token: 'of otto' })).toMatchObject({
      error: { code: 'FORBIDDEN', details: [{ field: 'token' }] },
    })
    expect(mia.connection.principal.user.id).toBe(MIA.id)
    await pass(HOUR, mia)
    expect(mia.socket.closed).toBe('notAuthenticated')
  })
})

describe('a connection is closed', () => {
  test('2.13 when its reader is too slow; the others hear on', async () => {
    const otto = await stage.connect(OTTO)
    mia.socket.slow = true
    await otto.ask('message:send', SEND)
    await otto.ask('message:send', SEND)
    expect([mia.socket.closed, otto.socket.closed]).toEqual(['slow', undefined])
    expect(mia.heard()).toEqual([])
    expect(stage.gateway.counts()).toMatchObject({ connections: 1, users: 1 })
  })

  test('1.14 when it pings and does not read the answers', () => {
    mia.socket.slow = true
    for (let count = 0; count < 2; count += 1) mia.connection.receive('ping')
    const sent = mia.socket.sent.flatMap(({ texts }) => texts)
    expect([mia.socket.closed, sent.includes('pong')]).toEqual(['slow', false])
  })

  test('7.17 when nothing was heard of it for a minute', async () => {
    const otto = await stage.connect(OTTO)
    await pass(TIMES.silence, otto)
    expect(mia.socket.closed).toBeUndefined()
    await pass(1_001, otto)
    expect([mia.socket.closed, otto.socket.closed]).toEqual(['silent', undefined])
  })

  test.each(['ping', 'binary', 'nonsense', 'no frame'])('not while it says something: %s', async (what) => {
    for (let time = 0; time < 4; time += 1) {
      await stage.clock.pass(30_000)
      if (what === 'binary') mia.connection.receiveBinary()
      else if (what === 'no frame') mia.connection.receive('ping')
      else mia.say(what, {})
    }
    expect(mia.socket.closed).toBeUndefined()
  })

  test('after a stream of bad frames, each of which is answered', async () => {
    for (let count = 1; count < 20; count += 1) mia.connection.receive('{')
    expect(mia.socket.closed).toBeUndefined()
    mia.connection.receive('[]')
    expect(mia.socket.closed).toBe('badFrame')
    expect(mia.socket.sent).toHaveLength(21)
  })

  test('not when good frames come between', async () => {
    for (let count = 1; count < 100; count += 1) {
      mia.connection.receiveBinary()
      if (count % 10 === 0) await mia.ask('ping', {})
    }
    expect(mia.socket.closed).toBeUndefined()
  })

  test('once, and hears nothing more', async () => {
    mia.connection.close('slow')
    mia.connection.close('silent')
    mia.connection.disconnect()
    mia.connection.receive('{"type":"ping","id":"1","data":{}}')
    mia.connection.receiveBinary()
    expect([mia.socket.closed, mia.replyTo('1')]).toEqual(['slow', undefined])
  })
})

describe('a drain', () => {
  test('12.3 says bye to everybody, spread over its time', async () => {
    const clients = [mia, await stage.connect(OTTO), await stage.connect(OTTO), await stage.connect(MIA)]
    const drained = stage.gateway.drain(4_000, 'nobody')
    const closedAfter: number[] = []
    for (let after = 0; after < 4_000; after += 1_000) {
      closedAfter.push(clients.filter(({ socket }) => socket.closed === 'restart').length)
      await stage.clock.pass(1_000)
    }
    await drained
    expect(closedAfter).toEqual([1, 2, 3, 4])
    const byes = clients.map((client) => client.heard().at(-1))
    expect(byes).toEqual(
      [1, 2, 3, 4].map((retryAfter) => ({ type: 'bye', data: { code: 1012, retryAfter } })),
    )
    expect(stage.gateway.counts()).toEqual({ connections: 0, users: 0, chats: 0 })
  })

  test('12.3 sends everybody to the other instances at once, where there are any', async () => {
    const drained = stage.gateway.drain(0, 'others')
    expect(mia.heard().at(-1)).toEqual({ type: 'bye', data: { code: 1012, retryAfter: 0 } })
    await drained
  })

  test('of nobody ends at once, and remembers who was last seen', async () => {
    mia.connection.disconnect()
    await stage.gateway.drain(10_000, 'nobody')
    expect([...stage.seen.keys()]).toEqual([MIA.id])
  })

  test('lets nobody in any more', async () => {
    const drained = stage.gateway.drain(1_000, 'nobody')
    const late = stage.open(OTTO)
    expect([late.socket.closed, late.heard()]).toEqual(['restart', []])
    await stage.clock.pass(1_000)
    await drained
    expect(stage.gateway.counts()).toEqual({ connections: 0, users: 0, chats: 0 })
  })

  test('stops the heartbeat', async () => {
    await stage.gateway.drain(0, 'nobody')
    stage.rooms.drain()
    await stage.clock.pass(HOUR)
    expect(stage.clock.timers).toBe(0)
  })
})
