import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Bindings } from '../../src/hosts/cloudflare/bindings.ts'
import { type GatewayCalls, toCall } from '../../src/hosts/cloudflare/calls.ts'
import { handOver } from '../../src/hosts/cloudflare/handover.ts'

const { GATEWAYS } = env as unknown as Bindings
const stub = GATEWAYS.getByName('7')
const gateway = stub as unknown as GatewayCalls

const user = {
  ...{ id: '01900000-0000-7000-8000-000000000001', username: 'mia', displayName: 'Mia' },
  ...{ avatarUrl: null, type: 'member' as const },
}
const authenticated = {
  principal: { user, sessionId: '01900000-0000-7000-8000-000000000002' },
  expiresAt: Date.now() + 60_000,
}

test('a ticket outlives the sleep of its gateway, which it names, and is good once', async () => {
  const { ticket } = await gateway.openTicket(toCall({ authenticated }))
  await evictDurableObject(stub)
  expect(ticket).toMatch(/^7\./)
  expect(await gateway.redeemTicket(toCall({ ticket }))).toEqual(authenticated)
  expect(await gateway.redeemTicket(toCall({ ticket }))).toBeUndefined()
})

test('what is counted is counted for everybody who asks, and can be given back', async () => {
  const call = toCall({ bucket: 'auth' as const, key: 'name:mia' })
  for (let failures = 0; failures < 5; failures += 1) expect(await gateway.take(call)).toBe(0)
  expect(await gateway.take(call)).toBeGreaterThan(0)
  const other = toCall({ bucket: 'auth' as const, key: 'name:otto' })
  for (let logins = 0; logins < 10; logins += 1) {
    expect(await gateway.take(other)).toBe(0)
    await gateway.giveBack(other)
  }
})

test('a socket that cannot be opened, because the database is away, is told to come back', async () => {
  const upgrade = new Request('https://gateway/ws', { headers: { Upgrade: 'websocket' } })
  const response = await stub.fetch(handOver(upgrade, authenticated))
  const socket = response.webSocket
  const closed = new Promise((resolve) => socket?.addEventListener('close', ({ code }) => resolve(code)))
  socket?.accept()
  expect([response.status, await closed]).toEqual([101, 1012])
  expect(await gateway.statuses(toCall({ userIds: [user.id] }))).toEqual({})
})
