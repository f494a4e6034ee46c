import { claim, Skipped, same } from '../claims.ts'
import type { ProtocolRule } from '../rule.ts'

const NOT_FOUND = { code: 'NOT_FOUND' } as const
const GROUP_PARTICIPANTS = 300

export const chats: ProtocolRule[] = [
  {
    number: '8.1',
    title: 'a group begins with seq 1, owned by who made it',
    async run(context) {
      const { ann, ben, cleo } = await context.cast()
      const name = context.fresh('A group')
      const avatarUrl = 'https://images.example/group.png'
      const body = { name, avatarUrl, participantIds: [ben.id, cleo.id, ben.id, ann.id] }
      const { status, data } = await ann.answer('POST /api/chats/group', { body })
      const { chat } = data
      same([status, chat.kind, chat.name, chat.avatarUrl], [201, 'group', name, avatarUrl], 'The group')
      same([chat.seq, chat.ownerId, chat.participantCount], [1, ann.id, 3], 'Its seq, owner and size')
      same([chat.lastMessage, chat.me?.role, chat.me?.unread], [null, 'owner', 0], 'Its lastMessage and me')
      const roles = Object.fromEntries(chat.participants?.map(({ userId, role }) => [userId, role]) ?? [])
      same(roles, { [ann.id]: 'owner', [ben.id]: 'member', [cleo.id]: 'member' }, 'The roles')
      const seen = await ben.call('GET /api/chats/:id', { params: { id: chat.id } })
      same([seen.chat.id, seen.chat.me?.role], [chat.id, 'member'], 'The group as a member reads it')
      for (const wrong of [{}, { name: ' ' }, { name: 'x'.repeat(101) }, { name: 'x', kind: 'direct' }]) {
        await ann.refused('POST /api/chats/group', { body: wrong }, { code: 'VALIDATION_ERROR' })
      }
    },
  },
  {
    number: '8.2',
    title: 'the same Idempotency-Key makes no second group',
    async run(context) {
      const { ann, ben } = await context.cast()
      const headers = { 'Idempotency-Key': context.fresh('key') }
      const body = { name: context.fresh('Once'), participantIds: [ben.id] }
      const first = await ann.answer('POST /api/chats/group', { body, headers })
      const again = await ann.answer('POST /api/chats/group', { body, headers })
      same([first.status, again.status], [201, 200], 'The statuses')
      same(again.data.chat.id, first.data.chat.id, 'The id')
      const other = await ben.answer('POST /api/chats/group', { body, headers })
      claim(other.data.chat.id !== first.data.chat.id, 'Another user got the group by the same key')
    },
  },
  {
    number: '8.3',
    title: 'a group has at most 300 participants, and only users that there are',
    async run(context) {
      const { ann, ben } = await context.cast()
      const unknown = { name: 'Group', participantIds: [ben.id, context.messageId()] }
      await ann.refused('POST /api/chats/group', { body: unknown }, { ...NOT_FOUND, field: 'participantIds' })
      const participantIds = Array.from({ length: GROUP_PARTICIPANTS }, () => context.messageId())
      const many = { body: { name: 'Group', participantIds } }
      await ann.refused('POST /api/chats/group', many, { code: 'VALIDATION_ERROR', field: 'participantIds' })
    },
  },
  {
    number: '8.4',
    title: 'two users have one direct chat, whoever asks',
    async run(context) {
      const { ben } = await context.cast()
      const stranger = await context.stranger()
      await context.makeContacts(stranger, ben)
      const socket = await ben.connect()
      const first = await stranger.answer('POST /api/chats/direct', { body: { userId: ben.id } })
      const again = await stranger.answer('POST /api/chats/direct', { body: { userId: ben.id } })
      const other = await ben.answer('POST /api/chats/direct', { body: { userId: stranger.id } })
      const { chat } = first.data
      same([first.status, again.status, other.status], [201, 200, 200], 'The statuses')
      same([again.data.chat.id, other.data.chat.id], [chat.id, chat.id], 'The ids')
      same([chat.kind, chat.ownerId, chat.name], ['direct', null, null], 'The chat')
      same(
        chat.participants?.map(({ userId }) => userId).toSorted(),
        [stranger.id, ben.id].toSorted(),
        'The two',
      )
      await socket.batch(chat.id)
      const both = [stranger, ben].map((one, index) =>
        one.call('POST /api/chats/direct', { body: { userId: [ben, stranger][index]?.id } }),
      )
      const ids = (await Promise.all(both)).map((it) => it.chat.id)
      same(ids, [chat.id, chat.id], 'The ids of two requests at once')
    },
  },
  {
    number: '8.5',
    title: 'a direct chat needs an accepted contact, and is never with oneself',
    async run(context) {
      const { ann, dan } = await context.cast()
      const own = { body: { userId: ann.id } }
      await ann.refused('POST /api/chats/direct', own, { code: 'VALIDATION_ERROR' })
      await ann.refused('POST /api/chats/direct', { body: { userId: context.messageId() } }, NOT_FOUND)
      const strange = { token: await ann.token(), body: { userId: dan.id } }
      const { status } = await ann.rest.send('POST /api/chats/direct', strange)
      if (status < 300) throw new Skipped('Anyone may open a direct chat with anyone here')
      await ann.refused('POST /api/chats/direct', strange, { code: 'FORBIDDEN' })
    },
  },
  {
    number: '8.6',
    title: 'a direct chat can be neither renamed, left, deleted nor joined',
    async run(context) {
      const { ann, ben, dan } = await context.cast()
      const params = { id: await context.direct(ann, ben) }
      const forbidden = { code: 'FORBIDDEN' } as const
      await ann.refused('PUT /api/chats/:id', { params, body: { name: 'Ours' } }, forbidden)
      await ann.refused('POST /api/chats/:id/leave', { params }, forbidden)
      await ann.refused('DELETE /api/chats/:id', { params }, forbidden)
      await ann.refused('PUT /api/chats/:id/owner', { params, body: { userId: ben.id } }, forbidden)
      const body = { userIds: [dan.id] }
      await ann.refused('POST /api/chats/:id/participants', { params, body }, forbidden)
      const other = { params: { ...params, userId: ben.id } }
      await ann.refused('DELETE /api/chats/:id/participants/:userId', other, forbidden)
      await dan.refused('POST /api/chats/:id/join', { params }, NOT_FOUND)
    },
  },
  {
    number: '8.7',
    title: 'staff change the name, picture, slug and settings of a group',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { ann, ben } = people
      const params = { id: chatId }
      const change = {
        name: context.fresh('Renamed'),
        slug: context.fresh('slug'),
        avatarUrl: 'https://images.example/new.png',
        history: 'since_join',
        isOpen: true,
      }
      await ben.refused('PUT /api/chats/:id', { params, body: change }, { code: 'FORBIDDEN' })
      const { chat, seq } = await ann.call('PUT /api/chats/:id', { params, body: change })
      same(seq, 2, 'The seq')
      for (const [key, value] of Object.entries(change)) same(chat[key as keyof typeof chat], value, key)
      for (const socket of [sockets.ann, sockets.ben]) {
        const event = await socket.event('chat:updated', chatId)
        same([event.seq, event.data.chat], [2, chat], 'chat:updated')
      }
      same((await ann.call('PUT /api/chats/:id', { params, body: change })).seq, 2, 'The seq of no change')
      const bad = [
        {},
        { name: '' },
        { slug: 'Not A Slug' },
        { avatarUrl: 'javascript:alert(1)' },
        { ownerId: ben.id },
      ]
      for (const body of bad) {
        await ann.refused('PUT /api/chats/:id', { params, body }, { code: 'VALIDATION_ERROR' })
      }
      const cleared = await ann.call('PUT /api/chats/:id', { params, body: { slug: null, avatarUrl: null } })
      same([cleared.seq, cleared.chat.slug, cleared.chat.avatarUrl], [3, null, null], 'The cleared fields')
    },
  },
  {
    number: '8.8',
    title: 'a slug belongs to one chat',
    async run(context) {
      const { ann, ben } = await context.cast()
      const slug = context.fresh('mine')
      const first = await context.group([ann], { slug })
      const second = await context.group([ben])
      const conflict = { code: 'CONFLICT', field: 'slug' } as const
      await ben.refused('POST /api/chats/group', { body: { name: 'Twice', slug } }, conflict)
      await ben.refused('PUT /api/chats/:id', { params: { id: second }, body: { slug } }, conflict)
      await ann.call('PUT /api/chats/:id', { params: { id: first }, body: { slug: null } })
      await ben.call('PUT /api/chats/:id', { params: { id: second }, body: { slug } })
      const { chat } = await ben.call('GET /api/chats/slug/:slug', { params: { slug } })
      same(chat.id, second, 'The chat of the slug')
    },
  },
  {
    number: '8.9',
    title: "a slug finds one's own chat, and of an open group a preview",
    async run(context) {
      const { ann, ben, dan } = await context.cast()
      const [open, closed] = [context.fresh('open'), context.fresh('closed')]
      const openId = await context.group([ann, ben], { slug: open, isOpen: true })
      const closedId = await context.group([ann, ben], { slug: closed })
      const text = { body: { content: 'Members only' }, params: { id: openId } }
      await ann.call('POST /api/chats/:id/messages', text)
      for (const [slug, id] of [
        [open, openId],
        [closed, closedId],
      ] as const) {
        const { chat } = await ben.call('GET /api/chats/slug/:slug', { params: { slug } })
        same([chat.id, chat.me?.role], [id, 'member'], "One's own chat")
      }
      const { chat } = await dan.call('GET /api/chats/slug/:slug', { params: { slug: open } })
      same([chat.id, chat.participantCount], [openId, 2], 'The preview')
      same([chat.me, chat.participants, chat.lastMessage], [null, null, null], 'What the preview leaves out')
      await dan.refused('GET /api/chats/slug/:slug', { params: { slug: closed } }, NOT_FOUND)
      await dan.refused(
        'GET /api/chats/slug/:slug',
        { params: { slug: context.fresh('no-chat') } },
        NOT_FOUND,
      )
      await dan.refused('GET /api/chats/:id', { params: { id: openId } }, NOT_FOUND)
    },
  },
  {
    number: '8.10',
    title: 'an open group may be joined, any other not',
    async run(context) {
      const { ann, ben, dan } = await context.cast()
      const params = { id: await context.group([ann], { isOpen: true, slug: context.fresh('open') }) }
      const { participants, seq } = await dan.call('POST /api/chats/:id/join', { params })
      same([participants[0]?.userId, participants[0]?.role, seq], [dan.id, 'member', 2], 'The answer')
      same((await dan.call('POST /api/chats/:id/join', { params })).seq, 2, 'The seq of no change')
      await ann.call('PUT /api/chats/:id', { params, body: { isOpen: false } })
      await ben.refused('POST /api/chats/:id/join', { params }, NOT_FOUND)
      await ben.refused('POST /api/chats/:id/join', { params: { id: context.messageId() } }, NOT_FOUND)
      await dan.call('POST /api/chats/:id/leave', { params })
    },
  },
  {
    number: '8.18',
    title: 'the owner deletes a group, for everybody',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { ann, ben } = people
      const params = { id: chatId }
      const slug = context.fresh('free-again')
      await ann.call('PUT /api/chats/:id', { params, body: { slug } })
      await ben.refused('DELETE /api/chats/:id', { params }, { code: 'FORBIDDEN' })
      same(await ann.call('DELETE /api/chats/:id', { params }), { seq: 3 }, 'The answer')
      for (const socket of [sockets.ann, sockets.ben]) {
        same((await socket.event('chat:deleted', chatId)).seq, 3, 'chat:deleted')
      }
      for (const person of [ann, ben]) {
        await person.refused('GET /api/chats/:id', { params }, NOT_FOUND)
        await person.refused('GET /api/chats/:id/messages', { params }, NOT_FOUND)
        await person.refused('DELETE /api/chats/:id', { params }, NOT_FOUND)
        await person.refused('GET /api/chats/slug/:slug', { params: { slug } }, NOT_FOUND)
      }
      await context.group([ben], { slug })
    },
  },
  {
    number: '8.19',
    title: "a mute is the participant's own",
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const params = { id: chatId }
      const until = new Date(Date.now() + 3_600_000).toISOString()
      const { me } = await people.ben.call('PUT /api/chats/:id/mute', { params, body: { until } })
      same(Date.parse(me.mutedUntil ?? ''), Date.parse(until), 'mutedUntil')
      const own = await people.ben.call('GET /api/chats/:id', { params })
      same(Date.parse(own.chat.me?.mutedUntil ?? ''), Date.parse(until), 'mutedUntil, read afresh')
      await sockets.ann.settled()
      const heard = JSON.stringify(sockets.ann.about(chatId))
      const read = JSON.stringify(await people.ann.call('GET /api/chats/:id', { params }))
      const moment = until.slice(0, 19)
      claim(!heard.includes(moment) && !read.includes(moment), 'Another participant learns of the mute')
      const ended = await people.ben.call('PUT /api/chats/:id/mute', { params, body: { until: null } })
      same(ended.me.mutedUntil, null, 'mutedUntil, after its end')
    },
  },
  {
    number: '8.21',
    title: "the list of one's chats shows the last active first",
    async run(context) {
      const stranger = await context.stranger()
      const { ann } = await context.cast()
      const ids: string[] = []
      for (let count = 0; count < 3; count += 1) ids.push(await context.group([stranger, ann]))
      const socket = await ann.connect()
      const [first = '', second = '', third = ''] = ids
      const active = new Map<string, string>()
      for (const chatId of [second, third, first, second]) {
        const { message } = await socket.ask('message:send', { chatId, content: `In ${chatId}` })
        active.set(chatId, `${message.createdAt} ${chatId}`)
      }
      // A quick service writes two of them in one millisecond: then the greater id is first.
      const order = [...active].sort(([, a], [, b]) => (a < b ? 1 : -1)).map(([id]) => id)
      const { data } = await stranger.call('GET /api/chats')
      same(
        data.map(({ id }) => id),
        order,
        'The order',
      )
      const shown = Object.fromEntries(data.map(({ id, me, seq }) => [id, [me?.unread, seq]]))
      same(shown, { [second]: [2, 3], [first]: [1, 2], [third]: [1, 2] }, 'Unread and head')
      const words = data.map(({ lastMessage }) => lastMessage?.content)
      same(
        words,
        order.map((id) => `In ${id}`),
        'The last messages',
      )
      const paged: string[] = []
      let cursor: string | null = null
      do {
        const query: Record<string, string | number> = { limit: 2, ...(cursor !== null && { cursor }) }
        const page: { data: { id: string }[]; nextCursor: string | null } = await stranger.call(
          'GET /api/chats',
          { query },
        )
        paged.push(...page.data.map(({ id }) => id))
        cursor = page.nextCursor
      } while (cursor !== null)
      same(paged, order, 'The order over pages')
    },
  },
]
