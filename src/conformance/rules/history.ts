import { claim, present, same } from '../claims.ts'
import type { Context } from '../context.ts'
import type { Person } from '../person.ts'
import type { AnswerOf } from '../routes.ts'
import type { ProtocolRule } from '../rule.ts'
import { until } from '../until.ts'

const NOT_FOUND = { code: 'NOT_FOUND' } as const
const INVALID = { code: 'VALIDATION_ERROR' } as const
/** Milliseconds that search may be behind; more than the rule says, as the machine may be busy. */
const SEARCH_LAG = 10_000

/** Reading what was written: history, deep links, search. */
export const history: ProtocolRule[] = [
  {
    number: '8.20',
    title: 'in a group with history since_join nobody reads the time before',
    async run(context) {
      const { ann, ben, cleo } = await context.cast()
      const chatId = await context.group([ann, ben], { history: 'since_join' })
      const params = { id: chatId }
      const [sender, reader] = [await ann.connect(), await cleo.connect()]
      const word = context.fresh('before').replaceAll('-', '')
      const old = await sender.ask('message:send', { chatId, content: word })
      await ann.call('POST /api/chats/:id/participants', { params, body: { userIds: [cleo.id] } })
      same((await reader.batch(chatId)).messages, [], 'The messages of the first batch')
      const { message } = await sender.ask('message:send', { chatId, content: 'Since' })
      same(
        (await cleo.history(chatId)).map(({ id }) => id),
        [message.id],
        'The history',
      )
      const changes = await cleo.call('GET /api/chats/:id/changes', { params, query: { since: 0 } })
      same(
        changes.messages.map(({ id }) => id),
        [message.id],
        'The changes',
      )
      const named = { id: old.message.id }
      await cleo.refused('GET /api/messages/:id', { params: named }, NOT_FOUND)
      await cleo.refused('GET /api/messages/:id/receipts', { params: named }, NOT_FOUND)
      const messageId = old.message.id
      await reader.refused('reaction:add', { chatId, messageId, emoji: '👍' }, NOT_FOUND)
      await reader.refused('message:send', { chatId, content: 'x', replyToId: messageId }, NOT_FOUND)
      const around = await cleo.call('GET /api/messages/:id', { params: { id: message.id } })
      same(around.before, [], 'The neighbours before')
      await finds(ben, { q: word }, [old.message.id])
      await finds(cleo, { q: word }, [])
    },
  },
  {
    number: '11.6',
    title: 'lists have 50 rows by default, 100 at most, each row once',
    async run(context) {
      const { chatId, people } = await filled(context, 120)
      const params = { id: chatId }
      const first = await people.ben.call('GET /api/chats/:id/messages', { params })
      same([first.data.length, first.hasMore], [50, true], 'The first page')
      const most = await people.ben.call('GET /api/chats/:id/messages', { params, query: { limit: 100 } })
      same([most.data.length, most.hasMore], [100, true], 'The largest page')
      const query = { limit: 100, cursor: present(most.nextCursor, 'nextCursor') }
      const last = await people.ben.call('GET /api/chats/:id/messages', { params, query })
      same([last.data.length, last.hasMore, last.nextCursor], [20, false, null], 'The last page')
      same(new Set([...most.data, ...last.data].map(({ id }) => id)).size, 120, 'The rows')
      for (const limit of [0, 101, -1, 1.5, 'ten', '']) {
        await people.ben.refused(
          'GET /api/chats/:id/messages',
          { params, query: { limit } },
          { ...INVALID, field: 'limit' },
        )
      }
      for (const cursor of ['nonsense', '{}', '-1', 'x'.repeat(300)]) {
        await people.ben.refused(
          'GET /api/chats/:id/messages',
          { params, query: { cursor } },
          { ...INVALID, field: 'cursor' },
        )
      }
    },
  },
  {
    number: '11.7',
    title: 'history pages from the newest; before, after and around take a seq',
    async run(context) {
      const { chatId, people } = await filled(context, 12)
      const params = { id: chatId }
      const seqs = async (query: Record<string, string | number>) => {
        const { data } = await people.ben.call('GET /api/chats/:id/messages', { params, query })
        return data.map(({ seq }) => seq)
      }
      same(await seqs({ limit: 3 }), [13, 12, 11], 'The newest')
      same(await seqs({ limit: 3, before: 5 }), [4, 3, 2], 'Those before 5')
      same(await seqs({ limit: 3, after: 5 }), [8, 7, 6], 'Those after 5')
      same(await seqs({ limit: 5, around: 7 }), [9, 8, 7, 6, 5], 'Those around 7')
      same(await seqs({ before: 1 }), [], 'Those before the first change')
      same(await seqs({ after: 99 }), [], 'Those after the head')
      for (const query of [{ before: 5, after: 2 }, { before: -1 }, { around: 'x' }, { seq: 5 }]) {
        const bad = Object.fromEntries(Object.entries(query)) as Record<string, string | number>
        await people.ben.refused('GET /api/chats/:id/messages', { params, query: bad }, INVALID)
      }
    },
  },
  {
    number: '11.8',
    title: 'a deep link shows the message, its chat and its neighbours',
    async run(context) {
      const { chatId, people } = await filled(context, 9)
      const all = await people.ben.history(chatId)
      const middle = present(all[4], 'The fifth message')
      const link = await people.ben.call('GET /api/messages/:id', { params: { id: middle.id } })
      same(
        [link.message.id, link.chat.id, link.chat.me?.role],
        [middle.id, chatId, 'member'],
        'Message and chat',
      )
      same(link.message.senderUsername, people.ann.me.username, 'senderUsername')
      const around = [...link.before, link.message, ...link.after].map(({ seq }) => seq)
      const from = all.findIndex(({ seq }) => seq === around[0])
      const expected = all.slice(from, from + around.length).map(({ seq }) => seq)
      same(around, expected, 'The neighbours, oldest first')
      claim(link.before.length > 0 && link.after.length > 0, 'There are no neighbours')
      await people.dan.refused('GET /api/messages/:id', { params: { id: middle.id } }, NOT_FOUND)
      await people.ben.refused('GET /api/messages/:id', { params: { id: context.messageId() } }, NOT_FOUND)
    },
  },
  {
    number: '11.9',
    title: "search finds messages of one's own chats by their words as they are now",
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const [word, other] = [context.fresh('needle'), context.fresh('thimble')].map((it) =>
        it.replaceAll('-', ''),
      )
      const q = `${word}`
      const first = await sockets.ann.ask('message:send', { chatId, content: `A ${word} in hay` })
      const second = await sockets.ben.ask('message:send', { chatId, content: `${word}! Again the ${word}` })
      const elsewhere = await context.group([people.ann, people.ben])
      const third = await sockets.ann.ask('message:send', { chatId: elsewhere, content: `One ${word} more` })
      const [a, b, c] = [first, second, third].map(({ message }) => message.id) as [string, string, string]
      await finds(people.ben, { q }, [c, b, a])
      await finds(people.ben, { q, chatId }, [b, a])
      await finds(people.dan, { q }, [])
      await sockets.ann.ask('message:edit', { chatId, messageId: a, content: `A ${other} in hay` })
      await sockets.ben.ask('message:delete', { chatId, messageId: b })
      await finds(people.ben, { q: `${other}` }, [a])
      await finds(people.ben, { q }, [c])
      const page = await people.ben.call('GET /api/messages/search', { query: { q, limit: 1 } })
      same([page.total, page.hasMore, page.results[0]?.chatId], [1, false, elsewhere], 'The page')
      const foreign = await people.dan.call('GET /api/messages/search', { query: { q, chatId } })
      same(foreign.results, [], 'What the outsider finds in the chat')
    },
  },
  {
    number: '11.10',
    title: 'hits are escaped, with the words found in <mark>',
    async run(context) {
      const { chatId, people, sockets } = await context.gather('ann', 'ben')
      const word = context.fresh('marked').replaceAll('-', '')
      const content = `<img src=x onerror=alert(1)> ${word} & <mark>not me</mark> "quoted"`
      const { message } = await sockets.ann.ask('message:send', { chatId, content })
      const [hit] = await finds(people.ben, { q: word }, [message.id])
      const text = present(hit, 'The hit').content
      claim(text.includes(`<mark>${word}</mark>`), `The word is not marked: ${text}`)
      claim(!text.includes('<img') && !text.includes('<mark>not me'), `The content is not escaped: ${text}`)
      claim(text.includes('&lt;img') && text.includes('&amp;'), `The content is not escaped: ${text}`)
      same([hit?.seq, hit?.senderUsername], [message.seq, people.ann.me.username], 'seq and senderUsername')
    },
  },
  {
    number: '11.11',
    title: 'search text is text: operators are no error',
    async run(context) {
      const { ann } = await context.cast()
      const texts = [
        ...["'", '"', '"open', '!', '&', '|', '<->', ':*', '()', '\\', '%', '_', 'a & !b | (c <-> d):*'],
        ...['-', '--', 'or or or', '<script>', '漢字', '\u{1f600}', ' ', 'a '.repeat(100)],
      ]
      for (const q of texts) await ann.call('GET /api/messages/search', { query: { q } })
      for (const q of ['', '\u0000', 'x'.repeat(201)]) {
        await ann.refused('GET /api/messages/search', { query: { q } }, { ...INVALID, field: 'q' })
      }
    },
  },
]

/** A group of ann and ben with so many messages of ann's. */
async function filled(context: Context, count: number) {
  const gathering = await context.gather('ann', 'ben')
  const { chatId, sockets } = gathering
  for (let sent = 0; sent < count; sent += 20) {
    const wave = Array.from({ length: Math.min(20, count - sent) }, (_, index) =>
      sockets.ann.ask('message:send', { chatId, content: `Number ${sent + index + 1}` }),
    )
    await Promise.all(wave)
  }
  return gathering
}

/** Asks until search finds exactly these, newest first: its index is a moment behind. */
async function finds(person: Person, query: Record<string, string>, messageIds: readonly string[]) {
  const idsOf = (page: AnswerOf<'GET /api/messages/search'>) => page.results.map(({ id }) => id).join()
  const { results, total } = await until(
    () => person.call('GET /api/messages/search', { query }),
    (page) => idsOf(page) === messageIds.join(),
    SEARCH_LAG,
  )
  same(
    results.map(({ id }) => id),
    messageIds,
    `What search finds by ${JSON.stringify(query)}`,
  )
  same(total, messageIds.length, 'The total')
  return results
}
