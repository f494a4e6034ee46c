import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Bindings } from '../../src/hosts/cloudflare/bindings.ts'
import { checkCall, type RoomCalls, toCall, toDispatchCall } from '../../src/hosts/cloudflare/calls.ts'
import { BUSY } from '../support/patience.ts'

const CHAT = '01900000-0000-7000-8000-0000000000c1'
const { ROOMS } = env as unknown as Bindings
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
  await room.attach('7')
  await room.attach('9')
  await room.attach('7')
  await room.detach('9')
  await evictDurableObject(stub)
  expect(await room.listeners()).toEqual(['7'])
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

test('a call of the last form is taken, one of the next is not', async () => {
  const call = toCall({ chatId: CHAT, principal, isTyping: false })
  await room.typing({ ...call, version: call.version - 1 })
  expect(() => checkCall({ ...call, version: call.version + 1 })).toThrow('A call of version')
})

test('an alarm follows who typed, though the object has lost its memory', async () => {
  await room.typing(toCall({ chatId: CHAT, principal, isTyping: true }))
  await evictDurableObject(stub)
  expect(await runDurableObjectAlarm(stub)).toBe(true)
})
