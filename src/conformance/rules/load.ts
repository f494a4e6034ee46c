import { readView } from '../chat-copy.ts'
import { check } from '../checker.ts'
import { claim, same } from '../claims.ts'
import type { Context } from '../context.ts'
import { Device } from '../device.ts'
import type { ChatView, SendRecord, StoredChat } from '../history.ts'
import type { Person } from '../person.ts'
import type { ProtocolRule } from '../rule.ts'
import { until } from '../until.ts'

const WRITERS = 8
const CHATS = 4
const STEPS = 25
/** Milliseconds that clients have to agree once all is quiet: C4. */
const CONVERGENCE = 10_000
/** Milliseconds after which watermarks that a group holds back are told at the latest. */
const RECEIPTS = 1_500

const ROUNDS = 3
const EVENT_TYPES: readonly string[] = [
  ...['message:new', 'message:edited', 'message:deleted', 'reaction:added', 'reaction:removed', 'receipts'],
  ...['chat:updated', 'participant:joined', 'participant:updated', 'participant:left'],
]

/** What holds only when many things are taken together. */
export const load: ProtocolRule[] = [
  {
    number: '7.14',
    title: 'a snapshot plus the events after it equals a fresh read, for every type of event',
    run: everyTypeOfEvent,
  },
  {
    number: '14.1',
    title: 'many writers over breaking connections lose, double and reorder nothing',
    async run(context) {
      const people: Person[] = []
      for (let count = 0; count < WRITERS; count += 1) people.push(await context.stranger('writer'))
      const chatIds: string[] = []
      for (let index = 0; index < CHATS; index += 1) {
        // Chats that overlap: every writer is in two of them or more.
        const members = people.filter((_, who) => who % CHATS !== index)
        const [first, ...others] = members
        if (first) chatIds.push(await context.group([first, ...others]))
      }
      const sends: SendRecord[] = []
      const devices = people.map(
        (person, index) =>
          new Device({ person, random: context.random(index), sends, messageId: context.messageId }),
      )
      await Promise.all(devices.map((device) => device.start(chatIds)))
      await Promise.all(devices.map((device) => device.write(STEPS)))
      await new Promise((resolve) => setTimeout(resolve, RECEIPTS))
      await Promise.all(devices.map((device) => device.catchUp(CONVERGENCE)))
      const violations = await judge(context, devices, sends)
      claim(violations.length === 0, violations.slice(0, 5).join('; '))
      const breaks = devices.reduce((sum, device) => sum + device.breaks, 0)
      claim(breaks > 0 && sends.length > WRITERS * STEPS * 0.3, `Nothing was tried: ${breaks} breaks`)
    },
  },
]

async function judge(context: Context, devices: readonly Device[], sends: SendRecord[]): Promise<string[]> {
  const fresh = new Map<string, Map<string, ChatView>>()
  const stored = new Map<string, StoredChat>()
  for (const { person, copies } of devices) {
    const views = new Map<string, ChatView>()
    for (const chatId of copies.keys()) {
      const view = await readView(person, chatId)
      views.set(chatId, view)
      const stays = new Map(view.participants.map((it) => [it.userId, [[it.joinedSeq, null]] as const]))
      stored.set(chatId, { chatId, head: view.seq, messages: view.messages, stays })
    }
    fresh.set(person.id, views)
  }
  const clients = devices.map(({ person, copies }) => ({
    clientId: person.me.username,
    userId: person.id,
    seen: [...copies.values()].flatMap(({ seen }) => seen),
    state: new Map([...copies].map(([chatId, copy]) => [chatId, copy.view()])),
  }))
  const unexpected = devices.flatMap(({ faults }) => faults)
  const violations = check({ sends, clients, stored: [...stored.values()], fresh, unexpected })
  await context.rest.call('GET /health/live')
  return violations.map(({ rule, message }) => `${rule} ${message}`)
}

/** What a service had lost on its way to the connection it tells as a batch, of no type: then all of it is done again. */
async function everyTypeOfEvent(context: Context): Promise<void> {
  const heard = new Set<string>()
  for (let round = 0; round < ROUNDS && heard.size < EVENT_TYPES.length; round += 1) {
    await oneOfEachType(context, heard)
  }
  same([...heard].toSorted(), EVENT_TYPES.toSorted(), 'The types of event that were heard')
}

async function oneOfEachType(context: Context, heard: Set<string>): Promise<void> {
  const { chatId, people, sockets } = await context.gather('ann', 'ben', 'cleo')
  const { ann, ben, dan } = people
  const device = new Device({
    person: people.cleo,
    random: context.random(),
    sends: [],
    messageId: context.messageId,
  })
  await device.start([chatId])
  const copy = device.copies.get(chatId)
  claim(copy, 'The chat is not in the snapshot')
  device.onFrame = (frame) => {
    if ('seq' in frame && frame.chatId === chatId) heard.add(frame.type)
  }
  const params = { id: chatId }
  const send = async (content: string) =>
    (await sockets.ann.ask('message:send', { chatId, content })).message.id
  const [edited, deleted, liked] = [await send('Edited'), await send('Deleted'), await send('Liked')]
  await sockets.ann.ask('message:edit', { chatId, messageId: edited, content: 'Now edited' })
  await sockets.ben.ask('reaction:add', { chatId, messageId: deleted, emoji: '👍' })
  await sockets.ann.ask('message:delete', { chatId, messageId: deleted })
  await sockets.ben.ask('reaction:add', { chatId, messageId: liked, emoji: '👍' })
  await sockets.ann.ask('reaction:add', { chatId, messageId: liked, emoji: '👍' })
  await sockets.ben.ask('reaction:remove', { chatId, messageId: liked, emoji: '👍' })
  await sockets.ben.ask('message:read', { chatId, seq: 3 })
  await ann.call('PUT /api/chats/:id', { params, body: { name: 'Renamed' } })
  await ann.call('POST /api/chats/:id/participants', { params, body: { userIds: [dan.id] } })
  const role = { params: { ...params, userId: dan.id }, body: { role: 'admin' } }
  await ann.call('PUT /api/chats/:id/participants/:userId', role)
  await ann.call('PUT /api/chats/:id/owner', { params, body: { userId: ben.id } })
  await dan.call('POST /api/chats/:id/leave', { params })
  // Whoever asks for what is missing has it as a batch, and no event follows.
  const isAll = (size: number) => size === EVENT_TYPES.length
  await until(async () => heard.size, isAll, CONVERGENCE)
  await device.catchUp(CONVERGENCE)
  const violations = await judge(context, [device], [])
  claim(violations.length === 0, violations.join('; '))
  const fresh = await readView(people.cleo, chatId)
  const { name, ownerId, slug, avatarUrl, history, isOpen } = fresh.chat
  const { chat } = copy
  const built = [chat?.name, chat?.ownerId, chat?.slug, chat?.avatarUrl, chat?.history, chat?.isOpen]
  same(built, [name, ownerId, slug, avatarUrl, history, isOpen], 'The chat built from events')
  device.onFrame = undefined
  await ben.call('DELETE /api/chats/:id', { params })
}
