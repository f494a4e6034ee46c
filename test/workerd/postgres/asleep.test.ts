import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Bindings } from '../../../src/hosts/cloudflare/bindings.ts'
import { gatewayOf } from '../../../src/hosts/cloudflare/objects.ts'
import { PING, PONG } from '../../../src/protocol/version.ts'
import { type Connected, connect, type Person, register } from './people.ts'

const { GATEWAYS } = env as unknown as Bindings

let cleo: Person
let byCleo: Connected

beforeAll(async () => {
  cleo = await register('cleo')
  byCleo = await connect(cleo)
})

afterAll(() => byCleo?.socket.close())

test('1.14 ping is answered by the platform, for a gateway that sleeps, which a frame wakes', async () => {
  const gateway = GATEWAYS.getByName(gatewayOf(cleo.id))
  await evictDurableObject(gateway)
  const answered = new Promise((resolve) =>
    byCleo.socket.addEventListener('message', ({ data }) => resolve(data), { once: true }),
  )
  const begin = Date.now()
  byCleo.socket.send(PING)
  expect(await answered).toBe(PONG)
  // The platform notes when it answered in the place of an object.
  const answeredAt = await runInDurableObject(gateway, (_, state) =>
    state.getWebSockets(cleo.id).map((socket) => Number(state.getWebSocketAutoResponseTimestamp(socket))),
  )
  expect(answeredAt).toHaveLength(1)
  expect(answeredAt[0]).toBeGreaterThanOrEqual(begin)
  byCleo.socket.send(JSON.stringify({ type: 'ping', id: 'awake', data: {} }))
  await expect.poll(() => byCleo.frames.find(({ id }) => id === 'awake')).toMatchObject({ type: 'ack' })
})
