import { beforeEach, describe, expect, test } from 'vitest'
import { createMemoryOutbox } from '../../src/client/outbox-storage.ts'
import { createReplica, type Replica } from '../../src/client/replica.ts'
import type { ChatEvent } from '../../src/protocol/events.ts'
import type { ServerFrame } from '../../src/protocol/frames.ts'
import { AT, GROUP, uuid } from '../support/builders.ts'
import { messageAt } from './chats.ts'
import { createTestEdges, createTestTokens, FakeNetwork, settled } from './fake-edges.ts'
import { ServedChat, userOf } from './served-chat.ts'
import { createServedReader, type ServedReader } from './served-reader.ts'

const ME = 1

let server: ServedChat
let network: FakeNetwork
let edges: ReturnType<typeof createTestEdges>
let replica: Replica
let reader: ServedReader

beforeEach(async () => {
  server = await ServedChat.create(3)
  network = new FakeNetwork()
  edges = createTestEdges()
  reader = createServedReader(() => server, ME)
  replica = createReplica(
    {
      ...edges,
      openSocket: network.open,
      tokens: createTestTokens(),
      storage: createMemoryOutbox(),
      reader,
    },
    { keepMessages: 1_000, inFlight: 1, tellDelivered: false },
  )
})

async function goLive(heads: Record<string, number> = {}, logId = 'log-1'): Promise<void> {
  replica.connect()
  await settled()
  await network.socket.hello({ logId })
  await settled()
  await network.socket.ack({ logId, chats: heads })
}

function say(...events: readonly ChatEvent[]): Promise<void> {
  for (const event of events) network.socket.say(event as ServerFrame)
  return settled()
}

const chat = () => replica.account.chats.get(GROUP)
const contents = () =>
  chat()
    ?.messages.toArray()
    .map(({ content }) => content)

/** Lets the pause before a hole is read pass, and the read come back. */
async function repaired(): Promise<void> {
  edges.clock.pass(500)
  for (let steps = 0; steps < 3; steps += 1) await settled()
}

describe('a replica', () => {
  test('lists its chats, says how far it is, and is live', async () => {
    await server.send(2, 'hello')
    await goLive({ [GROUP]: 2 })
    expect(network.socket.sent).toMatchObject([
      { type: 'sync', data: { logId: 'log-1', chats: { [GROUP]: 2 } } },
    ])
    expect(replica.status.state).toBe('live')
    expect(contents()).toEqual(['hello'])
  })

  test('applies what it hears, and tells of each new message once', async () => {
    await goLive()
    const heard: string[] = []
    replica.on('message', ({ message }) => heard.push(message.content))
    const [one] = await server.send(2, 'one')
    const [two] = await server.send(3, 'two')
    if (!one || !two) throw new Error('nothing sent')
    await say(two, one, one, two)
    expect(heard).toEqual(['one', 'two'])
    expect(reader.reads).toEqual(['list'])
  })

  test('reads a hole that nothing fills', async () => {
    await goLive()
    await server.send(2, 'lost')
    await say(...(await server.send(2, 'heard')))
    await repaired()
    expect(contents()).toEqual(['lost', 'heard'])
    expect(reader.reads).toEqual(['list', 'changes 1'])
  })

  test('15.3 reads a tail that a heartbeat shows', async () => {
    await goLive()
    await server.send(2, 'lost')
    await network.socket.say({ type: 'heads', data: { logId: 'log-1', chats: { [GROUP]: 2 } } })
    await repaired()
    expect(contents()).toEqual(['lost'])
  })

  test('reads a tail that the answer to a sync shows', async () => {
    await goLive({ [GROUP]: 2 })
    await server.send(2, 'lost')
    await repaired()
    expect(contents()).toEqual(['lost'])
  })

  test('goes on trying when a read fails', async () => {
    await goLive()
    await say(...(await server.send(2, 'one')).map((event) => ({ ...event, seq: 9 }) as ChatEvent))
    const real = server.changes
    server.changes = () => Promise.reject(new TypeError('fetch failed'))
    await repaired()
    server.changes = real
    edges.clock.pass(2_000)
    await settled()
    expect(reader.reads.filter((read) => read === 'changes 1').length).toBeGreaterThan(1)
    expect(contents()).toEqual(['one'])
  })

  test('names on reconnect what it has, and lists nothing again', async () => {
    await goLive()
    await say(...(await server.send(2, 'one')))
    await network.socket.end()
    await goLive({ [GROUP]: 2 })
    expect(network.socket.sent[0]).toMatchObject({ type: 'sync', data: { chats: { [GROUP]: 2 } } })
    expect(reader.reads).toEqual(['list'])
  })

  test.each([
    ['the last message of what it knew the last of', ['said 0'], ['said 3']],
    ['all of what it had all of, though that was nothing', [], ['said 1', 'said 2', 'said 3']],
  ])('starts afresh after a reset: with %s', async (_, first, shown) => {
    for (const content of first) await server.send(2, content)
    await goLive()
    for (let count = 1; count < 4; count += 1) await server.send(2, `said ${count}`)
    await network.socket.say({ type: 'sync:reset', data: { chatId: GROUP, head: first.length + 4 } })
    await repaired()
    expect([contents(), chat()?.applied]).toEqual([shown, first.length + 4])
  })

  test('shows after a reset what it showed before: a page, and what is still to be sent', async () => {
    for (let count = 0; count < 4; count += 1) await server.send(2, `said ${count}`)
    await goLive()
    await replica.load(GROUP)
    void replica.send(GROUP, { content: 'mine' })
    await network.socket.say({ type: 'sync:reset', data: { chatId: GROUP, head: 5 } })
    await repaired()
    expect(contents()).toEqual(['said 0', 'said 1', 'said 2', 'said 3'])
    expect(chat()?.queued.map(({ body }) => body.content)).toEqual(['mine'])
  })

  test('takes resets for what they are when its chats take several sync frames', async () => {
    reader.copies = 1_000
    replica.connect()
    await settled()
    await network.socket.hello()
    const frames = () => network.socket.sent.filter(({ type }) => type === 'sync')
    const last = uuid(0xf0000 + 999)
    for (const chatId of [GROUP, last]) {
      await network.socket.say({ type: 'sync:reset', data: { chatId, head: 1 } })
    }
    await network.socket.ack({ logId: 'log-1', chats: {} }, frames()[0])
    const states = [GROUP, last].map((chatId) => replica.account.chats.get(chatId)?.isStale)
    expect([frames().length, ...states]).toEqual([2, true, false])
  })

  test('15.4 forgets everything when the history is another one', async () => {
    await goLive()
    await say(...(await server.send(2, 'of the old history')))
    await network.socket.end()
    server = await ServedChat.create(2)
    let isCleared = false
    replica.on('cleared', () => {
      isCleared = true
    })
    await goLive({}, 'log-2')
    expect([isCleared, contents(), reader.reads]).toEqual([true, [], ['list', 'list']])
  })

  test('reconnects when a heartbeat names another history', async () => {
    await goLive()
    await network.socket.say({ type: 'heads', data: { logId: 'log-2', chats: {} } })
    await settled()
    expect(network.sockets).toHaveLength(2)
  })

  test('begins a chat that it is added to with what it is sent', async () => {
    reader.isListed = false
    await goLive()
    await server.send(2, 'hello')
    const changes = await server.changes(ME, 0)
    if (!changes) throw new Error('no changes')
    const { head: _, more: __, reset: ___, ...data } = changes
    await network.socket.say({ type: 'sync:batch', data })
    expect(contents()).toEqual(['hello'])
    expect(reader.reads).toEqual(['list'])
  })

  test('reads a chat that it hears of and does not know', async () => {
    reader.isListed = false
    await goLive()
    await say(...(await server.send(2, 'hello')))
    await repaired()
    expect(contents()).toEqual(['hello'])
  })

  test('forgets a chat that is not there when it looks', async () => {
    reader.isListed = false
    await goLive()
    const [event] = await server.send(2, 'hello')
    await server.command(1, { type: 'chat:delete' })
    if (event) await say(event)
    await repaired()
    expect(chat()).toBeUndefined()
    expect(reader.reads).toEqual(['list', 'chat'])
  })

  test('takes an own mute from a read, as no event carries it', async () => {
    await goLive()
    await say(...(await server.command(ME, { type: 'chat:mute', until: AT })))
    await repaired()
    expect(chat()?.me.mutedUntil).toBe(AT)
  })

  test('loads who takes part and older messages when asked', async () => {
    for (let count = 0; count < 8; count += 1) await server.send(2, `said ${count}`)
    await goLive()
    await replica.load(GROUP)
    expect(chat()?.participants.size).toBe(3)
    expect(contents()).toEqual(['said 4', 'said 5', 'said 6', 'said 7'])
    const [more] = await Promise.all([replica.loadOlder(GROUP), replica.loadOlder(GROUP)])
    expect([more, chat()?.messages.length]).toEqual([true, 7])
    expect(await replica.loadOlder(GROUP)).toBe(false)
    expect(chat()?.messages.length).toBe(8)
  })
})

describe('a message that is sent', () => {
  test('15.2 is shown at once, and counts as its own event when it is acknowledged', async () => {
    await goLive()
    const sent = replica.send(GROUP, { content: 'mine' })
    expect(chat()?.queued.map(({ body }) => body.content)).toEqual(['mine'])
    await settled()
    const frame = network.socket.last
    if (frame?.type !== 'message:send') throw new Error('not sent')
    const message = messageAt(2, { id: frame.data.id ?? '', senderId: uuid(ME), content: 'mine' })
    await network.socket.ack({ message, seq: 2, replayed: false })
    expect((await sent).seq).toBe(2)
    expect([chat()?.applied, chat()?.queued, contents()]).toEqual([2, [], ['mine']])
  })

  test('is sent again on the next connection when its ack was lost', async () => {
    await goLive()
    void replica.send(GROUP, { content: 'mine' })
    await settled()
    const first = network.socket.last
    await network.socket.end()
    await goLive()
    await settled()
    expect(network.socket.last).toMatchObject({ type: 'message:send', data: first?.data })
  })

  test('is not shown as queued once it has come back in another way', async () => {
    await goLive()
    void replica.send(GROUP, { content: 'mine' })
    await settled()
    const frame = network.socket.last
    if (frame?.type !== 'message:send') throw new Error('not sent')
    const { id = '', content, contentType } = frame.data
    await server.command(ME, { type: 'message:send', id, content, contentType })
    await say(...server.events.slice(1))
    expect([chat()?.queued, contents()]).toEqual([[], ['mine']])
  })

  test('is told as refused, and no more shown', async () => {
    await goLive()
    const refused: string[] = []
    replica.on('refused', ({ error }) => refused.push(error.code))
    const sent = expect(replica.send(GROUP, { content: 'mine' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
    await settled()
    await network.socket.refuse('FORBIDDEN')
    await sent
    expect([refused, chat()?.queued]).toEqual([['FORBIDDEN'], []])
  })
})

describe('a change', () => {
  test('of a message counts as its event when it is acknowledged', async () => {
    const [event] = await server.send(ME, 'wrong')
    await goLive()
    if (event?.type !== 'message:new') throw new Error('not sent')
    const { message } = event.data
    const changed = replica.change(GROUP, 'message:edit', { messageId: message.id, content: 'right' })
    const after = { ...message, content: 'right', changedSeq: 3, isEdited: true }
    await network.socket.ack({ message: after, seq: 3 })
    await changed
    expect([chat()?.applied, contents()]).toEqual([3, ['right']])
  })

  test('whose ack carries only a seq is waited for, and read when its event does not come', async () => {
    const [event] = await server.send(2, 'hello')
    await goLive()
    if (event?.type !== 'message:new') throw new Error('not sent')
    const messageId = event.data.message.id
    const changed = replica.change(GROUP, 'reaction:add', { messageId, emoji: '+1' })
    await server.command(ME, { type: 'reaction:add', messageId, emoji: '+1' })
    await network.socket.ack({ seq: 3 })
    await changed
    await repaired()
    expect(chat()?.messages.at(-1)?.reactions).toEqual([{ emoji: '+1', count: 1, users: [uuid(ME)] }])
    expect(reader.reads).toEqual(['list', 'changes 2'])
  })
})

describe('signals', () => {
  test('show who types and who is there, and typing ends with the connection', async () => {
    await goLive()
    await network.socket.say({ type: 'typing', data: { chatId: GROUP, userIds: [uuid(2)] } })
    const status = { userId: uuid(2), status: 'online' as const, lastSeen: null }
    await network.socket.say({ type: 'user:status', data: status })
    expect([chat()?.typing, replica.account.presence.get(uuid(2))]).toEqual([[uuid(2)], status])
    await network.socket.end()
    expect(chat()?.typing).toEqual([])
  })

  test('keep contacts up to date', async () => {
    await goLive()
    const contact = {
      ...{ id: uuid(2), status: 'accepted' as const, requestedBy: uuid(2), user: userOf(2) },
      ...{ createdAt: AT, acceptedAt: AT },
    }
    await network.socket.say({ type: 'contact:updated', data: { userId: uuid(2), contact } })
    expect(replica.account.contacts.get(uuid(2))).toEqual(contact)
    await network.socket.say({ type: 'contact:updated', data: { userId: uuid(2), contact: null } })
    expect(replica.account.contacts.size).toBe(0)
  })

  test('say again on each connection how one wants to be seen', async () => {
    await goLive()
    replica.setPresence('busy')
    await network.socket.end()
    await goLive()
    expect(network.socket.last).toMatchObject({ type: 'presence:update', data: { status: 'busy' } })
  })
})
