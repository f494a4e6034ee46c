import { parseArgs } from 'node:util'
import pg from 'pg'
import { connect, type Database } from '../src/db/connect.ts'
import { searchMessages } from '../src/db/queries/search.ts'

const USAGE = `node bench/search.ts --url DATABASE_URL [--words 100] [--language simple]
Searches of one word, one after another, on a database that has messages (see parley replay): as the participant of
most chats, and as one of few; words drawn at random from all that were said, apart by how common they are.`

const { values: flags } = parseArgs({
  options: {
    url: { type: 'string' },
    words: { type: 'string', default: '100' },
    language: { type: 'string', default: 'simple' },
  },
})

/** Messages that a word stands in. */
const CLASSES = [
  ['rare', 1, 99],
  ['middling', 100, 4_999],
  ['common', 5_000, 1e9],
] as const

if (flags.url === undefined) print(USAGE)
else await main(flags.url)

async function main(url: string): Promise<void> {
  const db = await connect({ url, onFault: (error) => print(String(error)) })
  const words = await drawWords(url)
  const { rows: users } = await db.pool.query<{ id: string; chats: number }>(
    `(select user_id as id, count(*) as chats from chat_participants group by 1 order by 2 desc limit 1)
     union all (select user_id, count(*) from chat_participants group by 1 having count(*) between 10 and 50 limit 1)`,
  )
  for (const { id, chats } of users) {
    const all: number[] = []
    for (const [name, drawn] of words) {
      const times = await measure(db, id, drawn)
      all.push(...times)
      print(`${chats} chats, ${name} words: ${summary(times)}`)
    }
    print(`${chats} chats, all words: ${summary(all)}`)
  }
  await db.close()
}

async function drawWords(url: string): Promise<Map<string, string[]>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const words = new Map<string, string[]>()
  await client.query(
    `create temp table frequency as select word, ndoc from ts_stat('select words from message_search')`,
  )
  for (const [name, least, most] of CLASSES) {
    const { rows } = await client.query<{ word: string }>(
      'select word from frequency where ndoc between $1 and $2 order by random() limit $3',
      [least, most, Number(flags.words)],
    )
    if (rows.length > 0)
      words.set(
        name,
        rows.map(({ word }) => word),
      )
  }
  await client.end()
  return words
}

async function measure(db: Database, userId: string, words: readonly string[]): Promise<number[]> {
  const times: number[] = []
  for (const q of words) {
    const begin = performance.now()
    await searchMessages(db, { userId, q, limit: 50 }, flags.language)
    times.push(performance.now() - begin)
  }
  return times
}

function summary(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1)
  return `${times.length} searches, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(0.999)} ms`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
