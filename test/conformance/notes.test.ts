import { afterAll, beforeAll, expect, test } from 'vitest'
import { RawSocket } from '../../src/conformance/raw-socket.ts'
import { ClientFrame } from '../../src/protocol/frames.ts'
import { type Server, startServer } from '../support/server.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'

const PATIENCE = 120_000
const CANARY = 'canary-in-a-note'
/** These would end the customer's login, which is no way to a note. */
const SPARED = ['POST /api/auth/logout']

interface Answer {
  readonly status: number
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects, and fails when it is not there
  readonly body: any
}

let server: Server
let agent: string
let customer: string
let customerId: string
/** All that stands near the note, by which the customer could ask for it. */
let ids: Readonly<Record<'session' | 'notes' | 'note' | 'agent', string>>

beforeAll(async () => {
  server = await startServer({ env: { DJANGO_JWT_SECRET: DJANGO_SECRET, GUESTS: 'on' } })
  const exp = Math.floor(Date.now() / 1_000) + 3_600
  agent = await djangoToken(Date.now(), { user_id: 7, user_type: 'agent', exp })
  const guest = await must('POST /api/guests', '', {})
  customer = guest.accessToken
  customerId = guest.user.id
  const session = (await must('POST /api/sessions', customer, {})).chat.id
  await must(`POST /api/sessions/${session}/accept`, agent)
  const notes = (await must(`POST /api/sessions/${session}/notes`, agent)).chat.id
  const note = (await must(`POST /api/chats/${notes}/messages`, agent, { content: CANARY })).message.id
  ids = { session, notes, note, agent: (await must('GET /api/users/me', agent)).user.id }
}, PATIENCE)
afterAll(() => server?.stop())

async function ask(route: string, token: string, body?: object): Promise<Answer> {
  const [method = '', path = ''] = route.split(' ')
  const headers = {
    ...(body && { 'Content-Type': 'application/json' }),
    ...(token && { Authorization: `Bearer ${token}` }),
  }
  const response = await fetch(server.url + path, {
    method,
    headers,
    body: body ? JSON.stringify(body) : null,
  })
  const text = await response.text()
  return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : undefined }
}

/** What must be done; a busy machine is asked again, as a client does. */
async function must(route: string, token: string, body?: object): Promise<Answer['body']> {
  for (let tries = 1; ; tries += 1) {
    const answer = await ask(route, token, body)
    if (answer.status < 300) return answer.body
    if (answer.status !== 503 || tries === 10) throw new Error(`${route}: ${answer.status} ${answer.text}`)
  }
}

/** The customer may have closed the session, or opened it again for whoever comes: the agent has it now. */
async function takeBack(): Promise<void> {
  for (const [what, token] of [
    ['reopen', customer],
    ['accept', agent],
    ['notes', agent],
  ] as const) {
    await must(`POST /api/sessions/${ids.session}/${what}`, token)
  }
}

/** What a route or a frame could be asked with: every one of its fields names something near the note. */
function bodies(): object[] {
  const chat = [ids.notes, ids.session].map((chatId) => ({ chatId }))
  const content = { content: 'Who writes here?' }
  return [
    {},
    content,
    { emoji: '👍' },
    { messageId: ids.note },
    { seq: 1 },
    { until: null },
    { team: 'night' },
    { userId: ids.agent },
    { userId: customerId },
    { userIds: [customerId] },
    { name: 'x', participantIds: [ids.agent] },
    { externalId: ids.notes, assigneeId: ids.agent },
    { replyToId: ids.note, ...content },
    ...chat.flatMap((it) => [
      it,
      { ...it, ...content },
      { ...it, seq: 1 },
      { ...it, messageId: ids.note },
      { ...it, messageId: ids.note, emoji: '👍' },
      { ...it, messageId: ids.note, ...content },
      { ...it, replyToId: ids.note, ...content },
      { ...it, userId: customerId },
    ]),
    { chats: { [ids.notes]: 0, [ids.session]: 0 } },
  ]
}

test(
  'a note reaches its customer by no route',
  async () => {
    const document = await must('GET /openapi.json', '')
    const queries = [
      '',
      `?q=${CANARY}`,
      `?q=canary&chatId=${ids.notes}`,
      '?since=0',
      '?around=1',
      '?status=active',
    ]
    let asked = 0
    for (const [path, item] of Object.entries<object>(document.paths)) {
      for (const method of Object.keys(item).map((it) => it.toUpperCase())) {
        if (SPARED.includes(`${method} ${path}`)) continue
        for (const id of path.includes('{') ? Object.values(ids) : ['']) {
          const url = path
            .replace(/\{(id|slug)\}/, id)
            .replace('{userId}', customerId)
            .replace('{emoji}', '👍')
          const requests =
            method === 'GET'
              ? queries.map((query) => ask(`GET ${url}${query}`, customer))
              : [undefined, ...bodies()].map((body) => ask(`${method} ${url}`, customer, body))
          for (const { status, text } of await Promise.all(requests)) {
            expect(text, `${method} ${url}`).not.toContain(CANARY)
            // 503 is a busy machine; it tells nothing either.
            expect(status, `${method} ${url}: ${text}`).not.toBe(500)
            asked += 1
          }
        }
      }
    }
    expect(asked).toBeGreaterThan(1_000)
    await takeBack()
    // And nothing of all that has changed it, or taken it from the staff.
    const { data } = await must(`GET /api/chats/${ids.notes}/messages`, agent)
    expect(data).toMatchObject([{ content: CANARY, isEdited: false, reactions: [] }])
  },
  PATIENCE,
)

test(
  'a note reaches its customer by no frame that he sends, and by none that others cause',
  async () => {
    const socketUrl = `${server.url.replace(/^http/, 'ws')}/ws`
    const open = (token: string) =>
      new RawSocket(socketUrl, { headers: { Authorization: `Bearer ${token}` } })
    const [mine, theirs] = [open(customer), open(agent)]
    const heard: string[] = []
    mine.onFrame = (frame) => heard.push(JSON.stringify(frame))
    await Promise.all([mine.hello(), theirs.hello()])
    const types = ClientFrame.options.map(({ shape }) => shape.type.value).filter((type) => type !== 'auth')
    for (const type of types) {
      for (const data of bodies()) {
        mine.sendText(JSON.stringify({ type, id: `${type}`, data }))
        // Typing has a reply only where it is refused.
        if (!type.startsWith('typing:')) await mine.reply(type)
        // A good one between the bad ones, of which twenty in a row would end it.
        await mine.ask('ping', {})
      }
    }
    await takeBack()
    const chatId = ids.notes
    await theirs.ask('message:edit', { chatId, messageId: ids.note, content: `${CANARY} again` })
    await theirs.ask('reaction:add', { chatId, messageId: ids.note, emoji: '👍' })
    await theirs.ask('message:send', { chatId, content: CANARY })
    await theirs.ask('message:read', { chatId, seq: 2 })
    theirs.send('typing:start', { chatId })
    await theirs.signal('typing', (data) => data.chatId === chatId)
    await theirs.ask('session:release', { chatId: ids.session })
    await theirs.ask('session:accept', { chatId: ids.session })
    await mine.settled()
    expect(heard.length).toBeGreaterThan(types.length)
    expect(heard.filter((text) => text.includes('canary'))).toEqual([])
    // Of the notes he hears only that they are none of his, and that because he asked.
    const about = heard
      .map((text) => JSON.parse(text))
      .filter(({ type, data, chatId: of }) => {
        return !['ack', 'error'].includes(type) && (of === chatId || data?.chatId === chatId)
      })
    for (const frame of about) expect(frame).toEqual({ type: 'sync:reset', data: { chatId, head: 0 } })
    for (const socket of [mine, theirs]) socket.close()
  },
  PATIENCE,
)
