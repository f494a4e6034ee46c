import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { startRadosgw } from '../test/support/radosgw.ts'
import type { LoadUser } from './generator/load-client.ts'
import { type Generator, startGenerator } from './generator-process.ts'
import { type Postgres, startPostgres } from './machine/postgres.ts'
import { rssOf } from './machine/usage.ts'
import { createPeople } from './people.ts'
import { createParleyTarget } from './targets/parley.ts'
import type { Server } from './targets/target.ts'
import type { Upload } from './uploader/main.ts'
import { startUploader, type Uploader } from './uploader-process.ts'

const USAGE = `node bench/uploads.ts [--store disk|s3] [--rounds 3] [--seconds 15]
What uploads take and what they cost others, on one instance over Postgres: a photograph alone; the deliveries of 1,000
users in chats of 2 at 50 messages a second, without and beside 20 such photographs at once, again and again for
--seconds; and the memory that 50 files of 10 MB at once add. s3 is Ceph's gateway (radosgw) over a store in memory. It
and the senders run when nobody else wants to, as if on other machines.`
const USERS = 1_000
const PER_SECOND = 50
const BESIDE = 20
const MANY = 50
const MB = 1_048_576
/** Runs a server when nobody else wants to, which is as near as one machine comes to another one. */
const ELSEWHERE = ['chrt', '--idle', '0']
const PHOTO = 'photo.jpg'
const TEXT = 'log.txt'
/** Of noise, so that it is as large as a photograph of that size. */
const SIDES = { width: 4_000, height: 3_000 }

const { values: flags } = parseArgs({
  options: {
    store: { type: 'string', default: 'disk' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '15' },
    help: { type: 'boolean', default: false },
  },
})
const SECONDS = Number(flags.seconds)

if (flags.help) print(USAGE)
else await main()

async function main(): Promise<void> {
  const postgres = await startPostgres()
  const photo = await takePhoto()
  const uploader = startUploader([
    { name: PHOTO, type: 'image/jpeg', bytes: new Uint8Array(photo) },
    { name: TEXT, type: 'text/plain', bytes: new Uint8Array(Buffer.alloc(10 * MB - 1, 'a line of text\n')) },
  ])
  print(
    `A photograph of ${(photo.length / MB).toFixed(1)} MB, ${SIDES.width} x ${SIDES.height}, to ${flags.store}`,
  )
  try {
    for (let round = 1; round <= Number(flags.rounds); round += 1) {
      // A new one each time: its memory holds a gigabyte.
      const store = flags.store === 's3' ? await startRadosgw({ by: ELSEWHERE }) : undefined
      const target = createParleyTarget({
        DOCUMENTS: 'everywhere',
        ...(store && settingsOf(store.settings)),
      })
      try {
        print(`round ${round}: ${await measure(target, postgres, uploader)}`)
      } finally {
        await target.close()
        await store?.stop()
      }
    }
  } finally {
    uploader.stop()
    await postgres.stop()
  }
}

function settingsOf({
  bucket,
  region,
  endpoint,
  credentials,
}: Awaited<ReturnType<typeof startRadosgw>>['settings']) {
  return {
    S3_BUCKET: bucket,
    S3_ENDPOINT: endpoint ?? '',
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials?.accessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: credentials?.secretAccessKey ?? '',
  }
}

/** A picture in whose small squares nothing repeats. */
async function takePhoto(): Promise<Buffer> {
  const [width, height] = [SIDES.width / 4, SIDES.height / 4]
  const noise = sharp(randomBytes(width * height * 3), { raw: { width, height, channels: 3 } })
  return noise.resize(SIDES.width, SIDES.height, { kernel: 'cubic' }).jpeg({ quality: 87 }).toBuffer()
}

async function measure(
  target: ReturnType<typeof createParleyTarget>,
  postgres: Postgres,
  uploader: Uploader,
): Promise<string> {
  const url = await postgres.createDatabase()
  const users = await target.prepare(url, createPeople(USERS, 2))
  const pace = { kind: 'open', perSecond: PER_SECOND } as const
  const generator = await startGenerator({
    speaks: target.speaks,
    users,
    chatSize: 2,
    staying: 2,
    pace,
    seed: 1,
  })
  const server = await target.start(url)
  try {
    await generator.call('connect', server.ports)
    const alone: number[] = []
    for (const user of users.slice(0, 5)) alone.push(await uploader.send(toUpload(server, user, PHOTO)))
    await generator.call('start')
    const quiet = await p99While(generator, () => sleep(SECONDS * 1_000))
    const together: number[] = []
    const beside = await p99While(generator, async () => {
      for (const end = performance.now() + SECONDS * 1_000; performance.now() < end; ) {
        together.push(
          ...(await Promise.all(
            users.slice(0, BESIDE).map((user) => uploader.send(toUpload(server, user, PHOTO))),
          )),
        )
      }
    })
    await generator.call('stop')
    const memory = await memoryOf(server, users, uploader)
    return [
      `alone ${list(alone)} ms; ${together.length} by ${BESIDE} at once, median ${median(together).toFixed(0)} ms`,
      `delivery p99 ${quiet.toFixed(1)} ms without, ${beside.toFixed(1)} ms beside (x ${(beside / quiet).toFixed(2)})`,
      `${MANY} of 10 MB at once: RSS ${list(memory.map((bytes) => bytes / MB))} MB before and at most`,
    ].join('; ')
  } finally {
    generator.stop()
    await server.stop('SIGKILL')
  }
}

async function p99While(generator: Generator, work: () => Promise<unknown>): Promise<number> {
  await generator.call('mark')
  await work()
  return (await generator.call('mark')).delivery.p99
}

async function memoryOf(
  server: Server,
  users: readonly LoadUser[],
  uploader: Uploader,
): Promise<[number, number]> {
  const [pid = 0] = server.pids
  const before = rssOf(pid)
  let most = before
  const watch = setInterval(() => (most = Math.max(most, rssOf(pid))), 20)
  try {
    await Promise.all(users.slice(0, MANY).map((user) => uploader.send(toUpload(server, user, TEXT))))
    return [before, most]
  } finally {
    clearInterval(watch)
  }
}

function toUpload({ ports: [port = 0] }: Server, { token, chatId }: LoadUser, sample: string): Upload {
  return { port, token, chatId, sample }
}

function median(all: readonly number[]): number {
  return [...all].sort((a, b) => a - b)[all.length >> 1] ?? 0
}

function list(all: readonly number[]): string {
  return all.map((it) => it.toFixed(0)).join(', ')
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
