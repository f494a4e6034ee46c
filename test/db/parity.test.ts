import fc from 'fast-check'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createChangesReader, readChanges } from '../../src/db/queries/changes.ts'
import { createMemoryChangesReader } from '../../src/gateway/memory.ts'
import type { ChangesRead } from '../../src/gateway/ports.ts'
import type { Command } from '../../src/protocol/commands.ts'
import type { Message, User } from '../../src/protocol/model.ts'
import { createMemoryChats, createMemoryRoomStore } from '../../src/rooms/memory.ts'
import type { RoomState, Turn } from '../../src/rooms/ports.ts'
import { needsOf, planTurn } from '../../src/rooms/turn.ts'
import { principalOf } from '../support/builders.ts'
import { createUser, timeOf } from '../support/script.ts'
import { openPgliteStore, openPostgresStore, type StoreOnDatabase } from '../support/store.ts'

const EMOJI = ['👍', '🎉', 'heart']

/** A wish, by numbers: who, what, on which of the messages so far, to whom. */
const Wish = fc.record({
  who: fc.nat(3),
  what: fc.constantFrom(
    ...([
      'send',
      'send',
      'send',
      'edit',
      'delete',
      'react',
      'react',
      'unreact',
      'read',
      'delivered',
    ] as const),
    ...(['rename', 'add', 'remove', 'leave', 'role', 'transfer', 'mute', 'history'] as const),
  ),
  which: fc.nat(5),
  whom: fc.nat(3),
})
type Wish = typeof Wish extends fc.Arbitrary<infer T> ? T : never

describe.each([
  ['Postgres', openPostgresStore, 25],
  ['PGlite', openPgliteStore, 5],
])('whatever happens in a chat, %s', (_, open, runs) => {
  let it: StoreOnDatabase
  beforeAll(async () => {
    it = await open()
  })
  afterAll(() => it.close())

  test('tells each reader, from wherever he left off, the same as memory does, alone or with all others', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(Wish, { minLength: 5, maxLength: 40 }), async (wishes) => {
        const users = Array.from({ length: 4 }, () => createUser())
        const play = await playOn(it, users, wishes)
        await compare(it, play)
      }),
      { numRuns: runs },
    )
  })
})

interface Play {
  readonly chatId: string
  readonly users: readonly User[]
  readonly tables: ReturnType<typeof createMemoryChats>
  readonly messageIds: readonly string[]
}

/** Runs the wishes over memory, and commits every turn to both. */
async function playOn(it: StoreOnDatabase, users: readonly User[], wishes: readonly Wish[]): Promise<Play> {
  await it.addUsers(users)
  const tables = createMemoryChats()
  for (const user of users) tables.users.set(user.id, user)
  const memory = createMemoryRoomStore(tables)
  const chatId = uuidv7()
  const messages: Message[] = []
  const run = async (who: User, command: Command) => {
    const envelope = { principal: principalOf(who), command, origin: null }
    const state = await memory.load(chatId)
    const known = await memory.read(needsOf([envelope], false))
    const at = timeOf((state?.seq ?? 0) + 1)
    const { turn } = planTurn({ chatId, state, envelopes: [envelope], known, at, freshId: uuidv7 })
    if (turn.events.length > 0) await commitBoth(turn)
  }
  const commitBoth = async (turn: Turn) => {
    expect(await memory.commit(turn)).toEqual({ status: 'committed' })
    const result = await it.committer.commit(turn)
    expect([result, ...it.faults]).toEqual([{ status: 'committed' }])
    for (const event of turn.events) if (event.type === 'message:new') messages.push(event.data.message)
  }
  const [first, ...others] = users
  if (!first) throw new Error('Somebody must begin')
  const participantIds = others.slice(0, 2).map(({ id }) => id)
  await run(first, {
    ...{
      type: 'chat:create',
      chatId,
      kind: 'group',
      name: 'All',
      participantIds,
      isOpen: false,
      history: 'all',
    },
  })
  for (const wish of wishes) {
    const state = await memory.load(chatId)
    const command = state && commandOf(wish, { state, users, messages })
    const who = users[wish.who]
    if (command && who) await run(who, command)
  }
  return { chatId, users, tables, messageIds: messages.map(({ id }) => id) }
}

interface Scene {
  readonly state: RoomState
  readonly users: readonly User[]
  readonly messages: readonly Message[]
}

function commandOf({ what, which, whom }: Wish, { state, users, messages }: Scene): Command | undefined {
  const chatId = state.chat.id
  const userId = users[whom]?.id ?? ''
  const messageId = messages.at(-1 - which)?.id
  const emoji = EMOJI[which % EMOJI.length] ?? ''
  switch (what) {
    case 'send':
      return {
        type: 'message:send',
        chatId,
        content: `${which} ${whom}`,
        contentType: 'text',
        metadata: { which },
      }
    case 'read':
    case 'delivered':
      return { type: `message:${what}`, chatId, seq: Math.max(0, state.seq - which) }
    case 'rename':
      return { type: 'chat:update', chatId, name: `Name ${which}` }
    case 'history':
      return { type: 'chat:update', chatId, history: which % 2 === 0 ? 'all' : 'since_join' }
    case 'add':
      return { type: 'participant:add', chatId, userIds: users.map(({ id }) => id) }
    case 'remove':
      return { type: 'participant:remove', chatId, userId }
    case 'leave':
      return { type: 'chat:leave', chatId }
    case 'role':
      return { type: 'participant:role', chatId, userId, role: which % 2 === 0 ? 'admin' : 'member' }
    case 'transfer':
      return { type: 'chat:transfer', chatId, userId }
    case 'mute':
      return { type: 'chat:mute', chatId, until: which % 2 === 0 ? timeOf(1_000) : null }
    default:
      if (messageId === undefined) return undefined
      if (what === 'edit')
        return { type: 'message:edit', chatId, messageId, content: `Edited ${which} ${whom}` }
      if (what === 'delete') return { type: 'message:delete', chatId, messageId }
      return { type: what === 'react' ? 'reaction:add' : 'reaction:remove', chatId, messageId, emoji }
  }
}

async function compare(it: StoreOnDatabase, { chatId, users, tables, messageIds }: Play): Promise<void> {
  const memory = createMemoryRoomStore(tables)
  const state = await memory.load(chatId)
  expect(await it.store.load(chatId)).toEqual(state)
  const known = await memory.read({ messageIds, userIds: [], uploadIds: [] })
  expect(await it.store.read({ messageIds, userIds: [], uploadIds: [] })).toEqual(known)
  const [inMemory, inDatabase] = [createMemoryChangesReader(tables, 'log'), createChangesReader(it.db)]
  const head = state?.seq ?? 0
  const wanted = Array.from({ length: head + 2 }, (_, since) => ({ chatId, since }))
  const together = await readChanges(
    it.db,
    users.map(({ id }) => ({ userId: id, wanted })),
  )
  for (const [index, { id }] of users.entries()) {
    for (const [since, one] of wanted.entries()) {
      const [expected] = await inMemory.readChanges(id, [one])
      const [found] = await inDatabase.readChanges(id, [one])
      expect(inOrder(found)).toEqual(inOrder(expected))
      expect(together[index]?.[since]).toEqual(found)
    }
  }
}

/** Participants come in no order. */
function inOrder(read: ChangesRead | undefined) {
  if (!read || !('changes' in read)) return read
  const participants = read.changes.participants.toSorted((a, b) => (a.userId < b.userId ? -1 : 1))
  return { ...read, changes: { ...read.changes, participants } }
}
