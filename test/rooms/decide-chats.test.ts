import { describe, expect, test } from 'vitest'
import type { CommandOf } from '../../src/protocol/commands.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import type { User } from '../../src/protocol/model.ts'
import {
  ADAM,
  aGroup,
  aParticipant,
  aUser,
  DIRECT,
  GROUP,
  MIA,
  OLGA,
  OTTO,
  SAM,
  uuid,
} from '../support/builders.ts'
import { type Case, decideIn, NOW, refusedAs, SAMPLES, unchanged } from './case.ts'

const state = aGroup()
const given = { state }
const open = { state: aGroup({ chat: { isOpen: true } }) }
const NO_USER = refusedAs('NOT_FOUND', 'userId')
const NO_CHAT = refusedAs('NOT_FOUND', 'chatId')
const in_ = <T extends object>(command: T) => ({ ...command, chatId: GROUP })

function create(with_: Partial<CommandOf<'chat:create'>> = {}): CommandOf<'chat:create'> {
  return { ...SAMPLES['chat:create'], ...with_ }
}
function directly(...others: User[]): CommandOf<'chat:create'> {
  return create({ chatId: DIRECT, kind: 'direct', name: null, participantIds: others.map(({ id }) => id) })
}
function update(with_: Omit<CommandOf<'chat:update'>, 'type' | 'chatId'>): CommandOf<'chat:update'> {
  return in_({ type: 'chat:update', ...with_ })
}
function transfer({ id }: User): CommandOf<'chat:transfer'> {
  return in_({ type: 'chat:transfer', userId: id })
}
function crowd(count: number): User[] {
  return Array.from({ length: count }, (_, index) => aUser(0x1000 + index, `user${index}`))
}
const idsOf = (users: readonly User[]) => users.map(({ id }) => id)

const tooMany = refusedAs('CONFLICT', 'participantIds')
const some = crowd(LIMITS.groupParticipants)
const owned = { type: 'chat:created', seq: 1, at: NOW, data: { chat: { ownerId: OLGA.id, kind: 'group' } } }

const creations: Case[] = [
  [
    'begins at 1, owned by its maker',
    {},
    OLGA,
    create(),
    { events: [owned], ack: { seq: 1, replayed: false } },
  ],
  [
    'takes each user once',
    {},
    OLGA,
    create({ participantIds: [MIA.id, MIA.id, OLGA.id] }),
    { events: [{ data: { participants: { length: 2 } } }] },
  ],
  [
    'is for nobody unknown',
    {},
    OLGA,
    create({ participantIds: [uuid(99)] }),
    refusedAs('NOT_FOUND', 'participantIds'),
  ],
  [
    'is not with who has blocked one',
    { blocks: [[MIA, OLGA]] },
    OLGA,
    create(),
    refusedAs('FORBIDDEN', 'participantIds'),
  ],
  ['may be with whom one has blocked', { blocks: [[OLGA, MIA]] }, OLGA, create(), { kind: 'done' }],
  ['has a bound', { users: [...some, OLGA] }, OLGA, create({ participantIds: idsOf(some) }), tooMany],
  [
    'a second time is the same chat',
    given,
    OLGA,
    create(),
    unchanged({ chat: state.chat, seq: 10, replayed: true }),
  ],
  ['of others is none of one’s own', given, SAM, create(), NO_CHAT],
  [
    'of two has no owner',
    {},
    MIA,
    directly(OTTO),
    { events: [{ data: { chat: { kind: 'direct', ownerId: null } } }] },
  ],
  ['of two is not with oneself', {}, MIA, directly(MIA), refusedAs('VALIDATION_ERROR', 'userId')],
  ['of two is not with two others', {}, MIA, directly(OTTO, SAM), refusedAs('VALIDATION_ERROR', 'userId')],
  [
    'of two is not with who has blocked one',
    { blocks: [[OTTO, MIA]] },
    MIA,
    directly(OTTO),
    refusedAs('FORBIDDEN', 'userId'),
  ],
  [
    'of two is not with whom one has blocked',
    { blocks: [[MIA, OTTO]] },
    MIA,
    directly(OTTO),
    refusedAs('FORBIDDEN', 'userId'),
  ],
]

const slugged = { state: aGroup({ chat: { slug: 'us', avatarUrl: 'https://x.y/z' } }) }
const same = unchanged({ seq: 10 })

const updates: Case[] = [
  [
    'changes what is given and nothing else',
    slugged,
    ADAM,
    update({ name: 'New' }),
    { ack: { seq: 11, chat: { name: 'New', slug: 'us' } } },
  ],
  [
    'takes away what is null',
    slugged,
    ADAM,
    update({ slug: null, avatarUrl: null }),
    { ack: { chat: { slug: null, avatarUrl: null } } },
  ],
  [
    'opens, and hides what was before',
    given,
    OLGA,
    update({ isOpen: true, history: 'since_join' }),
    { ack: { chat: { isOpen: true, history: 'since_join' } } },
  ],
  ['to the same is nothing', slugged, ADAM, update({ slug: 'us', isOpen: false }), same],
]

const transfers: Case[] = [
  [
    'makes the owner an admin',
    given,
    OLGA,
    transfer(MIA),
    {
      events: [
        {
          type: 'chat:updated',
          data: {
            chat: { ownerId: MIA.id },
            participants: [
              { userId: OLGA.id, role: 'admin' },
              { userId: MIA.id, role: 'owner' },
            ],
          },
        },
      ],
    },
  ],
  ['to oneself is nothing', given, OLGA, transfer(OLGA), same],
  ['to whom takes no part finds nobody', given, OLGA, transfer(SAM), NO_USER],
]

const endings: Case[] = [
  [
    'deleting ends it for all',
    given,
    OLGA,
    SAMPLES['chat:delete'],
    { events: [{ type: 'chat:deleted', seq: 11 }] },
  ],
  [
    'a mute is told without its time',
    given,
    MIA,
    { ...SAMPLES['chat:mute'], until: NOW },
    {
      events: [{ type: 'participant:updated', data: { participant: { userId: MIA.id } } }],
      mutes: [{ userId: MIA.id, until: NOW }],
    },
  ],
  [
    'a mute answers with one’s own side',
    given,
    MIA,
    { ...SAMPLES['chat:mute'], until: NOW },
    { ack: { seq: 11, me: { mutedUntil: NOW } } },
  ],
]

const joins: Case[] = [
  [
    'is free where the group is open',
    open,
    SAM,
    SAMPLES['chat:join'],
    {
      events: [
        {
          type: 'participant:joined',
          seq: 11,
          data: { participant: { userId: SAM.id, role: 'member', joinedSeq: 11, readSeq: 11 } },
        },
      ],
    },
  ],
  ['shows no group that is not open', given, SAM, SAMPLES['chat:join'], NO_CHAT],
  [
    'twice is once',
    given,
    MIA,
    SAMPLES['chat:join'],
    unchanged({ seq: 10, participants: [{ userId: MIA.id }] }),
  ],
  [
    'is not for who is unknown',
    { ...open, users: [] },
    SAM,
    SAMPLES['chat:join'],
    refusedAs('NOT_FOUND', 'chatId'),
  ],
]

describe.each([
  ['creating a chat', creations],
  ['a change of the chat', updates],
  ['handing a group over', transfers],
  ['of a chat', endings],
  ['joining', joins],
])('%s', (_, cases) => {
  test.each(cases)('%s', (_name, situation, by, command, then) => {
    expect(decideIn(situation, by, command)).toMatchObject(then)
  })
})

test('a group is full at its bound, for who joins and who is added', () => {
  const participants = [
    aParticipant(OLGA, { role: 'owner' }),
    ...some.slice(1).map((user) => aParticipant(user)),
  ]
  const full = { state: aGroup({ chat: { isOpen: true }, participants }) }
  expect(decideIn(full, SAM, SAMPLES['chat:join'])).toMatchObject(refusedAs('CONFLICT', 'chatId'))
  expect(decideIn(full, OLGA, SAMPLES['participant:add'])).toMatchObject(refusedAs('CONFLICT', 'userIds'))
  const again = in_({ type: 'participant:add' as const, userIds: idsOf(some.slice(1, 3)) })
  expect(decideIn(full, OLGA, again)).toMatchObject({ kind: 'done', events: [] })
})
