import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Fault } from './fault.ts'
import type { FaultyInstance } from './instance.ts'
import type { Scene } from './scene.ts'

/** Milliseconds within which a request is answered whatever Postgres does: 2 s, and this machine is busy. */
const ANSWERED_WITHIN = 3_500
/** Each way: no round trip is done in the 2 s that a send may take. */
const SLOW = 1_500
/** Reads at once at one instance: more than its pool has connections. */
const READS_AT_ONCE = 10
const READ_PAUSE = 100
/** After which Postgres has ended the sessions of connections that were reset. */
const NOTICED = 300

/** What happens when Postgres is there and gives too little. */
export const scarcePostgres: readonly Fault[] = [
  {
    id: 'F13',
    title: 'a row locked, then Postgres slow for one instance',
    async inject(scene) {
      await scene.pause(scene.left / 10)
      const half = scene.left / 2
      await lockRow(scene, half)
      await slowDown(scene, scene.left * 0.75)
      await scene.pause(scene.left)
    },
  },
  {
    id: 'F15',
    title: 'all read connections held, then no connection slot left',
    async inject(scene) {
      await scene.pause(scene.left / 10)
      await holdReads(scene, scene.left / 2)
      await takeSlots(scene, scene.left * 0.75)
      await scene.pause(scene.left)
    },
  },
]

/** Another session holds the row of a chat: its sends are refused in time, and nobody else's. */
async function lockRow(scene: Scene, milliseconds: number): Promise<void> {
  const [locked] = scene.chatIds
  if (locked === undefined) return
  await inSession(scene, async (session) => {
    await session.query('begin')
    await session.query('select from chats where id = $1 for update', [locked])
    const before = scene.heads()
    const probes = scene.stage.instances.map((instance) => probe(scene, locked, instance))
    await scene.pause(milliseconds)
    scene.wentOn(
      before,
      scene.chatIds.filter((chatId) => chatId !== locked),
    )
    await session.query('rollback')
    scene.struck([locked])
    await Promise.all(probes)
  })
}

/** One instance hears from Postgres too late: its own chats wait, those of the others go on. */
async function slowDown(scene: Scene, milliseconds: number): Promise<void> {
  const victim = scene.pickOwner()
  const slow = scene.chatsOf(victim)
  const before = scene.heads()
  victim.toPostgres.delay(SLOW)
  const probes = slow.slice(0, 1).map((chatId) => probe(scene, chatId, victim))
  await scene.pause(milliseconds)
  scene.wentOn(
    before,
    scene.chatIds.filter((chatId) => !slow.includes(chatId)),
  )
  victim.toPostgres.heal()
  scene.struck(slow)
  await Promise.all(probes)
}

/** One send over REST, which must be refused in time as retryable, and be stored once when it is tried again. */
async function probe(scene: Scene, chatId: string, { url }: FaultyInstance): Promise<void> {
  const voice = scene.voices.find((it) => it.chatIds.includes(chatId))
  const first = await voice?.insist(chatId, url)
  if (!first) return
  const { status, milliseconds } = first
  if (status !== 503) scene.wrong(`a send that could not be stored was answered ${status}`)
  if (milliseconds > ANSWERED_WITHIN)
    scene.wrong(`a send that could not be stored was answered after ${Math.round(milliseconds)} ms`)
}

/** A table that only reads need is locked, and read until no connection is left for other reads: sends have their own. */
async function holdReads(scene: Scene, milliseconds: number): Promise<void> {
  const [voice] = scene.voices
  if (!voice) return
  const endsAt = performance.now() + Math.min(milliseconds, scene.left)
  await inSession(scene, async (session) => {
    await session.query('begin')
    await session.query('lock table contacts in access exclusive mode')
    const before = scene.heads()
    const read = async (url: string) => {
      while (performance.now() < endsAt) {
        const begin = performance.now()
        const { status } = await voice.call('GET', '/api/contacts', { url })
        const took = performance.now() - begin
        if (status === 503) scene.struck()
        else scene.wrong(`a read without a connection was answered ${status}`)
        if (took > ANSWERED_WITHIN) scene.wrong(`a read was answered after ${Math.round(took)} ms`)
        await sleep(READ_PAUSE)
      }
    }
    const reads = scene.stage.instances.flatMap(({ url }) =>
      Array.from({ length: READS_AT_ONCE }, () => read(url)),
    )
    await scene.pause(milliseconds)
    scene.wentOn(before, scene.chatIds)
    await Promise.all(reads)
    await session.query('rollback')
  })
}

/** Others have every connection that Postgres gives: whoever comes back to it is turned away. */
async function takeSlots(scene: Scene, milliseconds: number): Promise<void> {
  const { instances, databaseUrl } = scene.stage
  for (const { toPostgres } of instances) toPostgres.cut()
  await sleep(NOTICED)
  const taken: pg.Client[] = []
  for (let isFree = true; isFree; ) {
    const client = new pg.Client({ connectionString: databaseUrl })
    client.on('error', () => {})
    isFree = await client.connect().then(
      () => true,
      () => false,
    )
    if (isFree) taken.push(client)
  }
  for (const { toPostgres } of instances) toPostgres.heal()
  scene.struck(scene.chatIds)
  await scene.pause(milliseconds)
  await Promise.all(taken.map((client) => client.end()))
}

async function inSession(scene: Scene, use: (session: pg.Client) => Promise<void>): Promise<void> {
  const session = new pg.Client({ connectionString: scene.stage.databaseUrl })
  await session.connect()
  try {
    await use(session)
  } finally {
    await session.end()
  }
}
