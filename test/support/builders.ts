import type { Frames, Socket } from '../../src/gateway/ports.ts'
import type { Command } from '../../src/protocol/commands.ts'
import type { CloseReason } from '../../src/protocol/errors.ts'
import { ServerFrame } from '../../src/protocol/frames.ts'
import type { Attachment, ChatInfo, Message, Participant, Role, User } from '../../src/protocol/model.ts'
import { createMemoryChats, type MemoryChats } from '../../src/rooms/memory.ts'
import type { Clock, Envelope, Ids, Principal, RoomState } from '../../src/rooms/ports.ts'

/** uuid is the same UUIDv7 for the same number. */
export function uuid(number: number): string {
  return `0190aaaa-0000-7000-8000-${number.toString(16).padStart(12, '0')}`
}

export const GROUP = uuid(0xc1)
export const DIRECT = uuid(0xc2)
export const NOWHERE = uuid(0xc3)
export const AT = '2026-01-01T00:00:00.000Z'

export function aUser(number: number, username: string, with_: Partial<User> = {}): User {
  return {
    id: uuid(number),
    username,
    displayName: username,
    avatarUrl: null,
    type: 'member',
    status: 'offline',
    lastSeen: null,
    ...with_,
  }
}

/** The people of the tests: three roles of the group, and one who takes no part. */
export const OLGA = aUser(1, 'olga')
export const ADAM = aUser(2, 'adam')
export const MIA = aUser(3, 'mia')
export const OTTO = aUser(4, 'otto')
export const SAM = aUser(5, 'sam')
export const PEOPLE = [OLGA, ADAM, MIA, OTTO, SAM] as const

export function principalOf(user: User, sessionId = `session-${user.username}`): Principal {
  const { id, username, displayName, avatarUrl, type } = user
  return { user: { id, username, displayName, avatarUrl, type }, sessionId }
}

export function aParticipant(user: User, with_: Partial<Participant> = {}): Participant {
  return {
    userId: user.id,
    role: 'member',
    joinedSeq: 1,
    leftSeq: null,
    readSeq: 1,
    deliveredSeq: 1,
    user,
    ...with_,
  }
}

export function aChat(with_: Partial<ChatInfo> = {}): ChatInfo {
  return {
    id: GROUP,
    kind: 'group',
    name: 'The group',
    slug: null,
    avatarUrl: null,
    ownerId: OLGA.id,
    subject: null,
    status: null,
    assigneeId: null,
    parentId: null,
    session: null,
    history: 'all',
    isOpen: false,
    createdAt: AT,
    ...with_,
  }
}

export interface StateOf extends Partial<Omit<RoomState, 'chat' | 'participants'>> {
  readonly chat?: Partial<ChatInfo>
  readonly participants?: readonly Participant[]
}

function aState(chat: ChatInfo, participants: readonly Participant[], with_: StateOf): RoomState {
  return {
    chat: { ...chat, ...with_.chat },
    seq: with_.seq ?? 10,
    isDeleted: with_.isDeleted ?? false,
    isBlocked: with_.isBlocked ?? false,
    participants: new Map((with_.participants ?? participants).map((it) => [it.userId, it])),
  }
}

const ROLES: readonly (readonly [User, Role])[] = [
  [OLGA, 'owner'],
  [ADAM, 'admin'],
  [MIA, 'member'],
  [OTTO, 'member'],
]

/** A group at seq 10: Olga owns it, Adam is admin, Mia and Otto are members. */
export function aGroup(with_: StateOf = {}): RoomState {
  return aState(
    aChat(),
    ROLES.map(([user, role]) => aParticipant(user, { role })),
    with_,
  )
}

/** A picture as a message shows it. */
export function anAttachment(id: string): Attachment {
  const url = `/api/attachments/${id}`
  return {
    ...{ id, kind: 'image', fileName: 'tooth.jpg', contentType: 'image/jpeg', bytes: 1_000 },
    ...{ width: 40, height: 30, placeholder: null },
    ...{ url: `${url}/original`, mediumUrl: `${url}/medium`, thumbnailUrl: `${url}/thumbnail` },
  }
}

/** A direct chat of Mia and Otto at seq 10. */
export function aDirect(with_: StateOf = {}): RoomState {
  const chat = aChat({ id: DIRECT, kind: 'direct', name: null, ownerId: null })
  return aState(
    chat,
    [MIA, OTTO].map((user) => aParticipant(user)),
    with_,
  )
}

/** A message of Mia's, of the group unless said otherwise; its id follows from its seq. */
export function aMessage(seq: number, with_: Partial<Message> = {}): Message {
  return {
    id: uuid(0xe000 + seq),
    chatId: GROUP,
    seq,
    changedSeq: seq,
    senderId: MIA.id,
    contentType: 'text',
    content: `message ${seq}`,
    formatting: null,
    metadata: null,
    replyToId: null,
    mentions: [],
    reactions: [],
    attachments: [],
    isEdited: false,
    editedAt: null,
    isDeleted: false,
    deletedAt: null,
    createdAt: AT,
    ...with_,
  }
}

/** A command of that user's, as a room gets it. */
export function envelope<C extends Command>(
  user: User,
  command: C,
  origin: string | null = null,
): Envelope<C['type']> {
  return { principal: principalOf(user), command: command as Envelope<C['type']>['command'], origin }
}

/** The tables of the memory ports, with everybody in them and these chats. */
export function tablesWith(...chats: readonly (readonly [RoomState, ...Message[]])[]): MemoryChats {
  const tables = createMemoryChats()
  for (const user of PEOPLE) tables.users.set(user.id, user)
  for (const [state, ...messages] of chats) {
    tables.chats.set(state.chat.id, {
      state,
      changedSeq: 1,
      messages: new Map(messages.map((message) => [message.id, message])),
      participants: new Map([...state.participants].map(([id, row]) => [id, { row, changedSeq: 1 }])),
      mutes: new Map(),
    })
  }
  return tables
}

/** Everything that waits for nothing but its turn has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** HandClock stands still until it is moved, and then stops at everything that falls due on the way. */
export interface HandClock extends Clock {
  pass(milliseconds: number): Promise<void>
  readonly timers: number
}

export function createHandClock(start = Date.parse(AT)): HandClock {
  const timers = new Set<{ readonly at: number; readonly run: () => void }>()
  let now = start

  function nextBefore(end: number) {
    return [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
  }

  return {
    now: () => now,
    after(milliseconds, run) {
      const timer = { at: now + milliseconds, run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async pass(milliseconds) {
      const end = now + milliseconds
      await settled()
      for (let next = nextBefore(end); next; next = nextBefore(end)) {
        timers.delete(next)
        now = Math.max(now, next.at)
        next.run()
        await settled()
      }
      now = end
    },
    get timers() {
      return timers.size
    },
  }
}

export function createIds(): Ids {
  let last = 0xf0000
  return {
    uuid: () => {
      last += 1
      return uuid(last)
    },
  }
}

/** RecordingSocket keeps what a gateway does to a socket. */
export interface RecordingSocket extends Socket {
  /** Frames as they were handed over, so that a test sees which were shared. */
  readonly sent: Frames[]
  readonly closed: CloseReason | undefined
  pings: number
  slow: boolean
  /** While true, the network takes nothing more. */
  stuck: boolean
  /** What was sent since the last time, parsed; each has to be a frame of the contract. */
  take(): ServerFrame[]
}

export function createRecordingSocket(): RecordingSocket {
  const sent: Frames[] = []
  let onDrained = () => {}
  let isStuck = false
  let taken = 0
  let closed: CloseReason | undefined
  return {
    sent,
    pings: 0,
    slow: false,
    get stuck() {
      return isStuck
    },
    set stuck(it) {
      isStuck = it
      if (!it) onDrained()
    },
    get closed() {
      return closed
    },
    send(frames) {
      if (closed === undefined) sent.push(frames)
    },
    isSlow() {
      return this.slow
    },
    async drained() {
      if (!isStuck) return
      await new Promise<void>((resolve) => {
        onDrained = resolve
      })
    },
    ping() {
      this.pings += 1
    },
    close(reason) {
      closed ??= reason
    },
    take() {
      const texts = sent.slice(taken).flatMap((frames) => frames.texts)
      taken = sent.length
      return texts.map(toServerFrame)
    },
  }
}

function toServerFrame(text: string): ServerFrame {
  const value: unknown = JSON.parse(text)
  ServerFrame.parse(value)
  return value as ServerFrame
}
