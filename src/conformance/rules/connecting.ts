import { PROTOCOL_VERSION } from '../../protocol/version.ts'
import { claim, present, Skipped, same, shorten } from '../claims.ts'
import { type Person, subprotocols } from '../person.ts'
import type { RawSocket, SocketOptions } from '../raw-socket.ts'
import type { ProtocolRule } from '../rule.ts'

const ELSEWHERE = 'https://elsewhere.example'
/** More connections than these are not tried. */
const MOST_CONNECTIONS = 30
/** More at once than frames are let through. */
const PINGS = 300

export const connecting: ProtocolRule[] = [
  {
    number: '1.1',
    title: 'a bearer header opens a socket',
    async run(context) {
      const { ann } = await context.cast()
      const socket = ann.open({ headers: { Authorization: `Bearer ${await ann.token()}` } })
      const { user } = await socket.hello()
      same(user.id, ann.id, 'The user of hello')
    },
  },
  {
    number: '1.2',
    title: 'the subprotocols parley.v1 and bearer.<token> open a socket, and parley.v1 is answered',
    async run(context) {
      const { ann } = await context.cast()
      for (const protocols of [subprotocols(await ann.token()), subprotocols(await ann.token()).reverse()]) {
        const socket = ann.open({ protocols })
        await socket.hello()
        same(socket.protocol, 'parley.v1', 'The subprotocol')
      }
    },
  },
  {
    number: '1.3',
    title: 'a ticket opens one socket',
    async run(context) {
      const { ann } = await context.cast()
      const { ticket, expiresAt } = await ann.call('POST /api/auth/ticket')
      const life = Date.parse(expiresAt) - Date.now()
      claim(life > 0 && life < 120_000, `The ticket ends in ${life} ms`)
      const socket = ann.open({}, `?ticket=${encodeURIComponent(ticket)}`)
      same((await socket.hello()).user.id, ann.id, 'The user of hello')
      await isRefused(ann.open({}, `?ticket=${encodeURIComponent(ticket)}`), 'a ticket that was used')
    },
  },
  {
    number: '1.4',
    title: 'without a good access token there is no upgrade',
    async run(context) {
      const { ann } = await context.cast()
      const token = await ann.token()
      const bad = {
        'no token': undefined,
        'an altered token': `${token.slice(0, -4)}AAAA`,
        'a refresh token': ann.refreshToken,
        'no JWT': 'bearer',
        'an empty token': '',
      }
      for (const [what, wrong] of Object.entries(bad)) {
        await isRefused(
          ann.open(wrong === undefined ? {} : { protocols: ['parley.v1', `bearer.${wrong}`] }),
          what,
        )
        if (wrong) await isRefused(ann.open({ headers: { Authorization: `Bearer ${wrong}` } }), what)
      }
      await isRefused(ann.open({}, '?ticket=nonsense'), 'a ticket that nobody was given')
    },
  },
  {
    number: '1.5',
    title: 'a token in the URL opens nothing',
    async run(context) {
      const { ann } = await context.cast()
      const token = await ann.token()
      for (const name of ['token', 'access_token', 'accessToken', 'bearer', 'ticket']) {
        await isRefused(ann.open({}, `?${name}=${token}`), `?${name}=`)
      }
    },
  },
  {
    number: '1.6',
    title: 'an origin that is not on the allow-list is refused, unless a bearer header came',
    async run(context) {
      const { ann } = await context.cast()
      const protocols = subprotocols(await ann.token())
      const own = new URL(context.rest.url).origin
      for (const origin of [ELSEWHERE, 'null', `${own}.elsewhere.example`]) {
        await isRefused(ann.open({ protocols, headers: { Origin: origin } }), `the origin ${origin}`)
      }
      await opens(ann, { protocols, headers: { Origin: own } })
      await opens(ann, { headers: { Origin: ELSEWHERE, Authorization: `Bearer ${await ann.token()}` } })
    },
  },
  {
    number: '1.7',
    title: 'subprotocols without parley.v1 are refused',
    async run(context) {
      const { ann } = await context.cast()
      const token = await ann.token()
      await isRefused(ann.open({ protocols: ['parley.v99', `bearer.${token}`] }), 'parley.v99')
      await isRefused(ann.open({ protocols: [`bearer.${token}`] }), 'a token without parley.v1')
    },
  },
  {
    number: '1.8',
    title: 'hello is the first frame',
    async run(context) {
      const { ann } = await context.cast()
      const socket = ann.open({ protocols: subprotocols(await ann.token()) })
      const types: string[] = []
      socket.onFrame = ({ type }) => types.push(type)
      const hello = await socket.hello()
      same(types[0], 'hello', 'The first frame')
      same(hello.protocolVersion, PROTOCOL_VERSION, 'protocolVersion')
      same(hello.heartbeatMs, 25_000, 'heartbeatMs')
      same(hello.limits, { messageCharacters: 10_000, frameBytes: 65_536, groupParticipants: 300 }, 'limits')
      claim(
        Math.abs(Date.parse(hello.serverTime) - Date.now()) < 600_000,
        `serverTime is ${hello.serverTime}`,
      )
      claim(Date.parse(hello.expiresAt) > Date.parse(hello.serverTime), `expiresAt is ${hello.expiresAt}`)
    },
  },
  {
    number: '1.9',
    title: 'frames sent before hello arrives are answered after it, in their order',
    async run(context) {
      const { ann } = await context.cast()
      const socket = ann.open({ protocols: subprotocols(await ann.token()) })
      const heard: string[] = []
      socket.onFrame = (frame) => heard.push(frame.type === 'ack' ? frame.id : frame.type)
      await socket.answered
      const ids = [1, 2, 3].map(() => socket.send('ping', {}))
      for (const id of ids) await socket.reply(id)
      same(heard.slice(0, 4), ['hello', ...ids], 'What was heard first')
    },
  },
  {
    number: '1.10',
    title: 'one connection too many of a user is closed with 4009',
    async run(context) {
      const person = await context.stranger()
      const options = { protocols: subprotocols(await person.token()) }
      for (let count = 0; count < MOST_CONNECTIONS; count += 1) {
        const socket = person.open(options)
        const isOpen = await socket.hello().then(
          () => true,
          () => false,
        )
        if (isOpen) continue
        same((await socket.closed).code, 4009, `The close code of connection ${count + 1}`)
        claim(count >= 20, `Only ${count} connections were let in`)
        return
      }
      throw new Skipped(`More than ${MOST_CONNECTIONS} connections a user are allowed here`)
    },
  },
  {
    number: '1.11',
    title: 'a connection hears every chat of its user without asking',
    async run(context) {
      const { ann, ben, cleo } = await context.cast()
      const chats = [
        await context.group([ann, ben]),
        await context.group([cleo, ben]),
        await context.direct(ann, ben),
      ]
      const listener = await ben.connect()
      const senders = [await ann.connect(), await cleo.connect(), await ann.connect()]
      for (const [index, chatId] of chats.entries()) {
        const { message } = await present(senders[index], 'A sender').ask('message:send', {
          chatId,
          content: 'Hello',
        })
        const event = await listener.event('message:new', chatId)
        same(event.data.message, message, 'The message that was heard')
      }
    },
  },
  {
    number: '1.12',
    title: 'all connections of one user hear the same',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const [second, third] = [await people.ben.connect(), await people.ben.connect()]
      await sockets.ann.ask('message:send', { chatId, content: 'To every device' })
      const events = await Promise.all(
        [sockets.ben, second, third].map((socket) => socket.event('message:new', chatId)),
      )
      for (const event of events) same(event, events[0], 'What one of the connections heard')
    },
  },
  {
    number: '1.13',
    title: 'a client may take several frames in one message, and hears the same',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const protocols = [...subprotocols(await people.ben.token()), 'parley.lines']
      const lines = await people.ben.connect({ protocols })
      same(lines.protocol, 'parley.v1', 'The subprotocol')
      const contents = Array.from({ length: 10 }, (_, index) => `Line ${index}\nof two`)
      await Promise.all(contents.map((content) => sockets.ann.ask('message:send', { chatId, content })))
      for (const content of contents) {
        const [one, other] = [
          await lines.event('message:new', chatId),
          await sockets.ben.event('message:new', chatId),
        ]
        same(one, other, 'What was heard in lines')
        same(one.data.message.content, content, 'The content')
      }
    },
  },
  {
    number: '1.14',
    title: 'ping that is no frame is answered by pong, at any time and any rate',
    async run(context) {
      const { ann } = await context.cast()
      const protocols = [...subprotocols(await ann.token()), 'parley.lines']
      const socket = ann.open({ protocols })
      await socket.answered
      await socket.ping()
      await socket.hello()
      await Promise.all(Array.from({ length: PINGS }, () => socket.ping()))
      await socket.ask('ping', {})
      for (const text of ['PING', 'ping ', 'pong']) {
        socket.sendText(text)
        const reply = await socket.reply(null)
        claim(reply.type === 'error', `${JSON.stringify(text)} was done: ${shorten(JSON.stringify(reply))}`)
      }
    },
  },
]

async function opens(person: Person, options: SocketOptions): Promise<void> {
  const socket = person.open(options)
  await socket.hello()
  socket.close()
}

async function isRefused(socket: RawSocket, what: string): Promise<void> {
  const isOpen = await socket.hello().then(
    () => true,
    () => false,
  )
  claim(!isOpen && !socket.wasOpen, `A socket was opened with ${what}`)
}
