import { beforeEach, describe, expect, test } from 'vitest'
import { backoff } from '../../src/client/backoff.ts'
import { type Connection, createConnection, type Status } from '../../src/client/connection.ts'
import { CLOSES } from '../../src/protocol/errors.ts'
import { createTestEdges, createTestTokens, FakeNetwork, settled } from './fake-edges.ts'

let network: FakeNetwork
let edges: ReturnType<typeof createTestEdges>
let tokens: ReturnType<typeof createTestTokens>
let connection: Connection
let statuses: Status[]
let catchUp: () => Promise<void>

beforeEach(() => {
  network = new FakeNetwork()
  edges = createTestEdges()
  tokens = createTestTokens()
  statuses = []
  catchUp = async () => {}
  connection = createConnection(
    { ...edges, tokens, openSocket: network.open },
    { catchUp: () => catchUp(), pushed() {}, changed: (status) => statuses.push(status) },
  )
})

async function goLive(): Promise<void> {
  connection.connect()
  await settled()
  await network.socket.hello()
}

/** Lets the pause before the next try pass. */
async function retry(): Promise<void> {
  if (connection.status.state !== 'waiting') throw new Error(`Is ${connection.status.state}`)
  edges.clock.pass(connection.status.milliseconds)
  await settled()
}

/** Lets time pass while the server's heartbeats come. */
async function passQuietly(milliseconds: number): Promise<void> {
  for (let time = 0; time < milliseconds; time += 20_000) {
    edges.clock.pass(20_000)
    await network.socket.say({ type: 'heads', data: { logId: 'log-1', chats: {} } })
  }
}

describe('a connection', () => {
  test('is live once it was greeted and has caught up', async () => {
    await goLive()
    expect(statuses.map(({ state }) => state)).toEqual(['connecting', 'catching-up', 'live'])
  })

  test('15.6 comes back for ever when it is lost, and waits longer each time up to 30 s', async () => {
    await goLive()
    await network.socket.end()
    const waits: number[] = []
    for (let tries = 0; tries < 8; tries += 1) {
      if (connection.status.state === 'waiting') waits.push(connection.status.milliseconds)
      await retry()
      await network.socket.end()
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
    await retry()
    await network.socket.hello()
    expect(connection.status.state).toBe('live')
  })

  test('waits as long as the server says', async () => {
    await goLive()
    await network.socket.say({ type: 'bye', data: { code: 1012, retryAfter: 7.5 } })
    await network.socket.end(1012)
    expect(connection.status).toEqual({ state: 'waiting', milliseconds: 7_500 })
  })

  test('tries again at once when it is told to', async () => {
    await goLive()
    await network.socket.end()
    connection.connect()
    await settled()
    expect(network.sockets).toHaveLength(2)
  })

  test.each(['badFrame', 'forbidden', 'protocolVersion'] as const)(
    'does not come back after %s',
    async (reason) => {
      await goLive()
      await network.socket.end(CLOSES[reason].code)
      expect(connection.status).toEqual({ state: 'stopped', reason })
    },
  )

  test('comes back with a fresh token when its own was not good any more', async () => {
    await goLive()
    await network.socket.end(4401)
    await retry()
    expect(network.socket.token).toBe('token-2')
  })

  test('stops when a fresh token is refused too', async () => {
    await goLive()
    await network.socket.end(4401)
    await retry()
    await network.socket.end(4401)
    expect(connection.status).toEqual({ state: 'stopped', reason: 'notAuthenticated' })
  })

  test('stops when the session is over', async () => {
    tokens.isOver = true
    connection.connect()
    await settled()
    expect(connection.status).toEqual({ state: 'stopped', reason: 'notAuthenticated' })
  })

  test('takes a fresh token when its own has ended meanwhile, as while a laptop slept', async () => {
    await goLive()
    edges.clock.pass(3_600_000)
    await settled()
    await retry()
    expect(network.socket.token).toBe('token-2')
  })

  test('takes a fresh token when the upgrade goes on failing without a word', async () => {
    connection.connect()
    await settled()
    for (let tries = 0; tries < 3; tries += 1) {
      await network.socket.end(1006)
      await retry()
    }
    expect(network.sockets.map(({ token }) => token)).toEqual(['token-1', 'token-1', 'token-1', 'token-2'])
  })

  test('gives up a link that cannot catch up, and tries again', async () => {
    catchUp = () => Promise.reject(new Error('no answer'))
    await goLive()
    expect(network.socket.isClosed).toBe(true)
    expect(connection.status.state).toBe('waiting')
  })

  test('opens nothing more once it is told to disconnect', async () => {
    await goLive()
    connection.disconnect()
    edges.clock.pass(3_600_000)
    await settled()
    expect(network.sockets).toHaveLength(1)
    expect(network.socket.isClosed).toBe(true)
    expect(connection.status).toEqual({ state: 'offline' })
  })
})

describe('a link', () => {
  test('asks whether anybody is there after a quiet heartbeat', async () => {
    await goLive()
    edges.clock.pass(25_000)
    expect(network.socket.pings).toBe(1)
  })

  test('asks a server of before by a frame', async () => {
    connection.connect()
    await settled()
    await network.socket.hello({ protocolVersion: 2 })
    edges.clock.pass(25_000)
    expect([network.socket.types(), network.socket.pings]).toEqual([['ping'], 0])
  })

  test('1.14 lives as long as it is answered', async () => {
    await goLive()
    for (let beats = 1; beats <= 10; beats += 1) {
      edges.clock.pass(25_000)
      network.socket.pong()
    }
    expect([network.socket.pings, connection.status.state]).toEqual([10, 'live'])
  })

  test('is dead after 60 s of silence, whatever the socket says', async () => {
    await goLive()
    for (let time = 0; time < 60_000; time += 5_000) edges.clock.pass(5_000)
    await settled()
    expect(network.socket.isClosed).toBe(true)
    expect(connection.status.state).toBe('waiting')
  })

  test('lives as long as something is heard', async () => {
    await goLive()
    await passQuietly(300_000)
    expect(connection.status.state).toBe('live')
    expect([network.socket.sent, network.socket.pings]).toEqual([[], 0])
  })

  test('is given up when there is no hello', async () => {
    connection.connect()
    await settled()
    edges.clock.pass(15_000)
    await settled()
    expect(connection.status.state).toBe('waiting')
  })

  test('renews its token before it ends, by the server’s clock', async () => {
    edges.clock.pass(3_600_000)
    await goLive()
    await passQuietly(14 * 60_000)
    expect(network.socket.last).toMatchObject({ type: 'auth', data: { token: 'token-2' } })
    await network.socket.ack({ expiresAt: '2026-01-01T00:30:00.000Z' })
    await passQuietly(15 * 60_000)
    expect(network.socket.sent.filter(({ type }) => type === 'auth')).toHaveLength(2)
  })

  test('drops what is no frame', async () => {
    await goLive()
    const { socket } = network
    await socket.say('nonsense' as never)
    expect(connection.status.state).toBe('live')
  })
})

describe('a command', () => {
  test('resolves with its own ack, in whatever order acks come', async () => {
    await goLive()
    const read = connection.ask('message:read', { chatId: 'a', seq: 1 })
    const react = connection.ask('reaction:add', { chatId: 'a', messageId: 'm', emoji: '+1' })
    const [first, second] = network.socket.sent
    await network.socket.ack({ seq: 8 }, second)
    await network.socket.ack({ seq: 7 }, first)
    expect(await Promise.all([read, react])).toEqual([{ seq: 7 }, { seq: 8 }])
  })

  test('rejects with what the server says', async () => {
    await goLive()
    const ask = connection.ask('message:read', { chatId: 'a', seq: 1 })
    const refused = expect(ask).rejects.toMatchObject({ code: 'NOT_FOUND', requestId: 'r', retryable: false })
    await network.socket.refuse('NOT_FOUND')
    await refused
  })

  test('has an unknown outcome when the connection is lost, or no reply comes in time', async () => {
    await goLive()
    const lost = connection.ask('message:read', { chatId: 'a', seq: 1 })
    const late = expect(lost).rejects.toMatchObject({ code: 'UNKNOWN', retryable: true })
    await network.socket.end()
    await late
    await retry()
    await network.socket.hello()
    const unanswered = connection.ask('message:read', { chatId: 'a', seq: 1 })
    edges.clock.pass(10_000)
    await expect(unanswered).rejects.toMatchObject({ code: 'UNKNOWN', retryable: true })
  })

  test('is not sent without a connection, and says so', async () => {
    await expect(connection.ask('ping', {})).rejects.toMatchObject({ code: 'OFFLINE', retryable: true })
  })
})

test('backoff is a random time of up to 1 s, doubled each time up to 30 s', () => {
  const longest = [1, 2, 3, 4, 5, 6, 60].map((attempt) => backoff(attempt, () => 1))
  expect(longest).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  expect(backoff(6, () => 0)).toBe(0)
})
