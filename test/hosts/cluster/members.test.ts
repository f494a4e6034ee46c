import { expect, test } from 'vitest'
import { createMembers, type Members } from '../../../src/hosts/node/cluster/members.ts'
import { createTestClock } from '../../support/test-clock.ts'
import { createMemoryBus, type MemoryLink } from './memory-pubsub.ts'

interface Instance {
  readonly members: Members
  readonly link: MemoryLink
  readonly gone: string[]
  /** Of whom it learnt that they hear nothing. */
  readonly deaf: string[]
}

async function stage(...names: string[]) {
  const clock = createTestClock()
  const bus = createMemoryBus()
  const instances: Record<string, Instance> = {}
  const start = async (self: string, with_: Partial<MemoryLink> = {}): Promise<Instance> => {
    const link = Object.assign(bus.link(), with_)
    const gone: string[] = []
    const deaf: string[] = []
    const members = createMembers({
      ...{ self, pubsub: link, clock },
      onGone: (id) => gone.push(id),
      onDeaf: (id) => deaf.push(id),
    })
    await settled()
    return { members, link, gone, deaf }
  }
  for (const name of names) instances[name] = await start(name)
  return { clock, start, at: (name: string) => instances[name] as Instance }
}

/** The subscriptions, the first echo, and then the word that it is there. */
async function settled(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await Promise.resolve()
}

/** Asks whether it has come to its end by now. */
function isSettled(promise: Promise<void>): () => Promise<boolean> {
  let isDone = false
  void promise.then(() => {
    isDone = true
  })
  return async () => {
    await settled()
    return isDone
  }
}

function pass(clock: ReturnType<typeof createTestClock>, seconds: number) {
  for (let count = 0; count < seconds * 4; count += 1) clock.pass(250)
}

test('whoever starts is known to all, and knows all, without waiting for a heartbeat', async () => {
  const { at } = await stage('a', 'b', 'c')
  for (const name of ['a', 'b', 'c']) expect([...at(name).members.taking].sort()).toEqual(['a', 'b', 'c'])
})

test('whoever starts has joined when the others have had the time to answer', async () => {
  const { clock, start } = await stage('a')
  const { members } = await start('b')
  const joined = isSettled(members.joined)
  clock.pass(249)
  expect(await joined()).toBe(false)
  clock.pass(1)
  expect(await joined()).toBe(true)
})

test('whoever can hear before it can speak says that it is there when it can', async () => {
  const { clock, start, at } = await stage('a')
  const { members, link } = await start('b', { isMute: true })
  const joined = isSettled(members.joined)
  expect([...at('a').members.taking]).toEqual(['a'])
  link.isMute = false
  clock.pass(250)
  await settled()
  expect([...at('a').members.taking].sort()).toEqual(['a', 'b'])
  expect([...members.taking].sort()).toEqual(['a', 'b'])
  expect(link.reconnects).toBe(0)
  expect(await joined()).toBe(false)
  clock.pass(250)
  expect(await joined()).toBe(true)
})

test('whoever starts without Redis waits for it for 2 s and no longer', async () => {
  const { clock, start } = await stage()
  const { members } = await start('a', { isDown: true })
  const joined = isSettled(members.joined)
  clock.pass(1_999)
  expect(await joined()).toBe(false)
  clock.pass(1)
  expect(await joined()).toBe(true)
})

test('an instance that is silent for 4 s is gone, and is told of once', async () => {
  const { clock, at } = await stage('a', 'b')
  at('b').link.isDown = true
  pass(clock, 4)
  expect([...at('a').members.taking]).toContain('b')
  pass(clock, 2)
  expect([...at('a').members.taking]).toEqual(['a'])
  expect(at('a').gone).toEqual(['b'])
})

test('an instance that comes back is known again', async () => {
  const { clock, at } = await stage('a', 'b')
  at('b').link.isDown = true
  pass(clock, 6)
  at('b').link.isDown = false
  pass(clock, 2)
  expect([...at('a').members.taking].sort()).toEqual(['a', 'b'])
  expect([...at('b').members.taking].sort()).toEqual(['a', 'b'])
})

test('whose link is down serves every chat itself, at once', async () => {
  const { at } = await stage('a', 'b')
  at('a').link.isDown = true
  expect([...at('a').members.taking]).toEqual(['a'])
  expect(at('a').members.isDeaf).toBe(true)
})

test('who hears nothing over a link that looks well finds out, and makes the link anew', async () => {
  const { clock, at } = await stage('a', 'b')
  pass(clock, 1)
  at('a').link.isStarved = true
  pass(clock, 0.5)
  expect(at('a').members.isDeaf).toBe(false)
  pass(clock, 0.25)
  expect(at('a').members.isDeaf).toBe(true)
  pass(clock, 4)
  expect([...at('a').members.taking]).toEqual(['a'])
  expect(at('a').gone).toEqual([])
  pass(clock, 2)
  expect(at('a').link.reconnects).toBeGreaterThan(0)
  at('a').link.isStarved = false
  pass(clock, 2)
  expect(at('a').members.isDeaf).toBe(false)
  expect([...at('a').members.taking].sort()).toEqual(['a', 'b'])
})

test('who hears nothing says so: it gets no commands, and nobody waits for its answers', async () => {
  const { clock, at } = await stage('a', 'b')
  pass(clock, 1)
  at('a').link.isStarved = true
  pass(clock, 0.75)
  expect([...at('b').members.taking]).toEqual(['b'])
  expect([at('a').deaf, at('b').deaf]).toEqual([['a'], ['a']])
  pass(clock, 6)
  expect(at('b').members.isThere('a')).toBe(true)
  expect(at('b').gone).toEqual([])
  at('a').link.isStarved = false
  pass(clock, 2)
  expect([...at('b').members.taking].sort()).toEqual(['a', 'b'])
})

test('who hears nothing from the start says so as well', async () => {
  const { clock, start, at } = await stage('a')
  const late = await start('b', { isStarved: true })
  pass(clock, 2)
  expect([...at('a').members.taking]).toEqual(['a'])
  expect(late.members.isDeaf).toBe(true)
})

test('of several connections, the silence of one is silence, until all are heard', async () => {
  const { clock, at, start } = await stage('b')
  const one = await start('a', { channelsOfEach: (name) => [`${name}:1`, `${name}:2`] })
  pass(clock, 1)
  expect(one.members.isDeaf).toBe(false)
  one.link.loses = (channel) => channel.endsWith(':2')
  pass(clock, 0.75)
  expect(one.members.isDeaf).toBe(true)
  pass(clock, 3)
  expect(one.members.isDeaf).toBe(true)
  one.link.loses = () => false
  pass(clock, 1)
  expect(one.members.isDeaf).toBe(false)
  expect(at('b').gone).toEqual([])
})

test('a connection that goes is asked of no more, and one that comes is', async () => {
  const { clock, start } = await stage()
  let channels = ['one', 'two']
  const { members, link } = await start('a', { channelsOfEach: () => channels })
  link.loses = (channel) => channel === 'two'
  pass(clock, 1)
  expect(members.isDeaf).toBe(true)
  channels = ['one']
  pass(clock, 1)
  expect(members.isDeaf).toBe(false)
  channels = ['one', 'two']
  pass(clock, 0.25)
  await Promise.resolve()
  pass(clock, 1)
  expect(members.isDeaf).toBe(true)
})

test('who was frozen holds neither itself for deaf nor the others for gone', async () => {
  const { clock, at } = await stage('a', 'b')
  pass(clock, 1)
  at('a').link.isStarved = true
  clock.pass(10_000)
  at('a').link.isStarved = false
  expect(at('a').members.isDeaf).toBe(false)
  expect([...at('a').members.taking].sort()).toEqual(['a', 'b'])
  pass(clock, 1)
  expect(at('a').gone).toEqual([])
})

test('an instance that is silent is gone, however often one was deaf meanwhile', async () => {
  const { clock, at } = await stage('a', 'b')
  pass(clock, 1)
  at('b').link.isDown = true
  for (let round = 0; round < 10; round += 1) {
    at('a').link.isStarved = true
    pass(clock, 1)
    expect(at('a').members.isDeaf).toBe(true)
    at('a').link.isStarved = false
    pass(clock, 1)
  }
  expect(at('a').gone).toEqual(['b'])
})

test('who is doubted gets no commands until it is heard again, and is not gone', async () => {
  const { clock, at } = await stage('a', 'b')
  at('a').members.doubt('b')
  at('a').members.doubt('a')
  at('a').members.doubt('nobody')
  expect([...at('a').members.taking]).toEqual(['a'])
  expect(at('a').members.isThere('b')).toBe(true)
  pass(clock, 1)
  expect([...at('a').members.taking].sort()).toEqual(['a', 'b'])
  expect(at('a').gone).toEqual([])
})

test('who leaves takes no more commands and is still there, until it stops', async () => {
  const { at } = await stage('a', 'b')
  at('b').members.leave()
  expect([...at('a').members.taking]).toEqual(['a'])
  expect([...at('b').members.taking]).toEqual(['a'])
  expect(at('a').members.isThere('b')).toBe(true)
  at('b').members.stop()
  await Promise.resolve()
  expect(at('a').members.isThere('b')).toBe(false)
  expect(at('a').gone).toEqual(['b'])
})

test('the last to leave goes on taking its own commands', async () => {
  const { at } = await stage('a')
  at('a').members.leave()
  expect([...at('a').members.taking]).toEqual(['a'])
})
