import { beforeEach, expect, test } from 'vitest'
import type { Command } from '../../src/protocol/commands.ts'
import { TIMES } from '../../src/protocol/limits.ts'
import { aGroup, aMessage, GROUP, MIA, OLGA, settled, tablesWith } from '../support/builders.ts'
import { type Client, createStage, type Stage } from './stage.ts'

let stage: Stage
let mia: Client

beforeEach(async () => {
  stage = createStage(tablesWith([aGroup(), aMessage(5)]))
  mia = await stage.connect(MIA)
})

function sent(content = 'hello'): Command {
  return { type: 'message:send', chatId: GROUP, contentType: 'text', content }
}

test('tells the heads of chats that changed since the last one', async () => {
  await stage.do(OLGA, sent())
  await stage.clock.pass(TIMES.heartbeat)
  expect(mia.heard().at(-1)).toEqual({ type: 'heads', data: { logId: 'log-1', chats: { [GROUP]: 11 } } })
  await stage.clock.pass(2 * TIMES.heartbeat)
  expect(mia.heard().at(-1)).toEqual({ type: 'heads', data: { logId: 'log-1', chats: {} } })
})

test('7.16 that is late tells what changed since the last one, and the next one is in time', async () => {
  stage = createStage(tablesWith([aGroup()]), { isWoken: true })
  mia = await stage.connect(MIA)
  const begin = stage.clock.now()
  for (const [seq, late] of [
    [11, 5_000],
    [12, 10_000],
  ] as const) {
    await stage.clock.pass(1_000)
    await stage.do(OLGA, sent())
    const dueAt = stage.gateway.dueAt ?? 0
    expect((dueAt - begin) % TIMES.heartbeat).toBe(0)
    await stage.clock.pass(dueAt + late - stage.clock.now())
    stage.gateway.tick()
    await settled()
    expect(mia.heard().at(-1)).toMatchObject({ type: 'heads', data: { chats: { [GROUP]: seq } } })
  }
})

test('7.16 that could not be given tells later what it would have', async () => {
  await stage.do(OLGA, sent())
  stage.changes.isAway = true
  await stage.clock.pass(TIMES.heartbeat)
  expect(mia.news()).not.toContain('heads')
  stage.changes.isAway = false
  await stage.clock.pass(TIMES.heartbeat)
  expect(mia.heard().at(-1)).toMatchObject({ type: 'heads', data: { chats: { [GROUP]: 11 } } })
})

test('7.16 comes every 25 s, with a ping', async () => {
  for (let beats = 1; beats <= 2; beats += 1) {
    await stage.clock.pass(TIMES.heartbeat)
    expect(mia.socket.pings).toBe(beats)
    mia.connection.heard()
  }
})

test('7.16 comes in turn to those who came together, once in 25 s each', async () => {
  const seconds = TIMES.heartbeat / 1_000
  stage = createStage(tablesWith([aGroup()]), { connectionsPerUser: 2 * seconds })
  const clients: Client[] = []
  while (clients.length < 2 * seconds) clients.push(await stage.connect(MIA))
  const count = () => clients.reduce((sum, { socket }) => sum + socket.pings, 0)
  for (let second = 1; second <= 2 * seconds; second += 1) {
    await stage.clock.pass(1_000)
    expect(count()).toBe(2 * second)
    for (const { connection } of clients) connection.heard()
  }
  expect(new Set(clients.map(({ socket }) => socket.pings))).toEqual(new Set([2]))
})
