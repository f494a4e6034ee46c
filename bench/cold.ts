import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { LoadUser } from './generator/load-client.ts'
import { toMessageId } from './generator/parley-client.ts'
import { openSocket } from './generator/socket.ts'
import { startPostgres } from './machine/postgres.ts'
import { createPeople } from './people.ts'
import { createWorkerdTarget } from './targets/workerd.ts'

const USAGE = `node bench/cold.ts [--chats 40] [--asleep 15]
What it costs on Cloudflare that objects leave memory when nothing happens, in the platform's runtime on this machine: as
many chats of two are left alone for so many seconds, and then their users, one after another, ask their gateway
something and send two messages. Medians and the slowest, in milliseconds.`

const { values: flags } = parseArgs({
  options: {
    chats: { type: 'string', default: '40' },
    asleep: { type: 'string', default: '15' },
    help: { type: 'boolean', default: false },
  },
})
/** No room hears of it: the gateway refuses it. */
const QUESTION = { type: 'nothing', data: {} }

if (flags.help) print(USAGE)
else await main()

async function main(): Promise<void> {
  const people = createPeople(2 * Number(flags.chats), 2)
  const postgres = await startPostgres()
  try {
    const url = await postgres.createDatabase()
    const target = createWorkerdTarget()
    const users = await target.prepare(url, people)
    const server = await target.start(url)
    try {
      await measure(users, server.ports[0] ?? 0)
    } finally {
      await server.stop()
    }
  } finally {
    await postgres.stop()
  }
}

async function measure(users: readonly LoadUser[], port: number): Promise<void> {
  const talkers = await Promise.all(
    users.filter((_, number) => number % 2 === 0).map((user) => enter(user, port)),
  )
  let index = 0
  const message = (chatId: string) => {
    const id = toMessageId(index++)
    return { type: 'message:send', data: { chatId, id, content: 'Is anybody there?' } }
  }
  // The other half of the users stays away: what a room tells goes to one gateway.
  for (const { ask, chatId } of talkers) await ask(message(chatId))
  await sleep(Number(flags.asleep) * 1_000)
  const took: number[][] = [[], [], [], []]
  for (const { ask, chatId } of talkers) {
    const asked = [QUESTION, QUESTION, message(chatId), message(chatId)]
    for (const [place, frame] of asked.entries()) took[place]?.push(await ask(frame))
  }
  const names = ['gateway asleep', 'gateway awake', 'room not in memory', 'room in memory']
  for (const [place, name] of names.entries()) print(`${name.padEnd(20)} ${told(took[place] ?? [])}`)
}

interface Talker {
  readonly chatId: string
  /** Answers after how many milliseconds the frame was answered, by an ack or an error. */
  ask(frame: object): Promise<number>
}

/** One who is connected and knows where his chat stands. */
async function enter({ token, chatId }: LoadUser, port: number): Promise<Talker> {
  let answered = Promise.withResolvers<void>()
  const hello = Promise.withResolvers<void>()
  let asked = 0
  const headers = { 'Sec-WebSocket-Protocol': `parley.v1, bearer.${token}` }
  const socket = openSocket(
    { port, path: '/ws', headers },
    {
      text(buffer, start, end) {
        const { type, id } = JSON.parse(buffer.toString('utf8', start, end))
        if (type === 'hello') hello.resolve()
        else if (id === String(asked)) answered.resolve()
      },
      opened() {},
      closed(why) {
        for (const waiting of [hello, answered]) waiting.reject(new Error(`Closed: ${why}`))
      },
    },
  )
  await hello.promise
  const ask = async (frame: object) => {
    answered = Promise.withResolvers()
    asked += 1
    const begin = performance.now()
    socket.send(JSON.stringify({ ...frame, id: String(asked) }))
    await answered.promise
    return performance.now() - begin
  }
  await ask({ type: 'sync', data: { chats: {} } })
  return { chatId, ask }
}

function told(took: readonly number[]): string {
  const sorted = took.toSorted((a, b) => a - b)
  const at = (part: number) => (sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN).toFixed(1)
  return `p50 ${at(0.5)}  p90 ${at(0.9)}  most ${at(1)}`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
