import pg from 'pg'
import { v7 } from 'uuid'
import type { Fault, Peers } from './fault.ts'
import { createGuests, type Guest, tokenOf } from './guests.ts'
import { insist } from './insist.ts'
import type { Scene } from './scene.ts'
import type { Mood, Provider } from './servers/provider.ts'
import { until } from './until.ts'

const EVERY = 2_000
const MOODS: readonly Mood[] = ['broken', 'busy', 'lying', 'hanging', 'slow']
/** Milliseconds for the last retries, and for the lease of a job whose instance was killed in the middle of it. */
const PUSHED_WITHIN = 75_000
/** Milliseconds until a push is about to be sent, or is on its way. */
const JUST_DUE = 1_000
const DEVICE = 'a-phone-that-is-off'

/** What instances are started with, so that a run does not last for minutes. */
export function pushSettings(provider: Provider): NodeJS.ProcessEnv {
  return {
    ONESIGNAL_APP_ID: 'faults',
    ONESIGNAL_API_KEY: 'faults',
    ONESIGNAL_URL: provider.url,
    PUSH_DELAY_SECONDS: '1',
    PUSH_COLLAPSE_SECONDS: '1',
    JOB_RETRY_SECONDS: '1',
  }
}

/** What befalls pushes. Each round is a chat of its own, which nobody writes in any more: what is lost shows. */
export const pushFaults: readonly Fault[] = [
  {
    id: 'F27',
    title: 'the push provider is down, busy, lying, hanging and slow',
    hasPeers: true,
    inject: (scene, peers) =>
      pushAgain(scene, async (write) => {
        const mood = MOODS[scene.strikes.length % MOODS.length] ?? 'broken'
        if (peers) peers.provider.mood = mood
        scene.struck()
        await write()
      }),
    afterwards: expectPushes,
  },
  {
    id: 'F27+F1',
    title: 'kill -9 the instance that has just stored a message, before its push',
    hasPeers: true,
    leastSeconds: 20,
    async inject(scene) {
      let back = Promise.resolve()
      await pushAgain(scene, async (write) => {
        const chatId = await write()
        const victim = scene.stage.ownerOf(chatId) ?? scene.pickOwner()
        scene.struck(scene.chatsOf(victim))
        await victim.end('SIGKILL')
        await back
        back = scene.stage.start(victim)
      })
      await back
    },
    afterwards: expectPushes,
  },
  {
    id: 'F27+F11',
    title: 'restart Postgres, immediate, while pushes are due',
    hasPeers: true,
    leastSeconds: 20,
    async inject(scene) {
      const { postgres } = scene.stage
      await pushAgain(scene, async (write) => {
        await write()
        await scene.pause(JUST_DUE)
        scene.struck(scene.chatIds)
        await postgres.stop('immediate')
        await postgres.start()
      })
    },
    afterwards: expectPushes,
  },
]

/** A message that somebody is to get a push for. */
interface Due {
  readonly chatId: string
  readonly messageId: string
}

const due = new WeakMap<Scene, Due[]>()

async function pushAgain(
  scene: Scene,
  round: (write: () => Promise<string>) => Promise<void>,
): Promise<void> {
  const [writer, sleeper] = await createGuests(scene.stage, 2)
  if (!writer || !sleeper) return
  await giveDevice(scene, sleeper)
  const written: Due[] = []
  due.set(scene, written)
  await scene.repeat(EVERY, () =>
    round(async () => {
      const it = await write(scene, writer, sleeper)
      written.push(it)
      return it.chatId
    }),
  )
}

async function giveDevice({ stage }: Scene, { userId }: Guest): Promise<void> {
  const database = new pg.Client({ connectionString: stage.databaseUrl })
  await database.connect()
  await database.query(
    `insert into push_devices (id, user_id, provider, token, created_at) values ($1, $2, 'onesignal', $3, now())
     on conflict (provider, token) do update set user_id = excluded.user_id`,
    [v7(), userId, DEVICE],
  )
  await database.end()
}

/** The first message of a new group; both are made once, however often they are tried. */
async function write(scene: Scene, writer: Guest, sleeper: Guest): Promise<Due> {
  const messageId = v7()
  const token = await tokenOf(scene.stage, writer)
  const group = { name: 'Off', participantIds: [sleeper.userId] }
  const { chat } = await insist<{ chat: { id: string } }>(scene, '/api/chats/group', { token, json: group })
  const json = { id: messageId, content: 'Wake up' }
  await insist(scene, `/api/chats/${chat.id}/messages`, { token, json })
  return { chatId: chat.id, messageId }
}

/** C8: every push that was due has come, and each message has one key, which no other has. */
async function expectPushes(scene: Scene, peers: Peers | undefined): Promise<void> {
  if (!peers) return
  const { provider } = peers
  provider.mood = 'well'
  const wanted = due.get(scene) ?? []
  const isLost = ({ messageId }: Due) => !takenBy(provider).has(messageId)
  await until(() => !wanted.some(isLost), PUSHED_WITHIN)
  for (const { chatId, messageId } of wanted.filter((it) => isLost(it))) {
    scene.violations.push({ rule: 'C8', message: `no push came for ${messageId} in ${chatId}` })
  }
  const keys = new Map<string, string>()
  for (const [messageId, used] of takenBy(provider)) {
    if (used.size > 1)
      scene.violations.push({ rule: 'C8', message: `${messageId} was pushed under several keys` })
    for (const key of used) {
      const other = keys.get(key)
      if (other) scene.violations.push({ rule: 'C8', message: `${other} and ${messageId} have the same key` })
      keys.set(key, messageId)
    }
  }
  scene.remarks.push(`${wanted.length} pushes due, ${wanted.filter((it) => !isLost(it)).length} came`)
}

/** The keys under which each message was taken. */
function takenBy(provider: Provider): Map<string, Set<string>> {
  const keys = new Map<string, Set<string>>()
  for (const { text, isTaken } of provider.received) {
    if (!isTaken) continue
    const { idempotency_key: key, data } = JSON.parse(text)
    keys.set(data.messageId, (keys.get(data.messageId) ?? new Set()).add(key))
  }
  return keys
}
