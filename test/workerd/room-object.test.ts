import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Bindings } from '../../src/hosts/cloudflare/bindings.ts'
import {
  type GatewayCalls,
  type RoomCalls,
  toCall,
  toDispatchCall,
} from '../../src/hosts/cloudflare/calls.ts'
import { BUSY } from '../support/patience.ts'

const CHAT = '01900000-0000-7000-8000-0000000000c1'
const { ROOMS, GATEWAYS } = env as unknown as Bindings
const stub = ROOMS.getByName(CHAT)
const room = stub as unknown as RoomCalls

const user = {
  id: '01900000-0000-7000-8000-000000000001',
  username: 'mia',
  displayName: 'Mia',
  avatarUrl: null,
  type: 'member' as const,
}
const principal = { user, sessionId: '01900000-0000-7000-8000-000000000002' }
const command = { type: 'chat:leave' as const, chatId: CHAT }

test('who listens outlives the object', async () => {
  await room.attach(toCall({ gateway: '7' }))
  await room.attach(toCall({ gateway: '9' }))
  await room.attach(toCall({ gateway: '7' }))
  await room.detach(toCall({ gateway: '9' }))
  await evictDurableObject(stub)
  expect(await room.listeners(toCall({}))).toEqual(['7'])
})

test('with the database away a command is refused as retryable, within the time of a commit', async () => {
  const begun = Date.now()
  const outcome = await room.dispatch(toDispatchCall(CHAT, { principal, command, origin: null }))
  expect(JSON.parse(outcome)).toMatchObject({
    ok: false,
    refusal: { code: 'SERVICE_UNAVAILABLE', retryAfter: 1 },
  })
  expect(Date.now() - begun).toBeLessThan(3_000 + BUSY)
})

test('an alarm says that nobody types any more, though the object has lost its memory', async () => {
  const heard: string[] = []
  await runInDurableObject(GATEWAYS.getByName('7'), (object) => {
    const gateway = object as unknown as GatewayCalls
    gateway.hear = async ({ topic, text }) => void heard.push(`${topic} ${text}`)
  })
  await room.attach(toCall({ gateway: '7' }))
  await room.typing(toCall({ chatId: CHAT, principal, isTyping: true }))
  await evictDurableObject(stub)
  expect(await runDurableObjectAlarm(stub)).toBe(true)
  const signal = JSON.stringify({ type: 'typing', data: { chatId: CHAT, userIds: [] } })
  await expect.poll(() => heard).toEqual([`chat:${CHAT} ${JSON.stringify({ kind: 'signal', text: signal })}`])
})
