import { v7 } from 'uuid'
import type { z } from 'zod'
import type { CreateGroupBody } from '../protocol/commands.ts'
import { Skipped } from './claims.ts'
import { type Hooks, Mail } from './hooks.ts'
import { type Credentials, Person } from './person.ts'
import { Random } from './random.ts'
import type { RawSocket } from './raw-socket.ts'
import type { Rest, RestRequest } from './rest.ts'
import type { AnswerOf, RouteName } from './routes.ts'

/** Keeps every rule of the service for passwords. */
export const PASSWORD = 'Conformance-1!'

export interface ContextOptions {
  readonly rest: Rest
  readonly seed: number
  /** Accounts to use as ann and ben instead of new ones. */
  readonly users?: readonly Credentials[]
  readonly adminToken?: string | undefined
  readonly hooks?: Hooks | undefined
}

type Name = 'ann' | 'ben' | 'cleo' | 'dan'
export type Cast = Readonly<Record<Name, Person>>

/** Staff is who works in sessions. */
export type Staff = Readonly<Record<'agent' | 'other' | 'dentist', Person>>

/** Gathering is a new group of some of the cast, each with a socket that hears it. */
export interface Gathering<N extends Name> {
  readonly chatId: string
  /** The whole cast, those who take no part included. */
  readonly people: Cast
  readonly sockets: Readonly<Record<N, RawSocket>>
}

type GroupOptions = Partial<z.input<typeof CreateGroupBody>>

/**
 * Context is what rules have to work with. The cast is shared, as accounts cost time and requests: rules make chats
 * of their own, and take strangers where they change an account. Ann and ben are contacts; dan is the outsider.
 */
export class Context {
  readonly rest: Rest
  readonly seed: number
  readonly #users: readonly Credentials[]
  readonly adminToken: string | undefined
  readonly #mail: Mail | undefined
  readonly #sockets = new Set<RawSocket>()
  /** Sets the names of this run apart from those of every other. */
  readonly #tag = v7().replaceAll('-', '').slice(0, 20)
  #cast: Promise<Cast> | undefined
  #staff: Promise<Staff> | undefined
  #count = 0

  constructor({ rest, seed, users = [], adminToken, hooks }: ContextOptions) {
    this.adminToken = adminToken
    this.#mail = hooks && new Mail(hooks)
    this.rest = rest
    this.seed = seed
    rest.onPaused = () => this.#wakeSockets()
    this.#users = users
  }

  /** What the deployment sends to the run. */
  get mail(): Mail {
    if (!this.#mail) throw new Skipped('The deployment sends no webhooks to the run')
    return this.#mail
  }

  /** A name that nothing else on the deployment has. */
  fresh(word: string): string {
    this.#count += 1
    return `${word}-${this.#tag}-${this.#count}`
  }

  /** From the start for each rule, so that one alone does what it does among the others. */
  random(salt = 0): Random {
    return new Random(this.seed + salt)
  }

  messageId(): string {
    return v7()
  }

  cast(): Promise<Cast> {
    this.#cast ??= this.#gatherCast()
    this.#cast.catch(() => {
      this.#cast = undefined
    })
    return this.#cast
  }

  /** Two agents and a dentist, whom rules share; agents may have as many sessions as rules leave open. */
  staff(): Promise<Staff> {
    this.#staff ??= this.#gatherStaff()
    this.#staff.catch(() => {
      this.#staff = undefined
    })
    return this.#staff
  }

  /** A new account of another type, as an admin makes it. */
  async professional(type: 'agent' | 'dentist' | 'admin'): Promise<Person> {
    const { credentials, id } = await this.stranger(type)
    await this.asAdmin('PUT /api/admin/users/:id', { params: { id }, body: { type } })
    const { data } = await this.rest.call('POST /api/auth/login', { body: credentials })
    return this.#person(credentials, data)
  }

  /** What the administrator whose token was given asks for. */
  async asAdmin<R extends RouteName>(route: R, request: RestRequest = {}): Promise<AnswerOf<R>> {
    if (this.adminToken === undefined) throw new Skipped('It needs the token of an administrator')
    return (await this.rest.call(route, { ...request, token: this.adminToken })).data
  }

  /** A new account that no other rule uses. */
  async stranger(word = 'stranger'): Promise<Person> {
    const credentials = { username: this.fresh(word), password: PASSWORD }
    const body = { ...credentials, passwordConfirm: PASSWORD }
    const { data } = await this.rest.call('POST /api/auth/register', { body })
    return this.#person(credentials, data)
  }

  /** A new group of these, the first of them its owner; nobody has a socket by it. */
  async group(members: readonly [Person, ...Person[]], options: GroupOptions = {}): Promise<string> {
    const [owner, ...others] = members
    const body = { name: this.fresh('group'), participantIds: others.map(({ id }) => id), ...options }
    const { chat } = await owner.call('POST /api/chats/group', { body })
    return chat.id
  }

  /** A new group of these names, the first its owner, each with a socket that was opened after it began. */
  async gather<N extends Name>(...names: [N, ...N[]]): Promise<Gathering<N>> {
    const cast = await this.cast()
    const [first, ...others] = names
    const chatId = await this.group([cast[first], ...others.map((name) => cast[name])])
    const sockets = await Promise.all(names.map(async (name) => [name, await cast[name].connect()] as const))
    return { chatId, people: cast, sockets: Object.fromEntries(sockets) as Record<N, RawSocket> }
  }

  /** The direct chat of two who are contacts, made if need be. */
  async direct(one: Person, other: Person): Promise<string> {
    const { chat } = await one.call('POST /api/chats/direct', { body: { userId: other.id } })
    return chat.id
  }

  async makeContacts(one: Person, other: Person): Promise<void> {
    await one.call('POST /api/contacts', { body: { userId: other.id } })
    await other.call('POST /api/contacts', { body: { userId: one.id } })
  }

  /** Ends what a rule left open. Fails it for a frame that was not of the contract, though nobody waited for it. */
  async closeSockets(): Promise<void> {
    const sockets = [...this.#sockets]
    this.#sockets.clear()
    for (const socket of sockets) socket.close()
    const fault = sockets.find((socket) => socket.fault)?.fault
    if (fault) throw fault
  }

  /** A service may let go what was silent for long, and tells what it then hears as a batch, where rules wait for events. */
  async #wakeSockets(): Promise<void> {
    const open = [...this.#sockets].filter(({ isOpen }) => isOpen)
    await Promise.all(open.map((socket) => socket.settled().catch(() => {})))
  }

  async #gatherCast(): Promise<Cast> {
    const [forAnn, forBen] = this.#users
    const [ann, ben, cleo, dan] = await Promise.all([
      this.#enter('ann', forAnn),
      this.#enter('ben', forBen),
      this.stranger('cleo'),
      this.stranger('dan'),
    ])
    await this.makeContacts(ann, ben)
    return { ann, ben, cleo, dan }
  }

  async #gatherStaff(): Promise<Staff> {
    // One after another: where passwords are hashed in JavaScript, six at once hold everything else up for seconds.
    const agent = await this.professional('agent')
    const other = await this.professional('agent')
    const dentist = await this.professional('dentist')
    for (const { id } of [agent, other]) {
      await this.asAdmin('PUT /api/admin/agents/:id', { params: { id }, body: { capacity: 1_000 } })
    }
    return { agent, other, dentist }
  }

  async #enter(name: Name, credentials: Credentials | undefined): Promise<Person> {
    if (!credentials) return this.stranger(name)
    const { data } = await this.rest.call('POST /api/auth/login', { body: credentials })
    return this.#person(credentials, data)
  }

  #person(credentials: Credentials, login: ConstructorParameters<typeof Person>[2]): Person {
    return new Person(this.rest, credentials, login, (socket) => this.#sockets.add(socket))
  }
}
