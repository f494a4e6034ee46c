import { beforeEach, describe, expect, test } from 'vitest'
import type { QueuedMessage } from '../../src/client/chat-state.ts'
import { ParleyError } from '../../src/client/error.ts'
import { createOutbox, type Outbox, type SendAck } from '../../src/client/outbox.ts'
import { createLocalOutbox, createMemoryOutbox } from '../../src/client/outbox-storage.ts'
import type { OutboxStorage } from '../../src/client/ports.ts'
import type { Ask } from '../../src/client/replies.ts'
import { messageAt } from './chats.ts'
import { createTestEdges, settled } from './fake-edges.ts'

interface Asked {
  readonly id: string
  readonly chatId: string
  readonly content: string
  ack(): Promise<void>
  refuse(error: ParleyError): Promise<void>
}

let edges: ReturnType<typeof createTestEdges>
let storage: OutboxStorage
let asked: Asked[]
let refused: string[]
let user: string | null

beforeEach(() => {
  edges = createTestEdges()
  storage = createMemoryOutbox()
  asked = []
  refused = []
  user = 'me'
})

function create(inFlight = 1): Outbox {
  const ask = ((_: string, data: { id: string; chatId: string; content: string }) =>
    new Promise<SendAck>((resolve, reject) => {
      asked.push({
        ...data,
        ack() {
          resolve({ message: messageAt(7, { id: data.id }), seq: 7, replayed: false })
          return settled()
        },
        refuse(error) {
          reject(error)
          return settled()
        },
      })
    })) as unknown as Ask
  return createOutbox(
    { ...edges, storage, ask, inFlight, userId: () => user },
    {
      queued() {},
      acked() {},
      refused: (message: QueuedMessage) => refused.push(message.body.content ?? ''),
    },
  )
}

const contents = () => asked.map(({ content }) => content)
const lost = new ParleyError('UNKNOWN', 'lost')
const busy = new ParleyError('RATE_LIMIT_EXCEEDED', 'busy', { retryAfter: 9 })
const forbidden = new ParleyError('FORBIDDEN', 'never')

/** Sends without waiting; a refusal is looked at elsewhere. */
function send(outbox: Outbox, content: string, chatId = 'a'): Promise<SendAck> {
  const sent = outbox.send(chatId, { content })
  sent.catch(() => {})
  return sent
}

describe('an outbox', () => {
  test('sends one after another, each when the one before is acknowledged', async () => {
    const outbox = create()
    outbox.start()
    const sent = send(outbox, 'one')
    send(outbox, 'two')
    await settled()
    expect(contents()).toEqual(['one'])
    await asked[0]?.ack()
    expect(contents()).toEqual(['one', 'two'])
    expect((await sent).seq).toBe(7)
  })

  test('uses the id that it is given', async () => {
    const outbox = create()
    outbox.start()
    outbox.send('a', { id: 'mine', content: 'one' }).catch(() => {})
    await settled()
    expect(asked[0]?.id).toBe('mine')
  })

  test('does not let one chat wait for another', async () => {
    const outbox = create()
    outbox.start()
    send(outbox, 'one', 'a')
    send(outbox, 'two', 'b')
    await settled()
    expect(contents()).toEqual(['one', 'two'])
  })

  test('keeps what is written without a connection, and sends it in order when there is one', async () => {
    const outbox = create()
    send(outbox, 'one')
    send(outbox, 'two')
    await settled()
    expect(asked).toEqual([])
    outbox.start()
    await asked[0]?.ack()
    expect(contents()).toEqual(['one', 'two'])
  })

  test('15.5 sends again with the same id after a lost connection, and in the same order', async () => {
    const outbox = create(2)
    outbox.start()
    for (const content of ['one', 'two', 'three']) send(outbox, content)
    await settled()
    outbox.stop()
    await asked[1]?.refuse(lost)
    await asked[0]?.refuse(lost)
    outbox.start()
    expect(contents()).toEqual(['one', 'two', 'one', 'two'])
    expect(asked[2]?.id).toBe(asked[0]?.id)
  })

  test('waits as long as it is told, and nothing overtakes meanwhile', async () => {
    const outbox = create()
    outbox.start()
    send(outbox, 'one')
    send(outbox, 'two')
    await settled()
    await asked[0]?.refuse(busy)
    edges.clock.pass(8_999)
    expect(contents()).toEqual(['one'])
    edges.clock.pass(1)
    expect(contents()).toEqual(['one', 'one'])
  })

  test('goes on for ever while an error may pass', async () => {
    const outbox = create()
    outbox.start()
    send(outbox, 'one')
    await settled()
    for (let tries = 0; tries < 50; tries += 1) {
      await asked.at(-1)?.refuse(new ParleyError('SERVICE_UNAVAILABLE', 'away'))
      edges.clock.pass(30_000)
    }
    expect(asked).toHaveLength(51)
  })

  test('drops what is refused for good, says so, and goes on with the next', async () => {
    const outbox = create()
    outbox.start()
    const sent = send(outbox, 'one')
    send(outbox, 'two')
    await settled()
    await asked[0]?.refuse(forbidden)
    await expect(sent).rejects.toBe(forbidden)
    expect(refused).toEqual(['one'])
    expect(contents()).toEqual(['one', 'two'])
  })

  test('keeps what somebody wrote while the login was expired', async () => {
    const outbox = create()
    outbox.start()
    send(outbox, 'one')
    await settled()
    await asked[0]?.refuse(new ParleyError('UNAUTHORIZED', 'expired'))
    expect(outbox.list('a')).toHaveLength(1)
  })

  test('survives a restart: what was not acknowledged is sent again, in order and before what is new', async () => {
    const before = create()
    before.start()
    for (const content of ['one', 'two', 'three']) send(before, content)
    await settled()
    await asked[0]?.ack()
    asked = []
    const after = create()
    send(after, 'four')
    after.start()
    for (let count = 0; count < 3; count += 1) {
      await settled()
      await asked[count]?.ack()
    }
    expect(contents()).toEqual(['two', 'three', 'four'])
  })

  test('waits for a storage that takes time, before it sends and before it keeps order', async () => {
    const slow = createMemoryOutbox()
    await slow.save({
      id: 'old',
      chatId: 'a',
      senderId: null,
      body: { content: 'old' },
      queuedAt: '',
      place: 3,
    })
    storage = {
      load: async () => slow.load(),
      save: (message) => settled().then(() => slow.save(message)),
      remove: async (id) => slow.remove(id),
    }
    const outbox = create()
    outbox.start()
    send(outbox, 'new')
    await settled()
    await asked[0]?.ack()
    await settled()
    expect(contents()).toEqual(['old', 'new'])
  })

  test('refuses what its storage cannot keep, and sends nothing of it', async () => {
    storage = { ...createMemoryOutbox(), save: () => Promise.reject(new Error('full')) }
    const outbox = create()
    outbox.start()
    await expect(outbox.send('a', { content: 'one' })).rejects.toBeInstanceOf(ParleyError)
    expect(asked).toEqual([])
    expect(outbox.list('a')).toEqual([])
  })

  test('leaves what another user wrote on this device where it is', async () => {
    send(create(), 'mine')
    await settled()
    user = 'somebody else'
    const outbox = create()
    send(outbox, 'theirs')
    outbox.adopt(user)
    outbox.start()
    await settled()
    expect(contents()).toEqual(['theirs'])
    expect((await storage.load()).map(({ body }) => body.content)).toEqual(['mine', 'theirs'])
  })

  test('forgets everything when it is cleared', async () => {
    const outbox = create()
    outbox.start()
    const sent = send(outbox, 'one')
    send(outbox, 'two')
    await settled()
    outbox.clear()
    await asked[0]?.ack()
    await expect(sent).rejects.toMatchObject({ code: 'UNKNOWN' })
    expect(contents()).toEqual(['one'])
    expect(await storage.load()).toEqual([])
  })
})

test('a browser’s storage keeps messages apart from what else is in it', async () => {
  const items = new Map([['theme', 'dark']])
  const local = createLocalOutbox({
    get length() {
      return items.size
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  })
  const message = { id: 'm', chatId: 'a', senderId: 'me', body: { content: 'one' }, queuedAt: '', place: 1 }
  await local.save(message)
  expect(await local.load()).toEqual([message])
  await local.remove('m')
  expect([...items.keys()]).toEqual(['theme'])
})
