import { ErrorBody } from '../../protocol/errors.ts'
import { claim, same, shorten } from '../claims.ts'
import type { Context } from '../context.ts'
import { Garbage } from '../garbage.ts'
import type { Person } from '../person.ts'
import type { RawSocket } from '../raw-socket.ts'
import type { RestRequest } from '../rest.ts'
import { ROUTES } from '../routes.ts'
import type { ProtocolRule } from '../rule.ts'

const FRAMES = 400
const REQUESTS = 250
/** Frames between two good ones: fewer than close a connection. */
const FRAMES_AT_ONCE = 10
/** Routes that would end the login or the chat that the garbage is for, or count as failed logins. */
const SPARED = /\/auth\/(login|logout|refresh|password)$|\/leave$|^DELETE \/api\/chats\/:id$/

/** Wrong input, and what it must not do. */
export const garbage: ProtocolRule[] = [
  {
    number: '12.1',
    title: 'a refusal changes nothing and closes nothing',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const { message, seq } = await sockets.ben.ask('message:send', { chatId, content: 'Kept' })
      const named = { chatId, messageId: message.id }
      await sockets.ann.refused('message:edit', { ...named, content: 'x' }, { code: 'FORBIDDEN' })
      await sockets.ann.refused('message:send', { chatId, content: '' }, { code: 'VALIDATION_ERROR' })
      await sockets.ann.refused('message:read', { chatId, seq: 99 }, { code: 'VALIDATION_ERROR' })
      const replyToId = context.messageId()
      await sockets.ann.refused('message:send', { chatId, content: 'x', replyToId }, { code: 'NOT_FOUND' })
      await people.ben.refused('DELETE /api/chats/:id', { params: { id: chatId } }, { code: 'FORBIDDEN' })
      const next = await sockets.ann.ask('message:send', { chatId, content: 'Next' })
      same(next.seq, seq + 1, 'The next number')
      same((await sockets.ben.event('message:new', chatId)).seq, next.seq, 'What others heard next')
      same(sockets.ben.about(chatId), [], 'What others heard beside it')
    },
  },
  {
    number: '12.2',
    title: 'garbage of every kind is refused, by socket and REST, and others are not disturbed',
    async run(context) {
      const bystanders = await context.gather('ann', 'ben')
      const stranger = await context.stranger('garbage')
      const chatId = await context.group([stranger])
      await sendsFrames(context, stranger, chatId)
      await sendsRequests(context, stranger, chatId)
      await context.rest.call('GET /health/live')
      const { ann, ben } = bystanders.sockets
      await ann.ask('message:send', { chatId: bystanders.chatId, content: 'Undisturbed' })
      same((await ben.event('message:new', bystanders.chatId)).seq, 2, 'What bystanders heard')
      await stranger.call('GET /api/users/me')
    },
  },
]

async function sendsFrames(context: Context, stranger: Person, chatId: string): Promise<void> {
  const random = context.random()
  const garbage = new Garbage(random)
  const socket = await stranger.connect()
  const { message } = await socket.ask('message:send', { chatId, content: 'A target' })
  const templates = framesOf(chatId, message.id)
  const sent = new Map<string, string>()
  for (let count = 0; count < FRAMES; count += 1) {
    const id = `garbage-${count}`
    const template = random.pick(templates)
    const frame = random.chance(0.8)
      ? { ...template, data: garbage.spoil(template.data) }
      : garbage.spoil(template)
    const whole = JSON.stringify(Object.assign({ id }, frame))
    const text = random.chance(0.2) ? garbage.breakText(whole) : whole
    sent.set(id, text)
    socket.sendText(text)
    if (count % FRAMES_AT_ONCE === 0) {
      await socket.settled().catch((error: Error) => {
        throw Object.assign(error, { message: `${error.message}, after ${shorten(text)}` })
      })
    }
  }
  await socket.settled()
  isUnharmed(socket, sent)
}

/** Every reply so far is an ack, or an error that blames the frame. */
function isUnharmed(socket: RawSocket, sent: ReadonlyMap<string, string>): void {
  for (const frame of socket.unheard) {
    if (frame.type !== 'error') continue
    const { code, message } = frame.error
    const isFine = code !== 'INTERNAL_ERROR' && code !== 'SERVICE_UNAVAILABLE'
    claim(isFine, `${shorten(sent.get(frame.id ?? '') ?? 'A frame')} was answered with ${code} ${message}`)
  }
}

async function sendsRequests(context: Context, stranger: Person, chatId: string): Promise<void> {
  const random = context.random(1)
  const garbage = new Garbage(random)
  const messageId = (await stranger.history(chatId))[0]?.id ?? chatId
  const routes = Object.keys(ROUTES).filter((route) => !SPARED.test(route)) as [string, ...string[]]
  const bodies = bodiesOf(stranger, messageId)
  for (let count = 0; count < REQUESTS; count += 1) {
    const route = random.pick(routes)
    const known = {
      id: route.includes('/messages/') ? messageId : chatId,
      userId: stranger.id,
      emoji: '👍',
      slug: 'x',
    }
    const params = random.chance(0.4) ? spoilParams(garbage, known) : known
    const whole = JSON.stringify(garbage.spoil(random.pick(bodies)))
    const text = random.chance(0.2) ? garbage.breakText(whole) : whole
    const query = random.chance(0.3)
      ? { [random.pick(['limit', 'q', 'since', 'cursor', 'x'])]: String(garbage.value()) }
      : {}
    const isReading = route.startsWith('GET')
    const request: RestRequest = { params, query, token: await stranger.token(), ...(!isReading && { text }) }
    const answer = await context.rest.send(route, request)
    const what = `${route} ${JSON.stringify(params)} ${JSON.stringify(query)} ${isReading ? '' : text}`
    claim(answer.status < 500, `${shorten(what)} was answered with ${answer.status} ${shorten(answer.text)}`)
    if (answer.status < 400) continue
    const parsed = ErrorBody.safeParse((answer.json as { error?: unknown } | null | undefined)?.error)
    claim(parsed.success, `${shorten(what)} was refused without an error body: ${shorten(answer.text)}`)
  }
}

/** A path cannot hold half of a surrogate pair, and what looks like a step in it is no part of it. */
function spoilParams(garbage: Garbage, params: Record<string, string>): Record<string, string> {
  const spoilt = Object.entries(params).map(([name]) => [name, String(garbage.value()).toWellFormed()])
  return Object.fromEntries(
    spoilt.map(([name, value]) => [name, /^\.{1,2}$/.test(value ?? '') ? 'x' : value]),
  )
}

interface Frame {
  readonly type: string
  readonly data: object
}

function framesOf(chatId: string, messageId: string): [Frame, ...Frame[]] {
  return [
    { type: 'sync', data: { chats: { [chatId]: 0 }, logId: null } },
    {
      type: 'message:send',
      data: { chatId, content: 'x', formatting: { bold: [[0, 1]] }, metadata: { a: [1] } },
    },
    {
      type: 'message:send',
      data: { chatId, id: messageId, content: 'x', mentions: [chatId], replyToId: messageId },
    },
    { type: 'message:edit', data: { messageId, chatId, content: 'y' } },
    { type: 'message:delete', data: { messageId: chatId, chatId } },
    { type: 'message:read', data: { chatId, seq: 1 } },
    { type: 'message:delivered', data: { messageId } },
    { type: 'reaction:add', data: { messageId, chatId, emoji: '👍' } },
    { type: 'reaction:remove', data: { messageId, emoji: '👍' } },
    { type: 'typing:start', data: { chatId } },
    { type: 'typing:stop', data: { chatId } },
    { type: 'presence:update', data: { status: 'away' } },
    { type: 'auth', data: { token: 'a.b.c' } },
    { type: 'ping', data: {} },
  ]
}

function bodiesOf(stranger: Person, messageId: string): [object, ...object[]] {
  return [
    {
      content: 'x',
      contentType: 'text',
      formatting: { bold: [[0, 1]] },
      mentions: [stranger.id],
      metadata: { a: 1 },
    },
    { content: 'x', id: messageId, replyToId: messageId, attachmentIds: [messageId] },
    {
      name: 'x',
      participantIds: [stranger.id],
      slug: 'x',
      avatarUrl: 'https://x.example',
      history: 'all',
      isOpen: true,
    },
    { userIds: [stranger.id] },
    { userId: stranger.id },
    { username: 'x' },
    { role: 'admin' },
    { emoji: '👍' },
    { seq: 1 },
    { messageId },
    { until: '2026-01-01T00:00:00.000Z' },
    { displayName: 'x', avatarUrl: null },
    { username: 'x', password: 'x', passwordConfirm: 'x', displayName: 'x' },
  ]
}
