import { check, type Violation } from '../../src/conformance/checker.ts'
import type { ChatView, History, SendRecord, StoredChat } from '../../src/conformance/history.ts'
import type { CommandOf, CommandType } from '../../src/protocol/commands.ts'
import type { ChatEvent } from '../../src/protocol/events.ts'
import type { Message, User } from '../../src/protocol/model.ts'
import { Cluster } from './cluster.ts'
import { Device } from './device.ts'
import { type Faults, NO_FAULTS, type Setup } from './setup.ts'
import { World } from './world.ts'

const FAULTS: Faults = { drop: 0.15, double: 0.05, delay: 400, unknown: 0.05 }
/**
 * Milliseconds of trouble, and then of peace: the longest backoff and a heartbeat, but less than the silence after
 * which clients begin anew by themselves.
 */
const TROUBLE = 15_000
const PEACE = 57_000
const USERS = 5
const GROUPS = 2

export interface Simulated {
  readonly violations: readonly Violation[]
  readonly acked: number
  readonly sends: number
}

/**
 * simulate lets devices of several users talk over several instances while everything that can go wrong does, heals
 * it all, and checks the history. The seed decides everything.
 */
export async function simulate(seed: number, setup: Setup = {}): Promise<Simulated> {
  const simulation = new Simulation(seed, setup)
  await simulation.begin()
  await simulation.trouble()
  await simulation.heal()
  const history = await simulation.history()
  return {
    violations: check(history),
    acked: history.sends.filter(({ outcome }) => outcome === 'ok').length,
    sends: history.sends.length,
  }
}

class Simulation {
  readonly #world: World
  readonly #cluster: Cluster
  readonly #users: User[] = []
  readonly #devices: Device[] = []
  readonly #groups: string[] = []
  readonly #sends: SendRecord[] = []

  constructor(seed: number, setup: Setup) {
    this.#world = new World(seed)
    this.#cluster = new Cluster(this.#world, 3, setup)
  }

  async begin(): Promise<void> {
    const world = this.#world
    for (let index = 0; index < USERS; index += 1) {
      const name = `user-${index}`
      const user: User = {
        id: world.uuid(),
        username: name,
        displayName: name,
        avatarUrl: null,
        type: 'member',
        status: 'offline',
        lastSeen: null,
      }
      this.#users.push(user)
      this.#cluster.tables.users.set(user.id, user)
    }
    const [first, second, ...others] = this.#users.map(({ id }) => id)
    if (first === undefined || second === undefined) return
    await this.#create(first, 'direct', [second])
    for (let index = 0; index < GROUPS; index += 1)
      this.#groups.push(await this.#create(first, 'group', [second, ...others]))
    for (const { id } of [...this.#users, ...this.#users.slice(0, 2)]) {
      const device = new Device(world, this.#cluster, id)
      this.#devices.push(device)
      device.replica.connect()
    }
    await world.run(2_000)
  }

  async trouble(): Promise<void> {
    const world = this.#world
    this.#cluster.faults = FAULTS
    const end = world.now + TROUBLE
    while (world.now < end) {
      this.#act()
      if (world.chance(0.03)) this.#break()
      await world.run(world.between(5, 80))
    }
  }

  async heal(): Promise<void> {
    const { instances } = this.#cluster
    this.#cluster.faults = NO_FAULTS
    this.#cluster.isStoreDown = false
    for (const { machine } of instances) machine.frozenUntil = 0
    await this.#world.run(PEACE)
    for (const { replica } of this.#devices) {
      for (const [chatId, { standing }] of replica.account.chats) {
        if (standing === 'in') void replica.load(chatId).catch(() => {})
      }
    }
    await this.#world.run(1_000)
  }

  async history(): Promise<History> {
    const { log, tables, unexpected } = this.#cluster
    const stored = [...tables.chats.values()].map(({ state, messages }): StoredChat => {
      const events = log.get(state.chat.id) ?? []
      return {
        chatId: state.chat.id,
        head: state.seq,
        messages: [...messages.values()],
        numbers: events.map(({ seq }) => seq),
        stays: staysOf(events),
      }
    })
    return {
      sends: this.#sends,
      clients: this.#devices.map((device) => device.history()),
      stored,
      fresh: new Map(
        await Promise.all(this.#users.map(async ({ id }) => [id, await this.#fresh(id)] as const)),
      ),
      unexpected: unexpected.map(String),
    }
  }

  async #fresh(userId: string): Promise<Map<string, ChatView>> {
    const { changes } = this.#cluster
    const views = new Map<string, ChatView>()
    for (const { chatId } of await changes.listHeads([userId])) {
      const [read] = await changes.readChanges(userId, [{ chatId, since: 0 }])
      if (read?.status !== 'changes') throw new Error(`${chatId} is too long for this simulation`)
      const { to, messages, participants, me } = read.changes
      views.set(chatId, { seq: to, messages, participants, unread: me?.unread ?? 0 })
    }
    return views
  }

  /** One thing that a user does. */
  #act(): void {
    const world = this.#world
    const device = world.pick(this.#devices)
    const chats = [...device.replica.account.chats.values()].filter(({ standing }) => standing === 'in')
    if (chats.length === 0) return
    const { id: chatId, messages, participants } = world.pick(chats)
    const dice = world.random()
    if (dice < 0.55) this.#send(device, chatId)
    else if (dice < 0.6) this.#sendTwice(device.userId, chatId)
    else if (dice < 0.7) device.replica.markRead(chatId)
    else if (dice < 0.8) this.#govern(device, chatId, [...participants.keys()])
    else this.#changeMessage(device, chatId, messages.toArray().slice(-8))
  }

  /** Something about who takes part, and how. */
  #govern({ userId }: Device, chatId: string, participants: readonly string[]): void {
    const world = this.#world
    const owner = this.#users[0]?.id ?? ''
    const someone = world.pick(this.#users.slice(2)).id
    const dice = world.random()
    if (dice < 0.3) this.#dispatch(owner, { type: 'participant:remove', chatId, userId: someone })
    else if (dice < 0.6) this.#dispatch(owner, { type: 'participant:add', chatId, userIds: [someone] })
    else if (dice < 0.8) this.#dispatch(userId, { type: 'chat:mute', chatId, until: null })
    else {
      const other = world.pick([...participants, userId])
      this.#dispatch(owner, { type: 'participant:role', chatId, userId: other, role: 'admin' })
    }
  }

  #changeMessage({ replica }: Device, chatId: string, messages: readonly Message[]): void {
    const world = this.#world
    if (messages.length === 0) return
    const messageId = world.pick(messages).id
    const dice = world.random()
    const done =
      dice < 0.3
        ? replica.change(chatId, 'message:edit', { messageId, content: `edit ${world.uuid()}` })
        : dice < 0.5
          ? replica.change(chatId, 'message:delete', { messageId })
          : replica.change(chatId, dice < 0.8 ? 'reaction:add' : 'reaction:remove', {
              messageId,
              emoji: '+1',
            })
    done.catch(() => {})
  }

  #send(device: Device, chatId: string): void {
    const content = `text ${this.#world.uuid()}`
    const record = this.#record(chatId, '', content)
    device.replica.send(chatId, { content }).then(
      ({ message, seq }) => this.#settle(record, { messageId: message.id, seq }),
      // A refusal may be of a second try, by an instance that has not seen what became of the first: not a `failed`.
      () => {},
    )
  }

  /** One message from two devices, by two instances (F25). */
  #sendTwice(userId: string, chatId: string): void {
    const id = this.#world.uuid()
    const content = `twin ${id}`
    for (let time = 0; time < 2; time += 1) {
      const record = this.#record(chatId, id, content)
      const command = { type: 'message:send', chatId, id, content, contentType: 'text' } as const
      this.#room(chatId, userId, command).then((outcome) => {
        if (outcome.ok) this.#settle(record, { messageId: id, seq: outcome.data.seq })
      })
    }
  }

  #record(chatId: string, messageId: string, content: string): SendRecord {
    const record: SendRecord = {
      chatId,
      messageId,
      content,
      invokedAt: this.#world.now,
      settledAt: undefined,
      outcome: 'unknown',
      seq: undefined,
    }
    this.#sends.push(record)
    return record
  }

  #settle(record: SendRecord, { messageId, seq }: { messageId: string; seq: number }): void {
    Object.assign(record, { messageId, seq, settledAt: this.#world.now, outcome: 'ok' })
  }

  #dispatch(userId: string, command: CommandOf<CommandType>): void {
    void this.#room(command.chatId, userId, command)
  }

  #room<T extends CommandType>(chatId: string, userId: string, command: CommandOf<T>) {
    const { principal } = this.#cluster.principal(userId)
    return this.#world
      .pick(this.#cluster.instances)
      .rooms.get(chatId)
      .dispatch<T>({ principal, command, origin: null })
  }

  async #create(userId: string, kind: 'direct' | 'group', participantIds: string[]): Promise<string> {
    const chatId = this.#world.uuid()
    const created = this.#room(chatId, userId, {
      type: 'chat:create',
      chatId,
      kind,
      name: kind === 'group' ? 'A group' : null,
      participantIds,
      history: 'all',
      isOpen: false,
    })
    await this.#world.run(1_000)
    const outcome = await created
    if (!outcome.ok) throw new Error(outcome.refusal.message)
    return chatId
  }

  #break(): void {
    const world = this.#world
    const cluster = this.#cluster
    const instance = world.pick(cluster.instances)
    const dice = world.random()
    if (dice < 0.25) {
      cluster.crash(instance)
      cluster.start()
    } else if (dice < 0.5) {
      instance.machine.frozenUntil = world.now + world.between(500, 10_000)
    } else if (dice < 0.6) {
      cluster.isStoreDown = true
      const operator = world.machine('operator')
      world.after(operator, world.between(100, 3_000), () => {
        cluster.isStoreDown = false
      })
    } else {
      world.pick(this.#devices).cut()
    }
  }
}

function staysOf(events: readonly ChatEvent[]): Map<string, [number, number | null][]> {
  const stays = new Map<string, [number, number | null][]>()
  const join = (userId: string, seq: number) => stays.set(userId, [...(stays.get(userId) ?? []), [seq, null]])
  for (const event of events) {
    if (event.type === 'chat:created')
      for (const { userId } of event.data.participants) join(userId, event.seq)
    else if (event.type === 'participant:joined') join(event.data.participant.userId, event.seq)
    else if (event.type === 'participant:left') {
      const last = stays.get(event.data.userId)?.at(-1)
      if (last) last[1] = event.seq
    }
  }
  return stays
}
