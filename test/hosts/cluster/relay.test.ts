import { v7 } from 'uuid'
import { expect, test } from 'vitest'
import { createRelay, type Relay } from '../../../src/hosts/node/cluster/relay.ts'
import { createRing } from '../../../src/hosts/node/cluster/ring.ts'
import type { CommandType } from '../../../src/protocol/commands.ts'
import { TIMES } from '../../../src/protocol/limits.ts'
import type { Envelope, Outcome, Principal } from '../../../src/rooms/ports.ts'
import { createTestClock } from '../../support/test-clock.ts'
import { createMemoryBus } from './memory-pubsub.ts'

const CHAT = v7()
const PRINCIPAL: Principal = {
  user: { id: v7(), username: 'ann', displayName: 'Ann', avatarUrl: null, type: 'member' },
  sessionId: v7(),
}

function send(content: string, id?: string): Envelope {
  const command = { type: 'message:send', chatId: CHAT, content, ...(id !== undefined && { id }) }
  return { principal: PRINCIPAL, command: command as Envelope['command'], origin: 'a-connection' }
}

/** Two instances; `owner` owns the chat, `other` does not. Each records what its rooms were asked. */
function stage() {
  const clock = createTestClock()
  const bus = createMemoryBus()
  const taking = new Set(['one', 'two'])
  const soon: (() => void)[] = []
  const start = (self: string) => {
    const link = bus.link()
    const asked: string[] = []
    const ids: (string | undefined)[] = []
    let answer = (_: Envelope): Promise<Outcome> => Promise.resolve(DONE)
    const rooms = {
      get: () => ({
        dispatch: async <T extends CommandType>(envelope: Envelope<T>) => {
          const { command } = envelope as Envelope
          if (command.type === 'message:send') {
            asked.push(command.content ?? '')
            ids.push(command.id)
          }
          return answer(envelope as Envelope) as Promise<Outcome<T>>
        },
        typing: (principal: Principal, isTyping: boolean) =>
          void asked.push(`${principal.user.username} ${isTyping ? 'types' : 'stops'}`),
        reload: async () => {},
      }),
      reload: async () => void asked.push('reload'),
    }
    const relay = createRelay({
      pubsub: link,
      members: {
        self,
        get taking() {
          return createRing(taking)
        },
        doubt: (instanceId) => void taking.delete(instanceId),
      },
      rooms,
      clock,
      ids: { uuid: () => v7() },
      soon: (run) => void soon.push(run),
    })
    return { relay, link, asked, ids, answers: (it: typeof answer) => (answer = it) }
  }
  const one = start('one')
  const two = start('two')
  const isOne = createRing(taking).ownerOf(CHAT) === 'one'
  /** Runs what waits for the end of the pass, until nothing does. */
  const settle = async () => {
    for (let quiet = 0; quiet < 5; quiet += 1) {
      await Promise.resolve()
      const runs = soon.splice(0)
      if (runs.length > 0) quiet = 0
      for (const run of runs) run()
    }
  }
  const dispatch = (relay: Relay, envelope: Envelope) => relay.get(CHAT).dispatch(envelope)
  const [owner, other] = isOne ? [one, two] : [two, one]
  return { clock, bus, taking, owner, other, ownerId: isOne ? 'one' : 'two', settle, dispatch }
}

const DONE = { ok: true, data: { seq: 7 } } as unknown as Outcome

test('a command for a chat of the other goes there, and its outcome comes back', async () => {
  const { owner, other, settle, dispatch } = stage()
  const outcome = dispatch(other.relay, send('hello'))
  await settle()
  expect(await outcome).toEqual(DONE)
  expect([owner.asked, other.asked]).toEqual([['hello'], []])
})

test('a command for a chat of its own goes over no bus', async () => {
  const { bus, owner, dispatch } = stage()
  expect(await dispatch(owner.relay, send('hello'))).toEqual(DONE)
  expect(bus.published).toEqual([])
})

test('what goes to one instance within a pass goes together, in order', async () => {
  const { bus, owner, other, settle, dispatch } = stage()
  const outcomes = ['1', '2', '3'].map((content) => dispatch(other.relay, send(content)))
  await settle()
  await Promise.all(outcomes)
  expect(owner.asked).toEqual(['1', '2', '3'])
  expect(bus.published).toHaveLength(2)
})

test('an owner that is gone is given up at once, and the command is decided here, as the same message', async () => {
  const { owner, other, ownerId, taking, settle, dispatch } = stage()
  owner.answers(() => new Promise(() => {}))
  const outcome = dispatch(other.relay, send('hello'))
  await settle()
  taking.delete(ownerId)
  other.relay.giveUp(ownerId)
  await settle()
  expect(await outcome).toEqual(DONE)
  expect(other.asked).toEqual(['hello'])
  expect(other.ids[0]).toBeDefined()
  expect(other.ids).toEqual(owner.ids)
})

test('an owner that nobody hears under its name is doubted, and the command is decided here at once', async () => {
  const { other, settle, dispatch, taking } = stage()
  taking.clear()
  for (const killed of ['three', 'four', 'five']) taking.add(killed)
  const outcome = dispatch(other.relay, send('hello'))
  await settle()
  expect(await outcome).toEqual(DONE)
  expect(other.asked).toEqual(['hello'])
  expect([...taking]).toEqual([])
})

test('an owner that is frozen is asked three times in 7.5 s, then the command is decided here', async () => {
  const { clock, owner, other, settle, dispatch } = stage()
  owner.answers(() => new Promise(() => {}))
  const outcome = dispatch(other.relay, send('hello'))
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await settle()
    expect(other.asked).toEqual([])
    clock.pass(2_500)
  }
  await settle()
  expect(await outcome).toEqual(DONE)
  expect([owner.asked.length, other.asked.length]).toEqual([3, 1])
})

test('an owner that could not commit in time says so itself, and is not asked again', async () => {
  const { clock, owner, other, settle, dispatch } = stage()
  const late: (() => void)[] = []
  const refused = { ok: false, refusal: { code: 'SERVICE_UNAVAILABLE' } } as unknown as Outcome
  owner.answers(() => new Promise((resolve) => late.push(() => resolve(refused))))
  const outcome = dispatch(other.relay, send('hello'))
  await settle()
  clock.pass(TIMES.commitDeadline + 100)
  late[0]?.()
  await settle()
  expect(await outcome).toEqual(refused)
  expect([owner.asked.length, other.asked.length]).toEqual([1, 0])
})

test('an answer that comes after its question was given up is dropped', async () => {
  const { clock, owner, other, settle, dispatch } = stage()
  const late: (() => void)[] = []
  owner.answers(() => new Promise((resolve) => late.push(() => resolve(DONE))))
  const outcome = dispatch(other.relay, send('hello'))
  await settle()
  clock.pass(2_500)
  await settle()
  late[1]?.()
  await settle()
  expect(await outcome).toEqual(DONE)
  late[0]?.()
  await settle()
  expect(other.asked).toEqual([])
})

test('instances that disagree hand a command on once: whoever gets it decides', async () => {
  const { owner, other, taking, ownerId, settle, dispatch } = stage()
  const outcome = dispatch(other.relay, send('hello'))
  // By now the one that is asked believes that the other owns the chat.
  taking.delete(ownerId)
  await settle()
  expect(await outcome).toEqual(DONE)
  expect([owner.asked, other.asked]).toEqual([['hello'], []])
})

test('typing goes to the owner', async () => {
  const { owner, other, settle } = stage()
  other.relay.get(CHAT).typing(PRINCIPAL, true)
  await settle()
  expect(owner.asked).toEqual(['ann types'])
})

test('a reload reaches the rooms of every instance before it resolves', async () => {
  const { owner, other, settle } = stage()
  const reloaded = other.relay.get(CHAT).reload()
  await settle()
  await reloaded
  expect(owner.asked).toContain('reload')
  expect(other.asked).toEqual(['reload'])
})

test('a drain waits until what others have asked is answered', async () => {
  const { owner, other, settle, dispatch } = stage()
  const answers: ((outcome: Outcome) => void)[] = []
  owner.answers(() => new Promise((resolve) => answers.push(resolve)))
  const outcome = dispatch(other.relay, send('hello'))
  await settle()
  let isDrained = false
  const drained = owner.relay.drain().then(() => {
    isDrained = true
  })
  await settle()
  expect(isDrained).toBe(false)
  answers[0]?.(DONE)
  await settle()
  expect(await outcome).toEqual(DONE)
  await settle()
  await drained
})
