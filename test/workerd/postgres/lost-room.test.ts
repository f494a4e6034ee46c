import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Bindings } from '../../../src/hosts/cloudflare/bindings.ts'
import { ask, type Connected, connect, control, type Person, register } from './people.ts'

const { ROOMS } = env as unknown as Bindings

let ann: Person
let ben: Person
let chatId: string
let byAnn: Connected
let byBen: Connected

beforeAll(async () => {
  ;[ann, ben] = [await register('ann'), await register('ben')]
  const { chat } = await ask('/api/chats/group', { name: 'Tea', participantIds: [ben.id] }, ann.token)
  chatId = chat.id
  ;[byAnn, byBen] = [await connect(ann), await connect(ben)]
})

afterAll(async () => {
  byAnn?.socket.close()
  byBen?.socket.close()
})

test.each([1, 2, 3])('a room that is lost in the middle of a commit has done it once, %i', async (round) => {
  const content = `In the middle, ${round}`
  await holdCommits()
  send(`middle-${round}`, content)
  await expect.poll(isHeld).toBe(true)
  await lose()
  // The commit of the lost one goes on in Postgres, and the next one's comes beside it.
  await expect.poll(committing).toBe(2)
  await releaseCommits()
  await isDoneOnce(`middle-${round}`, content)
})

test.each([1, 2, 3])(
  'a room that is lost after a commit and before its answer has done it once, %i',
  async (round) => {
    const content = `After it, ${round}`
    // Only the room is to have any when they stall. A gateway that cannot read what it missed closes with 4010, for
    // clients to come back, which these sockets do not.
    await expect.poll(connections).toBe(0)
    await holdCommits()
    send(`after-${round}`, content)
    await expect.poll(isHeld).toBe(true)
    await control('/stall')
    await releaseCommits()
    await expect.poll(() => count(content)).toBe(1)
    expect(byAnn.frames.filter(({ id }) => id === `after-${round}`)).toEqual([])
    await lose()
    await isDoneOnce(`after-${round}`, content)
    await control('/reset')
  },
)

function send(id: string, content: string): void {
  byAnn.socket.send(JSON.stringify({ type: 'message:send', id, data: { chatId, content } }))
}

/** Stored once, acknowledged once, with the seq by which everybody hears it once, and the next one follows. */
async function isDoneOnce(id: string, content: string): Promise<void> {
  const acks = () => byAnn.frames.filter((frame) => frame.id === id)
  await expect.poll(acks).toEqual([expect.objectContaining({ type: 'ack' })])
  const seq = Number(acks()[0]?.data.seq)
  expect(await count(content)).toBe(1)
  const last = `After ${id}`
  const next = await ask(`/api/chats/${chatId}/messages`, { content: last }, ann.token)
  expect(next.seq).toBe(seq + 1)
  await expect.poll(() => heardBy(byAnn, last)).toEqual([seq + 1])
  await expect.poll(() => heardBy(byBen, last)).toEqual([seq + 1])
  expect(heardBy(byBen, content)).toEqual([seq])
  expect(acks()).toHaveLength(1)
}

/** The seqs under which a message was heard: as it came, or with others that were missed. */
function heardBy({ frames }: Connected, content: string): number[] {
  return frames
    .flatMap(({ type, data }) => (type === 'message:new' ? (data.message ?? []) : (data.messages ?? [])))
    .filter((message) => message.content === content)
    .map(({ seq }) => seq)
}

/** Ends the object as the platform does: what it knew is gone, and whoever waits for it is told so. */
async function lose(): Promise<void> {
  const lost = runInDurableObject(ROOMS.getByName(chatId), (_, state) => state.abort('lost'))
  await expect(lost).rejects.toThrow('lost')
}

/** Has statements that store messages wait in their middle, when the chat's row is locked. */
async function holdCommits(): Promise<void> {
  await control('/lock', 'select pg_advisory_lock(1)')
}

async function releaseCommits(): Promise<void> {
  await control('/lock', 'select pg_advisory_unlock(1)')
}

/** The chat's row is locked by a commit. */
async function isHeld(): Promise<boolean> {
  const free = await control('/look', `select 1 from chats where id = '${chatId}' for update skip locked`)
  return free.length === 0
}

/** How many sessions have begun a commit: of a room that is lost, too, as long as it goes on. */
async function committing(): Promise<number> {
  const sql = `select 1 from pg_stat_activity where pid <> pg_backend_pid() and query like '%with turns as%'`
  return (await control('/look', sql)).length
}

/** How many connections the service has: what is not used is given up soon. */
async function connections(): Promise<number> {
  return (await control('/look', `select 1 from pg_stat_activity where application_name = 'parley'`)).length
}

async function count(content: string): Promise<number> {
  return (await control('/look', `select 1 from messages where content = '${content}'`)).length
}
