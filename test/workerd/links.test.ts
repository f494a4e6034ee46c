import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { Bindings } from '../../src/hosts/cloudflare/bindings.ts'
import {
  type GatewayCalls,
  type RoomCalls,
  toDispatchCall,
  toHearCall,
} from '../../src/hosts/cloudflare/calls.ts'
import { createLinks } from '../../src/hosts/cloudflare/links.ts'
import { createRemoteRooms } from '../../src/hosts/cloudflare/remote-rooms.ts'
import { settings } from '../../src/hosts/cloudflare/settings.ts'
import { clock, ids } from '../../src/hosts/shared/clock.ts'
import { createTestClock } from '../support/test-clock.ts'

const REST = 500
const CHAT = '01900000-0000-7000-8000-0000000000c2'
const { ROOMS, GATEWAYS } = env as unknown as Bindings
const rooms = { get: (name: string) => ROOMS.getByName(name) as unknown as RoomCalls, forget() {} }
const user = {
  ...{ id: '01900000-0000-7000-8000-000000000001', username: 'mia', displayName: 'Mia' },
  ...{ avatarUrl: null, type: 'member' as const },
}
const principal = { user, sessionId: '01900000-0000-7000-8000-000000000002' }
const call = toDispatchCall(CHAT, { principal, command: { type: 'chat:leave', chatId: CHAT }, origin: null })

/** Ends that count what is asked over them and how often they are opened and ended. */
function stage() {
  const opened: { name: string; asked: number; ended: number }[] = []
  const time = createTestClock()
  const forgotten: string[] = []
  const links = createLinks(
    {
      get: (name: string) => ({
        async link() {
          const end = { name, asked: 0, ended: 0 }
          opened.push(end)
          return { ask: () => end.asked++, [Symbol.dispose]: () => end.ended++ }
        },
      }),
      forget: (name) => void forgotten.push(name),
    },
    time,
  )
  const ask = async (name: string) => (await (links.get(name) as unknown as Promise<{ ask(): void }>)).ask()
  return { links, opened, forgotten, ask, pass: time.pass }
}

test('what follows each other goes over one link, which ends when nothing follows', async () => {
  const { opened, ask, pass } = stage()
  for (let asked = 0; asked < 10; asked += 1) {
    await ask('a')
    pass(REST)
  }
  await ask('b')
  pass(REST)
  pass(REST)
  expect(opened).toEqual([
    { name: 'a', asked: 10, ended: 1 },
    { name: 'b', asked: 1, ended: 1 },
  ])
  pass(10 * REST)
  await ask('a')
  expect(opened).toHaveLength(3)
  expect(opened[2]).toEqual({ name: 'a', asked: 1, ended: 0 })
})

test('one that is lost is opened afresh', async () => {
  const { links, opened, forgotten, ask } = stage()
  await ask('a')
  links.forget('a')
  await ask('a')
  expect(forgotten).toEqual(['a'])
  expect(opened).toHaveLength(2)
})

test('a room answers over it, also what was asked before it ended', async () => {
  const time = createTestClock()
  const links = createLinks(rooms, time)
  const asked = [links.get(CHAT).dispatch(call), links.get(CHAT).dispatch(call)]
  await (links.get(CHAT) as unknown as Promise<unknown>)
  asked.push(links.get(CHAT).dispatch(call))
  for (let rests = 0; rests < 3; rests += 1) time.pass(REST)
  for (const outcome of await Promise.all(asked))
    expect(JSON.parse(outcome)).toMatchObject({ ok: false, refusal: { code: 'SERVICE_UNAVAILABLE' } })
})

test('a room that was taken out of memory meanwhile is reached afresh', async () => {
  const links = createLinks(rooms, clock)
  await (links.get(CHAT) as unknown as Promise<unknown>)
  await evictDurableObject(ROOMS.getByName(CHAT))
  const lost = await links
    .get(CHAT)
    .dispatch(call)
    .catch(() => undefined)
  if (lost === undefined) links.forget(CHAT)
  expect(JSON.parse(lost ?? (await links.get(CHAT).dispatch(call)))).toMatchObject({ ok: false })
})

test('commands reach a room of the last release, which knows no links', async () => {
  const old = {
    get: (name: string) =>
      ({
        dispatch: (it: typeof call) => rooms.get(name).dispatch(it),
        link: () => Promise.reject(new TypeError('No such method')),
      }) as unknown as RoomCalls,
    forget() {},
  }
  const faults: unknown[] = []
  const directory = createRemoteRooms({
    ...{ rooms: old, links: createLinks(old, clock), ids, config: settings(env as unknown as Bindings) },
    ...{ waitUntil() {}, onFault: (fault: unknown) => void faults.push(fault) },
  })
  const command = { type: 'chat:leave' as const, chatId: CHAT }
  expect(await directory.get(CHAT).dispatch({ principal, command, origin: null })).toMatchObject({
    ok: false,
    refusal: { code: 'SERVICE_UNAVAILABLE' },
  })
  expect(faults).toHaveLength(1)
})

test('a gateway hears over it, in the order of what is said', async () => {
  const heard: unknown[] = []
  await runInDurableObject(GATEWAYS.getByName('8'), (object) => {
    const gateway = object as unknown as GatewayCalls
    gateway.hear = async ({ text }) => void heard.push(text)
  })
  const gateways = createLinks(
    { get: (name: string) => GATEWAYS.getByName(name) as unknown as GatewayCalls, forget() {} },
    clock,
  )
  const said = [1, 2, 3].map((seq) => toHearCall(`chat:${CHAT}`, { kind: 'head', seq }))
  await Promise.all(said.map((it) => gateways.get('8').hear(it)))
  expect(heard).toEqual(said.map(({ text }) => text))
})

test('a command whose room is lost is asked again, with the same id', async () => {
  const asked: { command: { messageId?: string; id?: string } }[] = []
  const lost = {
    get: () =>
      ({
        async dispatch({ text }: typeof call) {
          asked.push(JSON.parse(text))
          if (asked.length < 3) throw new Error('The object has been reset')
          return JSON.stringify({ ok: true, seq: 2, value: null })
        },
      }) as unknown as RoomCalls,
    forget() {},
  }
  const directory = createRemoteRooms({
    ...{ rooms: lost, ids, config: settings(env as unknown as Bindings) },
    ...{ waitUntil() {}, onFault() {} },
  })
  const content = { contentType: 'text' as const, content: 'Once' }
  const command = { type: 'message:send' as const, chatId: CHAT, ...content }
  expect(await directory.get(CHAT).dispatch({ principal, command, origin: null } as never)).toMatchObject({
    ok: true,
  })
  expect(asked).toHaveLength(3)
  expect(asked[1]).toEqual(asked[0])
  expect(asked[2]).toEqual(asked[0])
  expect(JSON.stringify(asked[0])).toMatch(/"id":"[0-9a-f-]{36}"/)
})
