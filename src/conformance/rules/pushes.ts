import { v7 } from 'uuid'
import { claim, present, Skipped, same } from '../claims.ts'
import type { Context } from '../context.ts'
import type { Person } from '../person.ts'
import type { ProtocolRule } from '../rule.ts'

const FOREVER = '2099-01-01T00:00:00.000Z'

/** What goes to those who are away, and to endpoints. The rules with hooks need a deployment that sends them to the run. */
export const pushes: ProtocolRule[] = [
  {
    number: '18.1',
    title: 'a device that asks for pushes is listed once, until it is taken away',
    async run(context) {
      const person = await context.stranger('sleeper')
      const body = await phoneOf(person)
      const { device } = await person.call('POST /api/push/devices', { body })
      const again = await person.call('POST /api/push/devices', { body })
      same(again.device.id, device.id, 'The device that is registered again')
      const { data } = await person.call('GET /api/push/devices')
      same(
        data.map(({ id, token }) => [id, token]),
        [[device.id, body.token]],
        'The list',
      )
      const params = { id: device.id }
      await person.call('DELETE /api/push/devices/:id', { params })
      await person.refused('DELETE /api/push/devices/:id', { params }, { code: 'NOT_FOUND' })
      same((await person.call('GET /api/push/devices')).data, [], 'What is left')
    },
  },
  {
    number: '18.2',
    title: 'a device is the user’s who registered it last',
    async run(context) {
      const [before, after] = [await context.stranger('before'), await context.stranger('after')]
      const body = await phoneOf(before)
      await before.call('POST /api/push/devices', { body })
      await after.call('POST /api/push/devices', { body })
      same((await before.call('GET /api/push/devices')).data, [], 'What the first has')
      same((await after.call('GET /api/push/devices')).data.length, 1, 'What the second has')
    },
  },
  {
    number: '18.3',
    title: 'a device that cannot be is refused, the field named',
    async run(context) {
      const { ann } = await context.cast()
      const bad: [field: string, body: object][] = [
        ['provider', { provider: 'pigeon', token: 'x' }],
        ['token', { provider: 'onesignal', token: 'no such thing' }],
        ...['x', 'http://push.example.org/x'].map((endpoint): [string, object] => [
          'subscription.endpoint',
          { provider: 'webpush', subscription: { endpoint, keys: KEYS } },
        ]),
      ]
      for (const [field, body] of bad) {
        const expected = { code: 'VALIDATION_ERROR', field } as const
        await ann.refused('POST /api/push/devices', { body }, expected)
      }
    },
  },
  {
    needs: 'hooks',
    number: '18.4',
    title: 'a message that somebody who is away has not read is pushed: who says what, and where it is',
    async run(context) {
      const { ann, sleeper, chatId } = await away(context)
      const { message } = await say(ann, chatId, 'The train leaves at nine')
      const [push] = await pushesTo(context, sleeper, 1)
      const { data } = present(push, 'The push')
      same(
        [data.title, data.body, data.chatId, data.messageId, data.unread],
        [ann.me.displayName, 'The train leaves at nine', chatId, message.id, 1],
        'What it says',
      )
      claim(data.link.includes(chatId), `Its link does not lead to the chat: ${data.link}`)
    },
  },
  {
    needs: 'hooks',
    number: '18.5',
    title: 'of messages that come after a push, one push tells, of the last',
    async run(context) {
      const { ann, sleeper, chatId } = await away(context)
      await say(ann, chatId, 'first')
      await pushesTo(context, sleeper, 1)
      for (const words of ['second', 'third', 'last']) await say(ann, chatId, words)
      const found = await pushesTo(context, sleeper, 2)
      const once = new Map(found.map(({ id, data }) => [id, data.body]))
      same([...once.values()], ['first', 'last'], 'What the pushes say')
    },
  },
  {
    needs: 'hooks',
    number: '18.6',
    title: 'what was read before, and a chat that is muted, is not pushed',
    async run(context) {
      const [read, muted, marker] = [await away(context), await away(context), await away(context)]
      const params = { id: muted.chatId }
      await muted.sleeper.call('PUT /api/chats/:id/mute', { params, body: { until: FOREVER } })
      const { seq } = await say(read.ann, read.chatId, 'read at once')
      await read.sleeper.call('POST /api/chats/:id/read', { params: { id: read.chatId }, body: { seq } })
      await say(muted.ann, muted.chatId, 'muted')
      // What was due before these two pushes of somebody else's was looked at before.
      await say(marker.ann, marker.chatId, 'one')
      await pushesTo(context, marker.sleeper, 1)
      await say(marker.ann, marker.chatId, 'two')
      await pushesTo(context, marker.sleeper, 2)
      for (const { sleeper } of [read, muted]) same(context.mail.pushesTo(sleeper.id), [], 'What came')
    },
  },
]

const KEYS = { p256dh: 'p'.repeat(87), auth: 'a'.repeat(22) }

/** A device such as the deployment takes. */
async function phoneOf(person: Person) {
  const { providers } = await person.call('GET /api/push')
  if (providers.includes('onesignal')) return { provider: 'onesignal', token: v7() }
  if (!providers.includes('webpush')) throw new Skipped('The deployment has no pushes to devices')
  const endpoint = `https://push.example.org/${v7()}`
  return { provider: 'webpush', subscription: { endpoint, keys: KEYS } }
}

/** Somebody without a connection, in a direct chat with ann. */
async function away(context: Context) {
  const { ann } = await context.cast()
  const sleeper = await context.stranger('sleeper')
  await context.makeContacts(ann, sleeper)
  return { ann, sleeper, chatId: await context.direct(ann, sleeper) }
}

function say(person: Person, chatId: string, content: string) {
  return person.call('POST /api/chats/:id/messages', { params: { id: chatId }, body: { content } })
}

function pushesTo({ mail }: Context, { id }: Person, count: number) {
  return mail.wait(() => mail.pushesTo(id), count, 'pushes')
}
