import { parseConfig } from '../../src/config.ts'
import { createMemoryPresence } from '../../src/gateway/memory.ts'
import type { CommandOf, CommandType } from '../../src/protocol/commands.ts'
import type { User } from '../../src/protocol/model.ts'
import type { Turn } from '../../src/rooms/ports.ts'
import { createOutbox, type PushJob } from '../../src/workers/outbox.ts'
import { createPush } from '../../src/workers/push.ts'
import { createRunner } from '../../src/workers/runner.ts'
import { createWebhooks } from '../../src/workers/webhooks.ts'
import { Cluster, type Instance } from './cluster.ts'
import { type JobSabotage, JobTable } from './job-table.ts'
import { Outside, type Taken } from './outside.ts'
import { PushTable } from './push-table.ts'
import { NO_FAULTS } from './setup.ts'
import { type Machine, World } from './world.ts'

const FAULTS = { drop: 0.15, double: 0.05, delay: 400, unknown: 0.1 }
const OUTSIDE_FAULTS = { busy: 0.2, lost: 0.1 }
const TROUBLE = 60_000
/** Leases, retries and the last windows end in it. */
const PEACE = 600_000
const WINDOW = 30_000
/** Milliseconds that a push may be on its way after its last look at what was read. */
const ON_ITS_WAY = 1_000
const FOREVER = '2099-01-01T00:00:00.000Z'

const CONFIG = parseConfig({
  ONESIGNAL_APP_ID: 'app',
  ONESIGNAL_API_KEY: 'key',
  PUSH_COLLAPSE_SECONDS: String(WINDOW / 1_000),
  WEBHOOK_URLS: 'https://hooks.example.org',
  WEBHOOK_SECRET: `whsec_${'a'.repeat(32)}`,
  WEBHOOK_EVENTS: 'message',
})

/** Negative controls: each breaks one thing, and the checks must then find a fault. */
export interface PushSabotage extends JobSabotage {
  /** N8 jobs are kept in the memory of the instance that commits, and stored when they are due. */
  readonly inMemory?: boolean
  /** A commit stores its jobs once more. */
  readonly twice?: boolean
  /** Every try has a key of its own. */
  readonly keyless?: boolean
  /** What was read is not looked at again. */
  readonly blind?: boolean
  /** Two jobs may tell one phone at once. */
  readonly unheld?: boolean
}

interface Setup extends PushSabotage {
  /** Nothing goes wrong: then no push comes twice, none too early, and none for what was read. */
  readonly isCalm: boolean
}

/** Silence is what a user has read or muted, and when: a push for it must not come after. */
interface Silence {
  readonly userId: string
  readonly chatId: string
  readonly seq: number
  readonly at: number
}

/** PushSimulation is people who write, and people whose phones are pushed, over instances that crash and freeze. */
export class PushSimulation {
  readonly #world: World
  readonly #cluster: Cluster
  readonly #jobs: JobTable
  readonly #news: PushTable
  readonly #outside: Outside
  readonly #setup: Setup
  readonly #outbox = createOutbox(CONFIG) ?? (() => [])
  readonly #writers: User[]
  readonly #sleepers: User[]
  readonly #readers: User[]
  readonly #chats: string[] = []
  readonly #silences: Silence[] = []

  constructor(seed: number, setup: Setup) {
    this.#setup = setup
    this.#world = new World(seed)
    this.#jobs = new JobTable(this.#world, setup)
    this.#outside = new Outside(this.#world, { isKeyless: setup.keyless ?? false })
    this.#cluster = new Cluster(this.#world, 0, {
      isRouted: seed % 2 === 0,
      onCommitted: (turn) => this.#committed(turn),
      onKnown: (turn, machine) => this.#known(turn, machine),
    })
    const { tables } = this.#cluster
    const { blind: isBlind = false, unheld: isUnheld = false } = setup
    this.#news = new PushTable(this.#world, tables, { isBlind, isUnheld })
    for (let count = 0; count < 3; count += 1) this.#start()
    this.#writers = ['ann', 'ben'].map((name) => this.#user(name))
    this.#sleepers = ['cleo', 'dan'].map((name) => this.#user(name))
    this.#readers = ['eve', 'fay'].map((name) => this.#user(name))
  }

  get taken(): readonly Taken[] {
    return this.#outside.taken
  }

  async run(): Promise<void> {
    const world = this.#world
    for (let count = 0; count < 3; count += 1) await this.#open()
    if (!this.#setup.isCalm) {
      this.#cluster.faults = FAULTS
      this.#outside.faults = OUTSIDE_FAULTS
    }
    const end = world.now + TROUBLE
    while (world.now < end) {
      this.#act()
      if (!this.#setup.isCalm && world.chance(0.05)) this.#break()
      await world.run(world.between(20, 600))
    }
    this.#cluster.faults = NO_FAULTS
    this.#cluster.isStoreDown = false
    this.#outside.faults = { busy: 0, lost: 0 }
    for (const { machine } of this.#cluster.instances) machine.frozenUntil = 0
    await world.run(PEACE)
  }

  /** Everything that is wrong. */
  faults(): string[] {
    return [
      ...this.#cluster.unexpected.map(String),
      ...this.#jobs.left.map((job) => `${job} was never done`),
      ...this.#unstored(),
      ...this.#untold(),
      ...this.#miskeyed(),
      ...(this.#setup.isCalm ? this.#ill() : []),
    ]
  }

  /** Each message of the log is in exactly one job, and nothing else is. */
  #unstored(): string[] {
    const count = new Map<string, number>()
    for (const { kind, payload } of this.#jobs.stored) {
      if (kind !== 'push') continue
      const { chatId, from, to } = payload as PushJob
      for (let seq = from; seq <= to; seq += 1) {
        count.set(`${chatId}_${seq}`, (count.get(`${chatId}_${seq}`) ?? 0) + 1)
      }
    }
    return this.#messages().flatMap(({ chatId, seq }) => {
      const times = count.get(`${chatId}_${seq}`) ?? 0
      return times === 1 ? [] : [`the push of ${chatId}_${seq} is stored ${times} times`]
    })
  }

  /** What nobody has read was pushed, and every event has reached the endpoint. */
  #untold(): string[] {
    const told = new Set(this.taken.map(({ userId, messageId }) => `${userId} ${messageId}`))
    const hooks = new Set(this.taken.map(({ key }) => key))
    const unpushed = [...this.#sleepers, ...this.#readers].flatMap(({ id }) =>
      this.#chats.flatMap((chatId) => {
        const newest = this.#news.newsTo(id, chatId).at(-1)
        return newest && !told.has(`${id} ${newest.id}`) ? [`no push of ${newest.id} came to ${id}`] : []
      }),
    )
    const unheard = this.#messages().filter(({ chatId, seq }) => !hooks.has(`${chatId}_${seq}`))
    return [...unpushed, ...unheard.map(({ chatId, seq }) => `no webhook of ${chatId}_${seq} came`)]
  }

  /** All tries for a message and user have one key, which is nobody else's. */
  #miskeyed(): string[] {
    const keyOf = new Map<string, string>()
    const ofKey = new Map<string, string>()
    return this.#pushes().flatMap(({ userId, messageId, key }) => {
      const push = `${messageId} to ${userId}`
      const [known, other] = [keyOf.get(push) ?? key, ofKey.get(key) ?? push]
      keyOf.set(push, known)
      ofKey.set(key, other)
      return known === key && other === push ? [] : [`${push} has the key ${key}, ${known} is of ${other}`]
    })
  }

  /** Without trouble: one push a window, each once, and none of what was read or muted. */
  #ill(): string[] {
    const wrong: string[] = []
    const before = new Map<string, Taken>()
    const seqOf = new Map(this.#messages().map(({ messageId, seq }) => [messageId, seq]))
    for (const push of this.#pushes()) {
      const { userId, chatId, messageId, at } = push
      const last = before.get(`${userId} ${chatId}`)
      if (last && at - last.at < WINDOW) wrong.push(`${userId} got two pushes in ${at - last.at} ms`)
      before.set(`${userId} ${chatId}`, push)
      const seq = seqOf.get(messageId) ?? 0
      const isOf = (it: Silence) =>
        it.userId === userId && it.chatId === chatId && it.seq >= seq && it.at < at - ON_ITS_WAY
      if (this.#silences.some(isOf)) wrong.push(`${userId} got a push of ${messageId}, which was silenced`)
    }
    return wrong
  }

  #pushes(): Taken[] {
    return this.taken.filter(({ userId }) => userId !== undefined)
  }

  #messages(): { chatId: string; seq: number; messageId: string }[] {
    return [...this.#cluster.log.values()].flat().flatMap((event) => {
      const isNew = event.type === 'message:new' && event.data.message.contentType !== 'system'
      return isNew ? [{ chatId: event.chatId, seq: event.seq, messageId: event.data.message.id }] : []
    })
  }

  #committed(turn: Turn): void {
    const { chatId } = turn
    const at = this.#world.now
    for (const event of turn.events) {
      const marks = event.type === 'receipts' ? event.data.marks : []
      for (const { userId, readSeq } of marks) this.#silences.push({ userId, chatId, seq: readSeq, at })
    }
    for (const { userId } of turn.mutes)
      this.#silences.push({ userId, chatId, seq: Number.POSITIVE_INFINITY, at })
    if (this.#setup.inMemory) return
    for (let times = this.#setup.twice ? 2 : 1; times > 0; times -= 1) this.#jobs.insert(this.#outbox(turn))
  }

  #known(turn: Turn, machine: Machine): void {
    if (!this.#setup.inMemory) return
    for (const job of this.#outbox(turn))
      this.#world.after(machine, job.delay ?? 0, () => this.#jobs.insert([{ ...job, delay: 0 }]))
  }

  #start(): void {
    const { machine, store } = this.#cluster.start()
    const config = CONFIG
    const send = this.#outside.of(machine)
    const pushes = this.#news.of(this.#cluster, machine)
    const presence = createMemoryPresence()
    const runner = createRunner({
      store: this.#jobs.of(this.#cluster, machine, (delay) => runner.wake(delay)),
      handlers: {
        ...createPush({ config, pushes, presence, send }),
        webhook: createWebhooks({ config, store, send }),
      },
      clock: this.#world.clock(machine),
      random: this.#world.random,
      firstPause: config.JOB_RETRY_SECONDS * 1_000,
      onFault: this.#cluster.onFault,
    })
  }

  async #open(): Promise<void> {
    const world = this.#world
    const chatId = world.uuid()
    const [owner, ...others] = [...this.#writers, ...this.#sleepers, ...this.#readers].map(({ id }) => id)
    const group = { kind: 'group', name: 'A group', history: 'all', isOpen: false } as const
    this.#do(owner ?? '', { type: 'chat:create', chatId, participantIds: others, ...group })
    await world.run(1_000)
    this.#chats.push(chatId)
  }

  #act(): void {
    const world = this.#world
    const chatId = world.pick(this.#chats)
    const writer = world.pick(this.#writers).id
    const reader = world.pick(this.#readers).id
    const messages = [...(this.#cluster.tables.chats.get(chatId)?.messages.values() ?? [])]
    const seq = messages.at(-1)?.seq
    const dice = world.random()
    if (dice < 0.6 || seq === undefined)
      this.#do(writer, {
        type: 'message:send',
        chatId,
        id: world.uuid(),
        content: 'news',
        contentType: 'text',
      })
    else if (dice < 0.9) this.#do(reader, { type: 'message:read', chatId, seq })
    else if (dice < 0.97)
      this.#do(writer, { type: 'message:delete', chatId, messageId: world.pick(messages).id })
    else this.#do(reader, { type: 'chat:mute', chatId, until: FOREVER })
  }

  #do<T extends CommandType>(userId: string, command: CommandOf<T>): void {
    const { principal } = this.#cluster.principal(userId)
    const { rooms } = this.#world.pick(this.#cluster.instances)
    void rooms.get(command.chatId).dispatch<T>({ principal, command, origin: null })
  }

  #break(): void {
    const world = this.#world
    const cluster = this.#cluster
    const instance: Instance = world.pick(cluster.instances)
    const dice = world.random()
    if (dice < 0.5) {
      cluster.crash(instance)
      this.#start()
    } else if (dice < 0.8) instance.machine.frozenUntil = world.now + world.between(500, 45_000)
    else {
      cluster.isStoreDown = true
      world.after(world.machine('operator'), world.between(100, 3_000), () => {
        cluster.isStoreDown = false
      })
    }
  }

  #user(username: string): User {
    const id = this.#world.uuid()
    const about = { displayName: username, avatarUrl: null, lastSeen: null }
    const user: User = { id, username, type: 'member', status: 'offline', ...about }
    this.#cluster.tables.users.set(id, user)
    return user
  }
}
