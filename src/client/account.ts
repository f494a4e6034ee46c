import type { Signal, UserStatus } from '../protocol/events.ts'
import type { Contact, Participant, User, UserSummary } from '../protocol/model.ts'
import { type ChatState, findMissing, fromBeginning, fromSnapshot, type Missing } from './chat-state.ts'
import { type ChatInput, reduce } from './reduce.ts'

/** A chat went from one state to another; `before` is undefined when it is new here. */
export interface ChatChange {
  readonly before: ChatState | undefined
  readonly after: ChatState
}

/** What an account says of itself, after the change. */
export interface AccountListener {
  onChat(change: ChatChange): void
  onSignal(signal: Signal): void
  onClear(): void
}

/**
 * Account is all that this client knows of one user's chats and of whom they are with. Each chat is an immutable
 * state; the maps are changed in place, so that an event costs the same however many chats there are.
 */
export class Account {
  readonly #keepMessages: number
  readonly #listener: AccountListener
  readonly #chats = new Map<string, ChatState>()
  /** Chats that were heard of and not read yet. */
  readonly #strangers = new Set<string>()
  readonly #users = new Map<string, UserSummary>()
  readonly #presence = new Map<string, UserStatus>()
  readonly #contacts = new Map<string, Contact>()
  #user: User | undefined
  #logId: string | undefined

  constructor(settings: { keepMessages: number }, listener: AccountListener) {
    this.#keepMessages = settings.keepMessages
    this.#listener = listener
  }

  get user(): User | undefined {
    return this.#user
  }
  get logId(): string | undefined {
    return this.#logId
  }
  get chats(): ReadonlyMap<string, ChatState> {
    return this.#chats
  }
  get strangers(): ReadonlySet<string> {
    return this.#strangers
  }
  /** Everybody who was met in a chat or a message. */
  get users(): ReadonlyMap<string, UserSummary> {
    return this.#users
  }
  /** How others were last seen. Not exact. */
  get presence(): ReadonlyMap<string, UserStatus> {
    return this.#presence
  }
  get contacts(): ReadonlyMap<string, Contact> {
    return this.#contacts
  }

  /** Whose account it is, and which history. Another history (or user) makes all that was known worthless. */
  begin(user: User, logId: string): void {
    const isOther = this.#logId !== logId || this.#user?.id !== user.id
    if (isOther && this.#user) this.clear()
    this.#user = user
    this.#logId = logId
    this.#users.set(user.id, user)
  }

  clear(): void {
    for (const known of [this.#chats, this.#strangers, this.#users, this.#presence, this.#contacts]) {
      known.clear()
    }
    this.#user = undefined
    this.#logId = undefined
    this.#listener.onClear()
  }

  /** Takes in what happened to a chat. A chat that cannot be begun with it is left for a read. */
  take(chatId: string, input: ChatInput): void {
    this.#meet(input)
    const before = this.#chats.get(chatId)
    const after = before ? reduce(before, input) : this.#create(input)
    if (after && after !== before) {
      this.#chats.set(chatId, after)
      this.#strangers.delete(chatId)
      this.#listener.onChat({ before, after })
    } else if (!after && isNews(input)) {
      this.#strangers.add(chatId)
    }
  }

  hear(signal: Signal): void {
    switch (signal.type) {
      case 'typing':
        if (this.#chats.has(signal.data.chatId))
          this.take(signal.data.chatId, { type: 'typing', userIds: signal.data.userIds })
        break
      case 'user:status':
        this.#presence.set(signal.data.userId, signal.data)
        break
      case 'user:updated':
        this.#rename(signal.data.user)
        break
      case 'contact:updated':
        this.setContact(signal.data.userId, signal.data.contact)
        break
      case 'session:waiting':
        break
      default:
        signal satisfies never
    }
    this.#listener.onSignal(signal)
  }

  #rename(user: UserSummary): void {
    const { id } = user
    this.#users.set(id, user)
    if (this.#user?.id === id) this.#user = { ...this.#user, ...user }
    const contact = this.#contacts.get(id)
    if (contact) this.#contacts.set(id, { ...contact, user: { ...contact.user, ...user } })
    for (const [chatId, { participants }] of this.#chats) {
      if (participants.has(id)) this.take(chatId, { type: 'user', user })
    }
  }

  setContact(userId: string, contact: Contact | null): void {
    if (contact) this.#contacts.set(userId, contact)
    else this.#contacts.delete(userId)
  }

  /** A chat that was heard of and turned out not to be this user's. */
  forget(chatId: string): void {
    this.#strangers.delete(chatId)
  }

  /** What has to be read of a chat before it is right; undefined when nothing. */
  findMissing(chatId: string): Missing | undefined {
    if (this.#strangers.has(chatId)) return { read: 'chat' }
    const chat = this.#chats.get(chatId)
    return chat && findMissing(chat)
  }

  #create(input: ChatInput): ChatState | undefined {
    if (!this.#user) return undefined
    const owner = { userId: this.#user.id, keepMessages: this.#keepMessages }
    if (input.type === 'snapshot') return fromSnapshot(input.chat, owner)
    if (input.type === 'changes') return fromBeginning(input.changes, owner)
    return undefined
  }

  /** Remembers who people are, for what names only their id. */
  #meet(input: ChatInput): void {
    if (input.type === 'event' && input.event.type === 'message:new') {
      const { sender } = input.event.data
      this.#users.set(sender.id, sender)
    }
    for (const { user } of participantsOf(input)) {
      this.#users.set(user.id, user)
      // what an event says of a status is as old as the room's memory; a read is fresh
      if (input.type === 'event' && this.#presence.has(user.id)) continue
      this.#presence.set(user.id, { userId: user.id, status: user.status, lastSeen: user.lastSeen })
    }
  }
}

function participantsOf(input: ChatInput): readonly Participant[] {
  if (input.type === 'changes') return input.changes.participants
  if (input.type === 'snapshot') return input.chat.participants ?? []
  if (input.type !== 'event') return []
  const { data } = input.event
  if ('participant' in data) return [data.participant]
  return 'participants' in data ? data.participants : []
}

function isNews({ type }: ChatInput): boolean {
  return type === 'event' || type === 'changes' || type === 'head' || type === 'reset'
}
