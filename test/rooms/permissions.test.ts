import { describe, expect, test } from 'vitest'
import type { CommandOf } from '../../src/protocol/commands.ts'
import type { Role } from '../../src/protocol/model.ts'
import {
  ADAM,
  aDirect,
  aGroup,
  aMessage,
  aParticipant,
  DIRECT,
  MIA,
  OLGA,
  OTTO,
  SAM,
} from '../support/builders.ts'
import { decideIn, type ForParticipants, PARTICIPANTS_ONLY, refusedAs, SAMPLES, SCENE } from './case.ts'

/** Who may do what in a group: o(wner), a(dmin), m(ember). Deletion and edits: of another's message. */
const IN_GROUP: Record<ForParticipants, string> = {
  'message:send': 'oam',
  'message:edit': '',
  'message:delete': 'oa',
  'message:read': 'oam',
  'message:delivered': 'oam',
  'reaction:add': 'oam',
  'reaction:remove': 'oam',
  'chat:mute': 'oam',
  'chat:leave': 'am',
  'chat:update': 'oa',
  'chat:delete': 'o',
  'chat:transfer': 'o',
  'participant:add': 'oa',
  'participant:remove': 'oa',
  'participant:role': 'o',
  'session:accept': '',
  'session:transfer': '',
  'session:release': '',
  'session:close': '',
  'session:reopen': '',
  'session:observe': '',
}

/** What either of the two may do in a direct chat. */
const IN_DIRECT = [
  'message:send',
  'message:edit',
  'message:delete',
  'message:read',
  'message:delivered',
  'reaction:add',
  'reaction:remove',
  'chat:mute',
]

const WHO = { o: OLGA, a: ADAM, m: MIA }

describe('in a group', () => {
  const ofOtto = { ...SCENE, messages: [aMessage(5, { senderId: OTTO.id })] }
  const rows = Object.entries(IN_GROUP).flatMap(([type, who]) =>
    Object.entries(WHO).map(([role, user]) => ({
      type: type as ForParticipants,
      user,
      isAllowed: who.includes(role),
    })),
  )

  test('every command has its row', () => {
    expect(Object.keys(IN_GROUP).sort()).toEqual([...PARTICIPANTS_ONLY].sort())
  })

  test.each(rows)('$user.username may do $type: $isAllowed', ({ type, user, isAllowed }) => {
    const decision = decideIn(ofOtto, user, SAMPLES[type])
    if (isAllowed) expect(decision.kind).not.toBe('refused')
    else if (type === 'chat:leave') expect(decision).toMatchObject(refusedAs('CONFLICT'))
    else expect(decision).toMatchObject(refusedAs('FORBIDDEN'))
  })
})

describe('in a direct chat', () => {
  test.each(PARTICIPANTS_ONLY)('%s is for both or for nobody', (type) => {
    const messages = [aMessage(5, { chatId: DIRECT })]
    const command = { ...SAMPLES[type], chatId: DIRECT } as CommandOf<typeof type>
    const decision = decideIn({ state: aDirect(), messages }, MIA, command)
    if (IN_DIRECT.includes(type)) expect(decision.kind).not.toBe('refused')
    else expect(decision).toMatchObject(refusedAs('FORBIDDEN'))
  })
})

test.each<Role>(['customer', 'provider', 'agent', 'observer'])(
  'a role of sessions, %s, may do nothing in a group',
  (role) => {
    const state = aGroup({ participants: [aParticipant(SAM, { role })] })
    for (const type of PARTICIPANTS_ONLY) {
      expect(decideIn({ ...SCENE, state }, SAM, SAMPLES[type]), type).toMatchObject(refusedAs('FORBIDDEN'))
    }
  },
)

test.each(PARTICIPANTS_ONLY)('%s: to whom takes no part the chat does not exist', (type) => {
  expect(decideIn(SCENE, SAM, SAMPLES[type])).toMatchObject(refusedAs('NOT_FOUND', 'chatId'))
  expect(decideIn({ ...SCENE, state: undefined }, MIA, SAMPLES[type])).toMatchObject(
    refusedAs('NOT_FOUND', 'chatId'),
  )
})

test.each([...PARTICIPANTS_ONLY, 'chat:join', 'chat:create'] as const)(
  '%s: a deleted chat does not exist',
  (type) => {
    const state = aGroup({ isDeleted: true, chat: { isOpen: true } })
    expect(decideIn({ ...SCENE, state }, OLGA, SAMPLES[type])).toMatchObject(refusedAs('NOT_FOUND', 'chatId'))
  },
)

test('a refusal says who may', () => {
  expect(decideIn(SCENE, MIA, SAMPLES['chat:update'])).toMatchObject({
    refusal: { message: 'Only owner or admin may do this: chat:update' },
  })
  expect(decideIn({ state: aDirect() }, MIA, { type: 'chat:leave', chatId: DIRECT })).toMatchObject({
    refusal: { message: 'Not possible in a direct chat: chat:leave' },
  })
})
