import { afterAll, beforeAll, expect, test } from 'vitest'
import { RawSocket } from '../../src/conformance/raw-socket.ts'
import { createProvider, type Provider } from '../../src/hosts/node/faults/servers/provider.ts'
import { ClientFrame } from '../../src/protocol/frames.ts'
import type { TestAnswer } from '../support/app.ts'
import { aForm, aPng } from '../support/files.ts'
import { type Server, startServer } from '../support/server.ts'
import { DJANGO_SECRET, djangoToken } from '../support/tokens.ts'

const CANARY = 'canary-in-a-note'
/** These would end the customer's login, which is no way to a note. */
const SPARED = ['POST /api/auth/logout']

interface Answer {
  readonly status: number
  readonly text: string
  readonly body: TestAnswer['body']
}

let server: Server
/** Who sends pushes, and who gets webhooks. */
let provider: Provider
let receiver: Provider
const logged: string[] = []
let agent: string
let customer: string
let customerId: string
/** All that stands near the note, by which the customer could ask for it. */
let ids: Readonly<Record<'session' | 'notes' | 'note' | 'file' | 'agent', string>>

beforeAll(async () => {
  ;[provider, receiver] = [await createProvider(), await createProvider()]
  server = await startServer({
    onLine: (line) => void logged.push(line),
    env: {
      ...{ DJANGO_JWT_SECRET: DJANGO_SECRET, GUESTS: 'on', LOG_LEVEL: 'debug', DOCUMENTS: 'everywhere' },
      ...{ ONESIGNAL_APP_ID: 'app', ONESIGNAL_API_KEY: 'key', ONESIGNAL_URL: provider.url },
      ...{ PUSH_DELAY_SECONDS: '0', PUSH_COLLAPSE_SECONDS: '0', PUSH_PREVIEW: 'session,notes' },
      ...{ WEBHOOK_URLS: receiver.url, WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}` },
      PRIVATE_ADDRESSES: 'allow',
    },
  })
  const exp = Math.floor(Date.now() / 1_000) + 3_600
  agent = await djangoToken(Date.now(), { user_id: 7, user_type: 'agent', exp })
  const guest = await must('POST /api/guests', '', {})
  customer = guest.accessToken
  customerId = guest.user.id
  const session = (await must('POST /api/sessions', customer, {})).chat.id
  await must(`POST /api/sessions/${session}/accept`, agent)
  const notes = (await must(`POST /api/sessions/${session}/notes`, agent)).chat.id
  const secret = { name: `${CANARY}.txt`, bytes: Uint8Array.from(Buffer.from(CANARY)) }
  const uploaded = await must('POST /api/attachments', agent, aForm({ chatId: notes }, secret))
  const file = uploaded.attachments[0].id
  const body = { content: CANARY, attachmentIds: [file] }
  const note = (await must(`POST /api/chats/${notes}/messages`, agent, body)).message.id
  ids = { session, notes, note, file, agent: (await must('GET /api/users/me', agent)).user.id }
})
afterAll(async () => {
  await server?.stop()
  await Promise.all([provider?.close(), receiver?.close()])
})

async function ask(route: string, token: string, body?: object): Promise<Answer> {
  const [method = '', path = ''] = route.split(' ')
  const isForm = body instanceof FormData
  const headers = {
    ...(body && !isForm && { 'Content-Type': 'application/json' }),
    ...(token && { Authorization: `Bearer ${token}` }),
  }
  const sent = isForm ? body : body ? JSON.stringify(body) : null
  const response = await fetch(server.url + path, { method, headers, body: sent })
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
    { attachmentIds: [ids.file] },
    { attachment_ids: [ids.file] },
    { attachmentId: ids.file },
    { message_id: ids.note },
    { chatId: ids.notes, fileName: 'x.png', contentType: 'image/png', bytes: 1 },
    ...chat.flatMap((it) => [
      it,
      { ...it, ...content },
      { ...it, seq: 1 },
      { ...it, messageId: ids.note },
      { ...it, messageId: ids.note, emoji: '👍' },
      { ...it, messageId: ids.note, ...content },
      { ...it, replyToId: ids.note, ...content },
      { ...it, attachmentIds: [ids.file] },
      { ...it, userId: customerId },
    ]),
    { chats: { [ids.notes]: 0, [ids.session]: 0 } },
  ]
}

/** The same as forms with files, for routes that take them. */
function forms(): FormData[] {
  const { notes, session, note, file } = ids
  return [
    aForm({ chatId: notes, messageId: note }, aPng()),
    aForm({ session_id: notes }, aPng()),
    aForm({ chatId: session, attachmentIds: JSON.stringify([file]), replyToId: note }, aPng()),
    aForm({ attachmentIds: JSON.stringify([file]), replyToId: note, content: 'x' }, aPng()),
  ]
}

test('a note reaches its customer by no route', async () => {
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
    for (const [verb, operation] of Object.entries(item)) {
      const method = verb.toUpperCase()
      const withForms = operation.requestBody?.content?.['multipart/form-data'] ? forms() : []
      if (SPARED.includes(`${method} ${path}`)) continue
      for (const id of path.includes('{') ? Object.values(ids) : ['']) {
        const url = path
          .replace(/\{(id|slug)\}/, id)
          .replace('{userId}', customerId)
          .replace('{size}', 'original')
          .replace('{emoji}', '👍')
        const requests =
          method === 'GET'
            ? queries.map((query) => ask(`GET ${url}${query}`, customer))
            : [undefined, ...bodies(), ...withForms].map((body) => ask(`${method} ${url}`, customer, body))
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
})

test('a note reaches its customer by no frame that he sends, and by none that others cause', async () => {
  const socketUrl = `${server.url.replace(/^http/, 'ws')}/ws`
  const open = (token: string) => new RawSocket(socketUrl, { headers: { Authorization: `Bearer ${token}` } })
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
})

test('a note reaches its customer by no push, and no webhook or log line has it', async () => {
  const until = (find: () => unknown) => expect.poll(find).toBeTruthy()
  const pushed = (text: string) => provider.received.filter((push) => push.text.includes(text))
  const device = (token: string) => ({ provider: 'onesignal', token })
  const exp = Math.floor(Date.now() / 1_000) + 3_600
  const admin = await djangoToken(Date.now(), { user_id: 8, user_type: 'admin', exp })
  await must('POST /api/push/devices', customer, device('phone-of-the-customer'))
  await must('POST /api/push/devices', admin, device('phone-of-the-admin'))
  await must(`POST /api/sessions/${ids.session}/observe`, admin)
  await must(`POST /api/sessions/${ids.session}/notes`, admin)
  await must(`POST /api/chats/${ids.notes}/messages`, agent, { content: CANARY, mentions: [] })
  // An administrator who observes is told, so pushes of notes work; and the customer is told of what is for him.
  await until(() => pushed(CANARY)[0])
  await must(`POST /api/chats/${ids.session}/messages`, agent, { content: 'On its way' })
  await until(() => pushed('phone-of-the-customer').find(({ text }) => text.includes('On its way')))
  await until(() => receiver.received.find(({ text }) => text.includes('On its way')))
  for (const { text } of pushed(CANARY)) expect(text).not.toContain('phone-of-the-customer')
  for (const { text } of pushed('phone-of-the-customer')) expect(text).not.toContain(ids.notes)
  for (const { text } of receiver.received) {
    expect(text).not.toContain(CANARY)
    expect(text).not.toContain(ids.notes)
  }
  // The log names routes by their pattern, and never a body.
  expect(logged.length).toBeGreaterThan(1_000)
  expect(logged.filter((line) => line.includes(CANARY))).toEqual([])
})
