import { claim, same } from '../claims.ts'
import { PATIENCE, type RawSocket } from '../raw-socket.ts'
import type { ProtocolRule } from '../rule.ts'
import { until } from '../until.ts'

/** Milliseconds between two typing lists; a little less, as frames may travel at different speeds. */
const TYPING_INTERVAL = 800
const LISTS = 6

export const presence: ProtocolRule[] = [
  {
    number: '6.1',
    title: 'typing is the whole list of who types',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      sockets.ann.send('typing:start', { chatId })
      await hearsTyping(sockets.cleo, chatId, [people.ann.id])
      sockets.ben.send('typing:start', { chatId })
      await hearsTyping(sockets.cleo, chatId, [people.ann.id, people.ben.id])
      await hearsTyping(sockets.ann, chatId, [people.ann.id, people.ben.id])
    },
  },
  {
    number: '6.2',
    title: 'typing:stop and sending a message take the user off the list',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      sockets.ann.send('typing:start', { chatId })
      sockets.ben.send('typing:start', { chatId })
      await hearsTyping(sockets.cleo, chatId, [people.ann.id, people.ben.id])
      sockets.ann.send('typing:stop', { chatId })
      await hearsTyping(sockets.cleo, chatId, [people.ben.id])
      await sockets.ben.ask('message:send', { chatId, content: 'Typed' })
      await hearsTyping(sockets.cleo, chatId, [])
    },
  },
  {
    number: '6.3',
    title: 'a chat has at most one typing list a second',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
      const at: number[] = []
      sockets.cleo.onFrame = (frame) => {
        if (frame.type === 'typing' && frame.data.chatId === chatId) at.push(performance.now())
      }
      // Of five changes each time the last leaves another list than the time before.
      for (let count = 0; at.length < LISTS; ) {
        for (const next = count + 5; count < next; count += 1) {
          sockets.ann.send(count % 2 === 0 ? 'typing:start' : 'typing:stop', { chatId })
          sockets.ben.send(count % 2 === 0 ? 'typing:stop' : 'typing:start', { chatId })
        }
        const who = count % 2 === 0 ? people.ben.id : people.ann.id
        await hearsTyping(sockets.cleo, chatId, [who])
      }
      const pauses = at.slice(1).map((time, index) => Math.round(time - (at[index] ?? 0)))
      // One may come late, on a busy machine: then the pause before it was as much longer.
      const short = pauses.flatMap((pause, index) => (pause < TYPING_INTERVAL ? [index] : []))
      const [late] = short
      const both = late === undefined ? 2 * TYPING_INTERVAL : (pauses[late - 1] ?? 0) + (pauses[late] ?? 0)
      claim(short.length <= 1 && both >= 2 * TYPING_INTERVAL, `Lists came after ${pauses.join(', ')} ms`)
    },
  },
  {
    number: '6.5',
    title: 'a connection that ends takes its user off the lists it put it on',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const stranger = await context.stranger()
      const params = { id: chatId }
      await people.ann.call('POST /api/chats/:id/participants', { params, body: { userIds: [stranger.id] } })
      const socket = await stranger.connect()
      socket.send('typing:start', { chatId })
      await hearsTyping(sockets.ben, chatId, [stranger.id])
      socket.close()
      await hearsTyping(sockets.ben, chatId, [], 5_000)
    },
  },
  {
    number: '6.6',
    title: "typing in a chat that is not one's own is refused, and heard by nobody",
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const outsider = await people.dan.connect()
      const expected = { code: 'NOT_FOUND', field: 'chatId' } as const
      for (const type of ['typing:start', 'typing:stop'] as const) {
        await outsider.refused(type, { chatId }, expected)
        await outsider.refused(type, { chatId: context.messageId() }, expected)
      }
      sockets.ann.send('typing:start', { chatId })
      const { userIds } = await sockets.ben.signal('typing', (data) => data.chatId === chatId)
      same(userIds, [people.ann.id], 'Who types')
    },
  },
  {
    number: '6.7',
    title: 'coming and going is told to those who share a chat or a contact, and to nobody else',
    async run(context) {
      const { ann, ben, dan } = await context.cast()
      const stranger = await context.stranger()
      await context.group([ann, stranger])
      await context.makeContacts(stranger, ben)
      const [inChat, contact, outsider] = [await ann.connect(), await ben.connect(), await dan.connect()]
      const socket = await stranger.connect()
      for (const listener of [inChat, contact]) {
        const { status, lastSeen } = await listener.signal(
          'user:status',
          ({ userId }) => userId === stranger.id,
        )
        same([status, lastSeen], ['online', null], 'The status on coming')
      }
      const params = { id: stranger.id }
      same((await dan.call('GET /api/users/:id', { params })).user.status, 'online', 'The status by REST')
      socket.close()
      for (const listener of [inChat, contact]) {
        const { status, lastSeen } = await listener.signal(
          'user:status',
          ({ userId }) => userId === stranger.id,
        )
        same(status, 'offline', 'The status on going')
        claim(Math.abs(Date.parse(lastSeen ?? '') - Date.now()) < 600_000, `lastSeen is ${lastSeen}`)
      }
      const { user } = await until(
        () => dan.call('GET /api/users/:id', { params }),
        (answer) => answer.user.lastSeen !== null,
        PATIENCE,
      )
      claim(user.status === 'offline' && user.lastSeen !== null, `By REST: ${JSON.stringify(user)}`)
      await outsider.settled()
      const told = outsider.unheard.filter(
        (it) => it.type === 'user:status' && it.data.userId === stranger.id,
      )
      same(told, [], 'What the outsider was told')
    },
  },
  {
    number: '6.8',
    title: 'a user is seen as the most present connection: online, busy, away',
    async run(context) {
      const { ann } = await context.cast()
      const stranger = await context.stranger()
      await context.group([ann, stranger])
      const listener = await ann.connect()
      const [one, two] = [await stranger.connect(), await stranger.connect()]
      const seenAs = (status: string) =>
        listener.signal('user:status', (data) => data.userId === stranger.id && data.status === status)
      await seenAs('online')
      await one.ask('presence:update', { status: 'away' })
      await two.ask('presence:update', { status: 'away' })
      await seenAs('away')
      await two.ask('presence:update', { status: 'busy' })
      await seenAs('busy')
      two.close()
      await seenAs('away')
      await one.ask('presence:update', { status: 'online' })
      await seenAs('online')
      for (const status of ['offline', 'asleep', null]) {
        const expected = { code: 'VALIDATION_ERROR', field: 'data.status' } as const
        await one.refused('presence:update', { status }, expected)
      }
    },
  },
]

/** Waits for the list to be these users; what came before is passed over. */
async function hearsTyping(
  socket: RawSocket,
  chatId: string,
  userIds: readonly string[],
  within?: number,
): Promise<void> {
  const expected = userIds.toSorted().join()
  await socket.signal(
    'typing',
    (data) => data.chatId === chatId && data.userIds.toSorted().join() === expected,
    within,
  )
}
