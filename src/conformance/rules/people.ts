import { claim, same } from '../claims.ts'
import type { Person } from '../person.ts'
import type { RawSocket } from '../raw-socket.ts'
import type { ProtocolRule } from '../rule.ts'

const INVALID = { code: 'VALIDATION_ERROR' } as const
const NOT_FOUND = { code: 'NOT_FOUND' } as const
const FORBIDDEN = { code: 'FORBIDDEN' } as const

/** Users and contacts. */
export const people: ProtocolRule[] = [
  {
    number: '9.1',
    title: 'one changes the own display name and picture, and nothing else',
    async run(context) {
      const stranger = await context.stranger()
      const avatarUrl = 'https://images.example/me.png'
      const body = { displayName: 'Zoë Ångström', avatarUrl }
      const { user } = await stranger.call('PUT /api/users/me', { body })
      same(
        [user.displayName, user.avatarUrl, user.id],
        ['Zoë Ångström', avatarUrl, stranger.id],
        'The account',
      )
      const cleared = await stranger.call('PATCH /api/users/me/avatar', { body: { avatarUrl: null } })
      same([cleared.user.avatarUrl, cleared.user.displayName], [null, 'Zoë Ångström'], 'The cleared picture')
      const { user: read } = await stranger.call('GET /api/users/me')
      same(read, cleared.user, 'The account, read afresh')
      const bad = [
        ...[
          {},
          { displayName: '' },
          { displayName: 'x'.repeat(101) },
          { username: 'other' },
          { type: 'admin' },
        ],
        ...[{ avatarUrl: 'javascript:alert(1)' }, { avatarUrl: 'http://plain.example/x.png' }],
      ]
      for (const wrong of bad) await stranger.refused('PUT /api/users/me', { body: wrong }, INVALID)
      const chatId = await context.group([stranger])
      const socket = await stranger.connect()
      const second = await stranger.connect()
      await socket.ask('message:send', { chatId, content: 'Who am I?' })
      const { data } = await second.event('message:new', chatId)
      same(data.sender.displayName, 'Zoë Ångström', 'The display name beside a message')
    },
  },
  {
    number: '9.2',
    title: 'users are found by id and by a part of their name, with what all may see',
    async run(context) {
      const { ann } = await context.cast()
      const stranger = await context.stranger('findable')
      const { user } = await ann.call('GET /api/users/:id', { params: { id: stranger.id } })
      same([user.id, user.username, user.status], [stranger.id, stranger.me.username, 'offline'], 'The user')
      const raw = await ann.rest.send('GET /api/users/:id', {
        params: { id: stranger.id },
        token: await ann.token(),
      })
      const fields = Object.keys((raw.json as { user: object }).user).toSorted()
      const known = ['avatarUrl', 'displayName', 'id', 'lastSeen', 'status', 'type', 'username']
      same(fields, known, 'The fields that others see')
      const part = stranger.me.username.slice(3).toUpperCase()
      const { data } = await ann.call('GET /api/users/search', { query: { q: part } })
      same(
        data.map(({ id }) => id),
        [stranger.id],
        'Who is found',
      )
      const wild = await ann.call('GET /api/users/search', { query: { q: `${stranger.me.username}%_` } })
      same(wild.data, [], 'Who is found by wildcards')
      await ann.refused('GET /api/users/:id', { params: { id: context.messageId() } }, NOT_FOUND)
      await ann.refused('GET /api/users/search', { query: { q: '' } }, { ...INVALID, field: 'q' })
    },
  },
  {
    number: '9.3',
    title: 'a contact is asked for by id or username, and waits for the other side',
    async run(context) {
      const { ann } = await context.cast()
      const [asking, other] = [await context.stranger(), await context.stranger()]
      const [byAsking, byOther] = [await asking.connect(), await other.connect()]
      const body = { username: other.me.username.toUpperCase() }
      const { status, data } = await asking.answer('POST /api/contacts', { body })
      same([status, data.contact.id, data.contact.status], [201, other.id, 'pending'], 'The answer')
      same(data.contact.requestedBy, asking.id, 'requestedBy')
      for (const [socket, user] of [
        [byAsking, other],
        [byOther, asking],
      ] as const) {
        const { contact } = await hearsOf(socket, user, 'pending')
        same(
          [contact?.id, contact?.status, contact?.requestedBy],
          [user.id, 'pending', asking.id],
          'The signal',
        )
      }
      for (const person of [asking, other]) {
        const pending = await person.call('GET /api/contacts/pending')
        same(
          pending.data.map(({ status }) => status),
          ['pending'],
          'The requests that wait',
        )
        same((await person.call('GET /api/contacts')).data, [], 'The contacts')
      }
      same((await asking.answer('POST /api/contacts', { body })).status, 200, 'The status of asking again')
      await asking.refused('POST /api/contacts', { body: { username: context.fresh('nobody') } }, NOT_FOUND)
      await asking.refused('POST /api/contacts', { body: { userId: context.messageId() } }, NOT_FOUND)
      for (const wrong of [{}, { userId: 'x' }, { userId: ann.id, username: 'x' }, { username: '' }]) {
        await asking.refused('POST /api/contacts', { body: wrong }, INVALID)
      }
    },
  },
  {
    number: '9.4',
    title: 'only who was asked accepts, and asking back accepts too',
    async run(context) {
      const [asking, other, third] = [
        await context.stranger(),
        await context.stranger(),
        await context.stranger(),
      ]
      await asking.call('POST /api/contacts', { body: { userId: other.id } })
      await asking.refused('PUT /api/contacts/:id/accept', { params: { id: other.id } }, { code: 'CONFLICT' })
      await third.refused('PUT /api/contacts/:id/accept', { params: { id: asking.id } }, NOT_FOUND)
      const socket = await asking.connect()
      const { contact } = await other.call('PUT /api/contacts/:id/accept', { params: { id: asking.id } })
      claim(
        contact.status === 'accepted' && contact.acceptedAt !== null,
        `The contact is ${JSON.stringify(contact)}`,
      )
      await hearsOf(socket, other, 'accepted')
      await third.call('POST /api/contacts', { body: { userId: asking.id } })
      const back = await asking.answer('POST /api/contacts', { body: { userId: third.id } })
      same([back.status, back.data.contact.status], [200, 'accepted'], 'Asking back')
      const { data } = await asking.call('GET /api/contacts')
      same(data.map(({ id }) => id).toSorted(), [other.id, third.id].toSorted(), 'The contacts')
    },
  },
  {
    number: '9.5',
    title: 'a contact is declined, taken back or ended for both',
    async run(context) {
      const { ann } = await context.cast()
      const stranger = await context.stranger()
      const [mine, theirs] = [{ params: { id: stranger.id } }, { params: { id: ann.id } }]
      await ann.refused('DELETE /api/contacts/:id', mine, NOT_FOUND)
      const ask = { body: { userId: stranger.id } }
      for (const [person, request] of [
        [stranger, theirs],
        [ann, mine],
      ] as const) {
        await ann.call('POST /api/contacts', ask)
        await person.call('DELETE /api/contacts/:id', request)
        same((await stranger.call('GET /api/contacts/pending')).data, [], 'The requests that wait')
      }
      await context.makeContacts(ann, stranger)
      const socket = await ann.connect()
      await stranger.call('DELETE /api/contacts/:id', theirs)
      await hearsOf(socket, stranger, null)
      same((await stranger.call('GET /api/contacts')).data, [], 'The contacts')
    },
  },
  {
    number: '9.6',
    title: 'no one is a contact of oneself',
    async run(context) {
      const { ann } = await context.cast()
      await ann.refused('POST /api/contacts', { body: { userId: ann.id } }, INVALID)
      await ann.refused('POST /api/contacts', { body: { username: ann.me.username } }, INVALID)
      await ann.refused('PUT /api/contacts/:id/block', { params: { id: ann.id } }, INVALID)
    },
  },
  {
    number: '9.7',
    title: 'a block ends what goes between the two, and nobody is told',
    async run(context) {
      const [blocked, other] = [await context.stranger('blocked'), await context.stranger('blocking')]
      await context.makeContacts(blocked, other)
      const chatId = await context.direct(blocked, other)
      const [byBlocked, byOther] = [await blocked.connect(), await other.connect()]
      const { message } = await byBlocked.ask('message:send', { chatId, content: 'Hello' })
      const { contact } = await other.call('PUT /api/contacts/:id/block', { params: { id: blocked.id } })
      same(contact.status, 'blocked', 'The status')
      const named = { chatId, messageId: message.id }
      await byBlocked.refused('message:send', { chatId, content: 'Hello?' }, FORBIDDEN)
      await byBlocked.refused('message:edit', { ...named, content: 'Hello!' }, FORBIDDEN)
      await byBlocked.refused('reaction:add', { ...named, emoji: '👍' }, FORBIDDEN)
      await byOther.refused('message:send', { chatId, content: 'Go away' }, FORBIDDEN)
      await blocked.refused('POST /api/contacts', { body: { userId: other.id } }, FORBIDDEN)
      const body = { name: 'Together', participantIds: [other.id] }
      await blocked.refused('POST /api/chats/group', { body }, FORBIDDEN)
      const own = await context.group([blocked])
      const adding = { params: { id: own }, body: { userIds: [other.id] } }
      await blocked.refused('POST /api/chats/:id/participants', adding, FORBIDDEN)
      const told = JSON.stringify([byBlocked.unheard, (await blocked.call('GET /api/contacts')).data])
      claim(!told.includes('"blocked"'), 'The blocked user is told of the block')
      const { data } = await other.call('GET /api/contacts', { query: { status: 'blocked' } })
      same(
        data.map(({ id }) => id),
        [blocked.id],
        'Whom one has blocked',
      )
      same((await blocked.history(chatId)).length, 1, 'The messages of the direct chat')
    },
  },
  {
    number: '9.8',
    title: 'unblocking makes the direct chat work again, and no contact',
    async run(context) {
      const [one, other] = [await context.stranger(), await context.stranger()]
      await context.makeContacts(one, other)
      const chatId = await context.direct(one, other)
      await other.call('PUT /api/contacts/:id/block', { params: { id: one.id } })
      await other.call('DELETE /api/contacts/:id/block', { params: { id: one.id } })
      const socket = await one.connect()
      await socket.ask('message:send', { chatId, content: 'Again' })
      for (const person of [one, other])
        same((await person.call('GET /api/contacts')).data, [], 'The contacts')
      await other.refused('DELETE /api/contacts/:id/block', { params: { id: one.id } }, NOT_FOUND)
    },
  },
  {
    number: '9.9',
    title:
      'another name is heard by who shares a chat or a contact, by the own connections, and by nobody else',
    async run(context) {
      const { ann, ben, dan } = await context.cast()
      const stranger = await context.stranger()
      const chatId = await context.group([ann, stranger])
      await context.makeContacts(stranger, ben)
      const [byAnn, byBen, own] = [await ann.connect(), await ben.connect(), await stranger.connect()]
      const outsider = await dan.connect()
      const body = { displayName: context.fresh('Renamed') }
      await stranger.call('PUT /api/users/me', { body })
      for (const socket of [byAnn, byBen, own]) {
        const { user } = await socket.signal('user:updated', (data) => data.user.id === stranger.id)
        same(user.displayName, body.displayName, 'The name')
      }
      // Over a connection that began under the name before.
      await own.ask('message:send', { chatId, content: 'It is still me' })
      const { sender } = (await byAnn.event('message:new', chatId)).data
      same(sender.displayName, body.displayName, 'The name beside a message')
      await outsider.settled()
      claim(!JSON.stringify(outsider.unheard).includes(stranger.id), 'The outsider was told')
    },
  },
]

/** Of what went before, a signal may still be on its way from another instance: it is not this one. */
function hearsOf(socket: RawSocket, user: Person, status: string | null) {
  const isIt = (contact: { status: string } | null) => (contact?.status ?? null) === status
  return socket.signal('contact:updated', ({ userId, contact }) => userId === user.id && isIt(contact))
}
