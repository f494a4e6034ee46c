import { expect, test } from 'vitest'
import { createMemoryBroadcast } from '../../src/rooms/memory.ts'
import type { Broadcastable } from '../../src/rooms/ports.ts'
import { GROUP, NOWHERE } from '../support/builders.ts'

const topic = `chat:${GROUP}` as const

function head(seq: number): Broadcastable {
  return { kind: 'head', seq }
}

/** A listener with what it has heard. */
function ear() {
  const heard: Broadcastable[] = []
  return { heard, listen: (item: Broadcastable) => void heard.push(item) }
}

test('everybody who listens to a topic hears it, at once and in order', async () => {
  const broadcast = createMemoryBroadcast()
  const [a, b, other] = [ear(), ear(), ear()]
  await broadcast.subscribe(topic, a.listen)
  await broadcast.subscribe(topic, b.listen)
  await broadcast.subscribe(`chat:${NOWHERE}`, other.listen)
  for (const seq of [1, 2, 3]) broadcast.publish(topic, head(seq))
  expect(a.heard).toEqual([1, 2, 3].map(head))
  expect(b.heard).toEqual(a.heard)
  expect(other.heard).toEqual([])
})

test('nothing is kept for who comes later, and who has gone hears no more', async () => {
  const broadcast = createMemoryBroadcast()
  const { heard, listen } = ear()
  broadcast.publish(topic, head(1))
  const unsubscribe = await broadcast.subscribe(topic, listen)
  broadcast.publish(topic, head(2))
  unsubscribe()
  broadcast.publish(topic, head(3))
  expect(heard).toEqual([head(2)])
})

test('who ends twice ends nothing of those who came since', async () => {
  const broadcast = createMemoryBroadcast()
  const [a, b] = [ear(), ear()]
  const unsubscribe = await broadcast.subscribe(topic, a.listen)
  unsubscribe()
  await broadcast.subscribe(topic, b.listen)
  unsubscribe()
  broadcast.publish(topic, head(1))
  expect(b.heard).toEqual([head(1)])
})

test('who ends while hearing keeps nobody else from hearing', async () => {
  const broadcast = createMemoryBroadcast()
  const { heard, listen } = ear()
  const unsubscribe = await broadcast.subscribe(topic, () => unsubscribe())
  await broadcast.subscribe(topic, listen)
  broadcast.publish(topic, head(1))
  broadcast.publish(topic, head(2))
  expect(heard).toEqual([head(1), head(2)])
})
