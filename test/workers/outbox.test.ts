import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config.ts'
import type { ChatEvent } from '../../src/protocol/events.ts'
import { createMemoryRoomStore } from '../../src/rooms/memory.ts'
import { createOutbox } from '../../src/workers/outbox.ts'
import type { Delivery, NewJob } from '../../src/workers/ports.ts'
import { createWebhooks } from '../../src/workers/webhooks.ts'
import { AT, aGroup, aMessage, GROUP, MIA, OTTO, principalOf, tablesWith } from '../support/builders.ts'

const URL_OF_HOOK = 'https://hooks.example.org/parley'
const HOOKS = {
  WEBHOOK_URLS: URL_OF_HOOK,
  WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
}
const PUSH = { ONESIGNAL_APP_ID: 'app', ONESIGNAL_API_KEY: 'key', PUSH_DELAY_SECONDS: '7' }

function sent(seq: number, with_ = {}): ChatEvent {
  const data = { message: aMessage(seq, with_), sender: principalOf(MIA).user }
  return { type: 'message:new', chatId: GROUP, seq, at: AT, data }
}
const receipts = (seq: number): ChatEvent => ({
  type: 'receipts',
  chatId: GROUP,
  seq,
  at: AT,
  data: { marks: [{ userId: OTTO.id, readSeq: 5, deliveredSeq: 5, at: AT }] },
})
const reaction = (seq: number): ChatEvent => ({
  type: 'reaction:added',
  chatId: GROUP,
  seq,
  at: AT,
  data: { messageId: aMessage(5).id, emoji: '👍', userId: OTTO.id, reactions: [] },
})

function jobsOf(settings: Record<string, string>, ...events: ChatEvent[]): readonly NewJob[] {
  const outbox = createOutbox(parseConfig(settings))
  return outbox?.({ chatId: GROUP, prevSeq: (events[0]?.seq ?? 1) - 1, events, mutes: [] }) ?? []
}

describe('the outbox', () => {
  test('is none where nothing needs it', () => {
    expect(createOutbox(parseConfig({}))).toBeUndefined()
    expect(createOutbox(parseConfig({ ...HOOKS, WEBHOOK_EVENTS: ',' }))).toBeUndefined()
  })

  test('has one push for all messages of a turn, after the delay', () => {
    expect(jobsOf(PUSH, sent(5), sent(6), sent(7), receipts(8))).toEqual([
      { kind: 'push', payload: { chatId: GROUP, from: 5, to: 7 }, delay: 7_000 },
    ])
  })

  test.each([
    ['receipts', receipts(5)],
    ['reactions', reaction(5)],
    ['what the service says itself', sent(5, { contentType: 'system', senderId: null })],
  ])('has no push for %s', (_, event) => {
    expect(jobsOf(PUSH, event)).toEqual([])
  })

  test('has a webhook for each event and endpoint, with ids and no words', () => {
    const other = 'https://hooks.example.org/other'
    const jobs = jobsOf(
      { ...HOOKS, WEBHOOK_URLS: `${URL_OF_HOOK},${other}` },
      sent(5),
      receipts(6),
      reaction(7),
    )
    expect(jobs.map(({ payload }) => payload)).toMatchObject([
      { url: URL_OF_HOOK, type: 'message:new', seq: 5, messageId: aMessage(5).id },
      { url: other, seq: 5 },
      { url: URL_OF_HOOK, type: 'receipts', seq: 6 },
      { url: other, seq: 6 },
    ])
    expect(JSON.stringify(jobs)).not.toContain(aMessage(5).content)
  })

  test('has only what is wanted', () => {
    expect(jobsOf({ ...HOOKS, WEBHOOK_EVENTS: 'receipt' }, sent(5), receipts(6))).toMatchObject([
      { payload: { type: 'receipts' } },
    ])
  })
})

describe('a webhook', () => {
  /** What is sent of a message of a chat of the kind. */
  async function run(kind: 'group' | 'notes', settings = {}): Promise<Delivery[]> {
    const deliveries: Delivery[] = []
    const tables = tablesWith([aGroup({ chat: { kind } }), aMessage(5)])
    const config = parseConfig({ ...HOOKS, ...settings })
    const { run: send } = createWebhooks({
      config,
      store: createMemoryRoomStore(tables),
      async send(delivery) {
        deliveries.push(delivery)
        return { status: 'sent' }
      },
    })
    const payload = {
      url: URL_OF_HOOK,
      type: 'message:new',
      chatId: GROUP,
      seq: 5,
      at: AT,
      messageId: aMessage(5).id,
    }
    await send({ id: 'a job', kind: 'webhook', payload, attempts: 1 })
    return deliveries
  }

  test('has the message as it is now, and who sent it', async () => {
    const [delivery] = await run('group')
    expect(delivery).toMatchObject({ via: 'webhook', url: URL_OF_HOOK, id: `${GROUP}_5` })
    const { body = '' } = delivery as { body?: string }
    expect(JSON.parse(body)).toMatchObject({
      type: 'message.new',
      timestamp: AT,
      data: { chatId: GROUP, seq: 5, message: { content: 'message 5' }, sender: { id: MIA.id } },
    })
  })

  test('has notes of staff only where they are asked for', async () => {
    expect(await run('notes')).toEqual([])
    expect(await run('notes', { WEBHOOK_EVENTS: 'message,session,receipt,note' })).toHaveLength(1)
    expect(await run('group', { WEBHOOK_EVENTS: 'note' })).toEqual([])
  })

  test('is not sent to an endpoint that was taken out', async () => {
    expect(await run('group', { WEBHOOK_URLS: 'https://hooks.example.org/new' })).toEqual([])
  })
})
