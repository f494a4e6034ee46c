import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ConnectionState } from '../../../src/gateway/connection.ts'
import type { Bindings } from '../../../src/hosts/cloudflare/bindings.ts'
import type { GatewayObject } from '../../../src/hosts/cloudflare/gateway-object.ts'
import { gatewayOf } from '../../../src/hosts/cloudflare/objects.ts'
import { TIMES } from '../../../src/protocol/limits.ts'
import { PING, PONG } from '../../../src/protocol/version.ts'
import { ask, type Connected, connect, control, type Person, register } from './people.ts'

const { GATEWAYS } = env as unknown as Bindings

let cleo: Person
let byCleo: Connected
let gateway: DurableObjectStub<GatewayObject>

beforeAll(async () => {
  cleo = await register('cleo')
  byCleo = await connect(cleo)
  gateway = GATEWAYS.getByName(gatewayOf(cleo.id))
})

afterAll(() => byCleo?.socket.close())

test('1.14 ping is answered by the platform, for a gateway that sleeps, which a frame wakes', async () => {
  await evictDurableObject(gateway)
  const answered = new Promise<void>((resolve) =>
    byCleo.socket.addEventListener('message', ({ data }) => {
      if (data === PONG) resolve()
    }),
  )
  const begin = Date.now()
  byCleo.socket.send(PING)
  await answered
  // The platform notes when it answered in the place of an object.
  const answeredAt = await runInDurableObject(gateway, (_, state) =>
    state.getWebSockets(cleo.id).map((socket) => Number(state.getWebSocketAutoResponseTimestamp(socket))),
  )
  expect(answeredAt).toHaveLength(1)
  expect(answeredAt[0]).toBeGreaterThanOrEqual(begin)
  byCleo.socket.send(JSON.stringify({ type: 'ping', id: 'awake', data: {} }))
  await expect.poll(() => byCleo.frames.find(({ id }) => id === 'awake')).toMatchObject({ type: 'ack' })
})

test('7.16 the alarm that wakes a gateway gives its heartbeats, with what changed before it slept', async () => {
  const dora = await register('dora')
  const { chat } = await ask('/api/chats/group', { name: 'Night', participantIds: [dora.id] }, cleo.token)
  const { seq } = await ask(`/api/chats/${chat.id}/messages`, { content: 'Sleep well' }, dora.token)
  await expect.poll(() => runInDurableObject(gateway, (_, state) => keptHeadOf(state, chat.id))).toBe(seq)
  let next = 0
  // An alarm waits for a second: on a busy machine that may not be enough, and the next one gives them.
  for (let tries = 0; tries < 5 && next < 10_000; tries += 1) next = await wakeForHeartbeat()
  expect(next).toBeGreaterThan(10_000)
  const heads = () => byCleo.frames.flatMap(({ type, data }) => (type === 'heads' ? [data.chats] : []))
  await expect.poll(heads).toContainEqual({ [chat.id]: seq })
})

/**
 * Wakes the gateway when a heartbeat is due, over a database that does not answer at once. Answers in how many
 * milliseconds it wants to be woken again.
 */
async function wakeForHeartbeat(): Promise<number> {
  await runInDurableObject(gateway, async (_, state) => {
    state.getWebSockets().forEach(makeDue)
    // It is run by hand, and not by the time as well.
    await state.storage.setAlarm(Date.now() + 3_600_000)
  })
  await evictDurableObject(gateway)
  await control('/lock', 'begin; lock table users in access exclusive mode')
  const isRun = runDurableObjectAlarm(gateway)
  await expect.poll(isWaiting).toBe(true)
  await control('/lock', 'commit')
  expect(await isRun).toBe(true)
  return runInDurableObject(gateway, async (_, { storage }) => Number(await storage.getAlarm()) - Date.now())
}

/** Somebody waits for a lock. */
async function isWaiting(): Promise<boolean> {
  return (await control('/look', 'select 1 from pg_locks where not granted')).length > 0
}

function makeDue(socket: WebSocket): void {
  const state: ConnectionState = socket.deserializeAttachment()
  const heartbeatAt = Date.now() - TIMES.heartbeat
  socket.serializeAttachment({ ...state, beats: { ...state.beats, heartbeatAt } })
}

function keptHeadOf({ storage }: DurableObjectState, chatId: string): number | undefined {
  return storage.kv.get<{ head: number }>(`heard:${chatId}`)?.head
}
